//! The client's side of `graphql-transport-ws` (github.com/enisdenjo/graphql-ws, PROTOCOL.md). The library that executes
//! subscriptions takes more than the protocol allows, so each message is checked before it gets there.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use async_graphql::Request;
use async_graphql::http::ClientMessage;
use axum::extract::ws::Message;
use edge_core::card::{self, CardData};
use edge_core::request::{GraphqlRequest, repeated_name};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::ending::{self, Ending};
use crate::http::broken_frame::BrokenFrame;
use crate::http::card_frame::card_data_reason;

/// Messages of a client per second.
const MESSAGES_MAX: u32 = 20;

/// Why no more messages of a client are read. Contains nothing that the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// What it sent cannot be read.
    Broken(BrokenFrame),
    /// It does not offer the subprotocol.
    Subprotocol,
    /// What would be right.
    Invalid(&'static str),
    /// An object of its message gives a name twice.
    Repeated,
    /// Its message has card data or a wallet's payload.
    Card(CardData),
    /// It subscribes before `connection_init`.
    Unauthorized,
    /// It sends no `connection_init`.
    InitTimeout,
    /// An operation that is not completed has the id of another.
    TakenId,
    InitTwice,
    TooMany,
}

impl Refused {
    /// The code and the reason of the close frame.
    pub(super) fn frame(&self) -> (u16, String) {
        match self {
            Self::Broken(broken) => broken.close("64 KiB"),
            Self::Subprotocol => (4406, "Subprotocol not acceptable".to_owned()),
            Self::Invalid(right) => (4400, format!("Invalid message: {right}")),
            Self::Card(found) => (4400, card_data_reason(found)),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::Repeated => (4400, "Invalid message: a name is given twice".to_owned()),
            Self::TakenId => (4409, "Subscriber for this id already exists".to_owned()),
            Self::InitTwice => (4429, "Too many initialisation requests".to_owned()),
            Self::TooMany => (4429, "at most 20 messages a second".to_owned()),
        }
    }
}

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    ConnectionInit { payload: Option<Map<String, Value>> },
    Subscribe { id: String, payload: Map<String, Value> },
    Complete { id: String },
    Ping { payload: Option<Value> },
    Pong { payload: Option<Value> },
}

/// What is known of the client's side.
pub(super) struct Conversation {
    heard_at: Instant,
    has_begun: bool,
    /// The operations that neither side has completed.
    operations: HashSet<String>,
    /// The second that is counted, and the messages in it.
    counted: (Instant, u32),
    refused: Option<Refused>,
}

impl Conversation {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { heard_at: now, has_begun: false, operations: HashSet::new(), counted: (now, 0), refused: None }
    }

    /// How long nothing was received.
    pub(super) fn silent(&self) -> Duration {
        self.heard_at.elapsed()
    }

    /// The client has read what waited for it. Its messages that arrived meanwhile are still unread.
    pub(super) fn has_read(&mut self) {
        self.heard_at = Instant::now();
    }

    /// Whether the client has sent `connection_init`.
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    pub(super) const fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// Handles a frame, which may have a message. After `Break`, no more may be passed.
    pub(super) fn hear(
        &mut self,
        frame: Result<Message, axum::Error>,
    ) -> ControlFlow<(), Option<ClientMessage>> {
        match self.read(frame) {
            Ok(message) => ControlFlow::Continue(message),
            Err(refused) => {
                self.refused = refused;
                ControlFlow::Break(())
            }
        }
    }

    /// What the client receives for a message of the library. `None`: nothing, because it knows that the operation has
    /// ended. It may have used the id again, and the library's answer would complete the later operation.
    pub(super) fn tell(&mut self, text: String) -> Option<String> {
        match Ending::of(&text) {
            None => Some(text),
            Some(Ending::Completed { id }) => self.operations.remove(&id).then_some(text),
            Some(Ending::Failed { id, errors }) => {
                self.operations.remove(&id).then(|| ending::error(&id, &errors))
            }
        }
    }

    /// `Err(None)`: the connection is lost.
    fn read(
        &mut self,
        frame: Result<Message, axum::Error>,
    ) -> Result<Option<ClientMessage>, Option<Refused>> {
        let frame = frame.map_err(|error| BrokenFrame::of(&error).map(Refused::Broken))?;
        self.count()?;
        match frame {
            Message::Text(text) => Ok(Some(self.take(&text)?)),
            Message::Binary(_) => Err(Some(Refused::Invalid("send texts"))),
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(None),
        }
    }

    fn count(&mut self) -> Result<(), Refused> {
        self.heard_at = Instant::now();
        let (since, messages) = &mut self.counted;
        if since.elapsed() >= Duration::from_secs(1) {
            (*since, *messages) = (self.heard_at, 0);
        }
        *messages += 1;
        if *messages > MESSAGES_MAX { Err(Refused::TooMany) } else { Ok(()) }
    }

    fn take(&mut self, text: &str) -> Result<ClientMessage, Refused> {
        without_card_data(text.as_bytes())?;
        if let Ok(Some(_)) = repeated_name(text) {
            return Err(Refused::Repeated);
        }
        let text: Text = serde_json::from_str(text)
            .map_err(|_| Refused::Invalid("send connection_init, subscribe, complete, ping or pong"))?;
        Ok(match text {
            Text::ConnectionInit { .. } if self.has_begun => return Err(Refused::InitTwice),
            Text::ConnectionInit { payload } => {
                self.has_begun = true;
                ClientMessage::ConnectionInit { payload: payload.map(Value::Object) }
            }
            Text::Subscribe { .. } if !self.has_begun => return Err(Refused::Unauthorized),
            Text::Subscribe { id, payload } => {
                if id.is_empty() {
                    return Err(Refused::Invalid("subscribe has an id"));
                }
                let asked = asked(&payload)?;
                if !self.operations.insert(id.clone()) {
                    return Err(Refused::TakenId);
                }
                ClientMessage::Start { id, payload: Request::new("").data(asked) }
            }
            Text::Complete { id } => {
                self.operations.remove(&id);
                ClientMessage::Stop { id }
            }
            Text::Ping { payload } => ClientMessage::Ping { payload },
            Text::Pong { payload } => ClientMessage::Pong { payload },
        })
    }
}

/// A payload is what the body of `POST /graphql` is.
fn asked(payload: &Map<String, Value>) -> Result<GraphqlRequest, Refused> {
    // Text, numbers and lists can always be written.
    let body = serde_json::to_vec(payload).unwrap_or_default();
    // Fields of a document and of its variables are known where the document is a member of the outermost object.
    without_card_data(&body)?;
    GraphqlRequest::parse(&body).map_err(|_| {
        Refused::Invalid("payload has query or documentId, and may have operationName, variables, extensions")
    })
}

/// The check of a request's body at the edge.
fn without_card_data(json: &[u8]) -> Result<(), Refused> {
    card::find_in_json(json).map_or(Ok(()), |found| Err(Refused::Card(found)))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use serde_json::json;
    use tokio_tungstenite::tungstenite::error::{CapacityError, Error};

    use super::*;

    fn hear(conversation: &mut Conversation, text: &str) -> ControlFlow<(), Option<ClientMessage>> {
        conversation.hear(Ok(Message::Text(text.into())))
    }

    fn begun() -> Conversation {
        let mut conversation = Conversation::new();
        assert!(hear(&mut conversation, r#"{"type":"connection_init"}"#).is_continue());
        conversation
    }

    fn subscribe(id: &str) -> String {
        json!({ "type": "subscribe", "id": id, "payload": { "query": "subscription { a }" } }).to_string()
    }

    fn complete(id: &str) -> String {
        json!({ "type": "complete", "id": id }).to_string()
    }

    #[track_caller]
    fn refuses(conversation: &mut Conversation, text: &str, code: u16, reason: &str) {
        assert!(hear(conversation, text).is_break(), "{text}");
        let (its_code, its_reason) = conversation.refused().unwrap().frame();
        assert_eq!(its_code, code, "{text}");
        assert!(its_reason.contains(reason) && its_reason.len() <= 123, "{its_reason}");
    }

    #[test]
    fn what_breaks_the_protocol_has_its_code_and_reason() {
        refuses(&mut Conversation::new(), &subscribe("1"), 4401, "Unauthorized");
        let init = r#"{"type":"connection_init","payload":{"a":1}}"#;
        refuses(&mut begun(), init, 4429, "Too many initialisation requests");
        let mut twice = begun();
        assert!(hear(&mut twice, &subscribe("1")).is_continue());
        assert!(hear(&mut twice, &subscribe("2")).is_continue());
        refuses(&mut twice, &subscribe("1"), 4409, "Subscriber for this id already exists");
    }

    #[test]
    fn nothing_of_what_a_client_sends_is_in_the_reason() {
        let secret = "sk_live_secret";
        let mut twice = begun();
        assert!(hear(&mut twice, &subscribe(secret)).is_continue());
        for (mut conversation, text) in [
            (twice, subscribe(secret)),
            (begun(), format!(r#"{{"{secret}":1,"{secret}":2}}"#)),
            (begun(), json!({ "type": "subscribe", "id": "1", "payload": { secret: 1 } }).to_string()),
            (begun(), json!({ "type": secret }).to_string()),
            (begun(), secret.to_owned()),
        ] {
            assert!(hear(&mut conversation, &text).is_break(), "{text}");
            let (_, reason) = conversation.refused().unwrap().frame();
            assert!(!reason.contains("secret") && reason.len() <= 123, "{reason}");
        }
    }

    #[test]
    fn card_data_and_wallets_payloads_close_wherever_they_stand() {
        let card = "CARD_DATA_NOT_ACCEPTED: ";
        let wallet = "WALLET_PAYLOAD_NOT_ACCEPTED: ";
        let asked =
            |payload: Value| json!({ "type": "subscribe", "id": "1", "payload": payload }).to_string();
        let query = "subscription($m: [M!]) { a(m: $m) }";
        for (text, reason) in [
            (subscribe("4242 4242 4242 4242"), card),
            (complete("4242424242424242"), card),
            (r#"{"type":"ping","payload":{"cvv":"123"}}"#.to_owned(), card),
            (r#"{"type":"connection_init","payload":{"n":4242424242424242}}"#.to_owned(), card),
            ("4242424242424242".to_owned(), card),
            (asked(json!({ "query": "subscription { a(cvv: \"123\") }" })), card),
            (
                asked(json!({ "query": query, "variables": { "m": [{ "key": "cvv", "value": "123" }] } })),
                card,
            ),
            (r#"{"type":"pong","payload":{"ephemeralPublicKey":"x"}}"#.to_owned(), wallet),
            (asked(json!({ "query": query, "extensions": { "signedMessage": "x" } })), wallet),
        ] {
            refuses(&mut begun(), &text, 4400, reason);
        }
    }

    #[test]
    fn what_is_no_message_of_a_client_is_invalid() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"start","id":"1","payload":{"query":"subscription { a }"}}"#,
            r#"{"type":"stop","id":"1"}"#,
            r#"{"type":"connection_terminate"}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_init","payload":"secret"}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"documentId":"1"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"subscription { a }"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"subscription { a }"}}"#,
        ] {
            refuses(&mut begun(), text, 4400, "Invalid message: ");
        }
        let mut binary = begun();
        assert!(binary.hear(Ok(Message::Binary(Bytes::from_static(b"{}")))).is_break());
        assert_eq!(binary.refused().unwrap().frame().0, 4400);
    }

    #[test]
    fn a_name_given_twice_in_a_message_is_refused() {
        let query = r#"{"type":"subscribe","id":"1","payload":{"query":"subscription { a }""#;
        for variables in [r#"{"after":"a","\u0061fter":"b"}"#, r#"{"i":[{"after":1,"after":2}]}"#] {
            let text = format!(r#"{query},"variables":{variables}}}}}"#);
            refuses(&mut begun(), &text, 4400, "a name is given twice");
        }
    }

    #[test]
    fn an_id_is_free_once_either_side_has_completed_its_operation() {
        let mut conversation = begun();
        assert!(hear(&mut conversation, &subscribe("1")).is_continue());
        let event = r#"{"type":"next","id":"1","payload":{}}"#;
        assert_eq!(conversation.tell(event.to_owned()).as_deref(), Some(event));
        assert!(conversation.tell(complete_of_the_library("1")).is_some(), "the server completes it");
        assert!(hear(&mut conversation, &subscribe("1")).is_continue());
        assert!(hear(&mut conversation, &complete("1")).is_continue());
        assert_eq!(conversation.tell(complete_of_the_library("1")), None, "the client has completed it");
        assert!(hear(&mut conversation, &subscribe("1")).is_continue());
    }

    #[test]
    fn a_failed_operation_ends_with_an_error_and_nothing_after_it() {
        let mut conversation = begun();
        assert!(hear(&mut conversation, &subscribe("1")).is_continue());
        let failed = r#"{"type":"next","id":"1","payload":{"data":null,"errors":[{"message":"no"}]}}"#;
        let told: Value = serde_json::from_str(&conversation.tell(failed.to_owned()).unwrap()).unwrap();
        assert_eq!(told, json!({ "type": "error", "id": "1", "payload": [{ "message": "no" }] }));
        assert_eq!(conversation.tell(complete_of_the_library("1")), None);
        assert!(hear(&mut conversation, &subscribe("1")).is_continue(), "the id is free");
    }

    #[test]
    fn a_document_is_named_by_its_text_or_its_id_and_not_by_both() {
        let id = "0f".repeat(32);
        let message =
            |payload: Value| json!({ "type": "subscribe", "id": "1", "payload": payload }).to_string();
        assert!(hear(&mut begun(), &message(json!({ "documentId": id }))).is_continue());
        let both = message(json!({ "documentId": id, "query": "subscription { a }" }));
        refuses(&mut begun(), &both, 4400, "payload has query or documentId");
    }

    fn complete_of_the_library(id: &str) -> String {
        format!(r#"{{"type":"complete","id":"{id}"}}"#)
    }

    #[test]
    fn pings_begin_no_conversation() {
        let mut conversation = Conversation::new();
        let ping = hear(&mut conversation, r#"{"type":"ping","payload":null}"#);
        assert!(matches!(ping, ControlFlow::Continue(Some(ClientMessage::Ping { .. }))));
        assert!(!conversation.has_begun() && begun().has_begun());
    }

    #[test]
    fn the_end_of_what_is_heard_has_its_own_reason() {
        let mut flood = Conversation::new();
        for _ in 0..MESSAGES_MAX {
            assert!(flood.hear(Ok(Message::Ping(Bytes::new()))).is_continue());
        }
        assert!(flood.hear(Ok(Message::Ping(Bytes::new()))).is_break());
        assert_eq!(flood.refused(), Some(&Refused::TooMany));
        let mut lost = Conversation::new();
        assert!(lost.hear(Err(axum::Error::new(std::io::Error::other("reset")))).is_break());
        assert_eq!(lost.refused(), None);
        let too_long = Error::Capacity(CapacityError::MessageTooLong { size: 2, max_size: 1 });
        let mut long = Conversation::new();
        assert!(long.hear(Err(axum::Error::new(too_long))).is_break());
        assert_eq!(long.refused(), Some(&Refused::Broken(BrokenFrame::TooLong)));
    }
}
