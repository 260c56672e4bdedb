//! The messages of `gateway.events.v1`, the WebSocket protocol of the event log.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use edge_core::card;
use edge_core::request::are_event_types;
use payments::model::id::PaymentId;
use payments::model::log::EventId;
use serde::Serialize;

use super::audience::VisibleEvent;
use super::members::Members;
use crate::http::broken_frame::BrokenFrame;
use crate::http::card_frame::card_data_reason;
use crate::http::sending::STALLED;
use crate::http::wire;

/// The name of the protocol (RFC 6455, section 1.9).
pub(super) const PROTOCOL: &str = "gateway.events.v1";

/// Payments of one subscription.
const PAYMENTS_MAX: usize = 100;

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Replaces the subscription before it.
    Subscribe {
        payments: Vec<PaymentId>,
        types: Vec<String>,
        after: Option<EventId>,
    },
    Unsubscribe,
    Ping,
}

impl Request {
    /// # Errors
    /// Says what would be right, in no more than a close reason may have, and repeats nothing of the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(found) = card::find_in_json(text.as_bytes()) {
            return Err(card_data_reason(&found));
        }
        let mut members =
            Members::read(text).ok_or("send subscribe, unsubscribe or ping, as a JSON object")?;
        if let Some(name) = members.repeated() {
            return Err(format!("{name} is given twice; give each member once"));
        }
        let kind: Option<String> = members.take("type").unwrap_or_default();
        let (request, has) = match kind.as_deref() {
            Some("subscribe") => (subscription(&mut members)?, "subscribe has payments, types and after"),
            Some("unsubscribe") => (Self::Unsubscribe, "unsubscribe has no other than type"),
            Some("ping") => (Self::Ping, "ping has no other than type"),
            _ => return Err("type must be subscribe, unsubscribe or ping".to_owned()),
        };
        match members.left() {
            Some(name) => Err(format!("{name} is unknown; {has}")),
            None => Ok(request),
        }
    }
}

const TYPES_RULE: &str =
    "types must be a list of 1 to 30 event types, e.g. payment.completed, or be left out for all";
const AFTER_RULE: &str = "after must be an event id, evt_ and 32 letters, or be left out for from now on";

/// An empty list comes from a client that has nothing to watch, and must not give it everything.
fn subscription(members: &mut Members) -> Result<Request, String> {
    let payments: Result<Option<Vec<PaymentId>>, _> = members.take("payments");
    let payments = payments
        .ok()
        .filter(|payments| payments.as_ref().is_none_or(|ids| (1..=PAYMENTS_MAX).contains(&ids.len())))
        .ok_or_else(|| {
            format!("payments must be a list of 1 to {PAYMENTS_MAX} transaction ids, or be left out for all")
        })?;
    let types: Result<Option<Vec<String>>, _> = members.take("types");
    let types = types
        .ok()
        .filter(|types| types.as_ref().is_none_or(|types| are_event_types(types)))
        .ok_or(TYPES_RULE)?;
    let after: Option<String> = members.take("after").map_err(|_| AFTER_RULE)?;
    let after: Option<EventId> = after.map(|id| id.parse()).transpose().map_err(|_| AFTER_RULE)?;
    Ok(Request::Subscribe { payments: payments.unwrap_or_default(), types: types.unwrap_or_default(), after })
}

/// What the control plane says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Reply {
    /// The first message.
    Hello {
        heartbeat_seconds: u64,
        /// Where a subscription from now on begins.
        cursor: wire::EventId,
        /// How far back the log goes at least; left out if it keeps all events.
        #[serde(skip_serializing_if = "Option::is_none")]
        retained_hours: Option<u32>,
        /// A client that is cut off connects again after a random time between these.
        reconnect_after_ms: Between,
    },
    /// The subscription begins here: after `cursor`.
    Subscribed {
        cursor: wire::EventId,
    },
    Unsubscribed,
    Event {
        event: VisibleEvent,
    },
    /// The connection lives. A client that is cut off continues after `cursor`, also if it has had no event for long.
    Heartbeat {
        cursor: wire::EventId,
    },
    /// Answers `ping`.
    Pong,
    /// The log does not have the event to continue after, or what came after it. Read the payments again; events from
    /// now on follow.
    Reset {
        reason: &'static str,
    },
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Between {
    pub(super) min: u64,
    pub(super) max: u64,
}

impl Reply {
    pub(super) fn message(&self) -> Message {
        // Text, numbers and times can always be written.
        Message::Text(serde_json::to_string(self).unwrap_or_default().into())
    }
}

/// Why the control plane closes a socket, with a code that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Connect again after this time: after the last event, or after `after` if there was none.
    GoingAway { retry_after_ms: u64, after: EventId },
    /// The same; the database cannot be read now.
    TryAgain { retry_after_ms: u64 },
    /// Get a new ticket.
    Expired,
    /// Correct the client.
    BadMessage(String),
    /// Correct the client: what it sent cannot be read.
    Broken(BrokenFrame),
    /// Subscribe within five seconds.
    NotSubscribed,
    /// Read faster, or subscribe to less; connect again after the last event.
    TooSlow,
    /// Nothing was read: connect again after the last event.
    Stalled,
    /// Send fewer messages.
    TooMany,
    /// Nothing was received: connect again after the last event.
    Silent,
}

impl Close {
    pub(super) fn message(&self) -> Message {
        let (code, reason) = match self {
            Self::GoingAway { retry_after_ms, after } => {
                (1012, format!("{{\"retryAfterMs\":{retry_after_ms},\"after\":\"{after}\"}}"))
            }
            Self::TryAgain { retry_after_ms } => (1013, format!("{{\"retryAfterMs\":{retry_after_ms}}}")),
            Self::Expired => (4401, "the ticket has expired; get a new one".to_owned()),
            Self::BadMessage(why) => (4400, why.clone()),
            Self::Broken(broken) => broken.close("6 KiB"),
            Self::NotSubscribed => (4408, "send subscribe within 5 seconds".to_owned()),
            Self::TooSlow => (4409, "events came faster than they were read".to_owned()),
            Self::Stalled => (4409, STALLED.to_owned()),
            Self::TooMany => (4429, "at most 20 messages a second".to_owned()),
            Self::Silent => (4410, "no pong within 45 seconds".to_owned()),
        };
        Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from(reason) }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_message_is_read() {
        let id = "txn_01890000-0000-7000-8000-000000000000";
        let after = format!("evt_{}", "a".repeat(32));
        let text = format!(
            r#"{{"type":"subscribe","payments":["{id}"],"types":["payment.completed"],"after":"{after}"}}"#
        );
        let read = Request::Subscribe {
            payments: vec![id.parse().unwrap()],
            types: vec!["payment.completed".to_owned()],
            after: Some(after.parse().unwrap()),
        };
        assert_eq!(Request::parse(&text), Ok(read));
        let all = Request::Subscribe { payments: vec![], types: vec![], after: None };
        for text in
            [r#"{"type":"subscribe"}"#, r#"{"type":"subscribe","payments":null,"types":null,"after":null}"#]
        {
            assert_eq!(Request::parse(text).as_ref(), Ok(&all), "{text}");
        }
        assert_eq!(Request::parse(r#"{"type":"unsubscribe"}"#), Ok(Request::Unsubscribe));
        assert_eq!(Request::parse(r#"{"type":"ping"}"#), Ok(Request::Ping));
    }

    #[test]
    fn wrong_messages_are_refused_without_repeating_them() {
        let secret = "sk_live_secret";
        for text in [
            "".to_owned(),
            "[]".to_owned(),
            format!("{{\"type\":\"{secret}\"}}"),
            format!(r#"{{"type":"subscribe","{secret}":1}}"#),
            format!(r#"{{"type":"subscribe","{secret}":1,"{secret}":2}}"#),
            r#"{"type":"subscribe","secret":1}"#.to_owned(),
            format!(r#"{{"type":"subscribe","payments":["{secret}"]}}"#),
            format!(r#"{{"type":"subscribe","after":"{secret}"}}"#),
            format!(r#"{{"type":"subscribe","types":["{secret}"]}}"#),
        ] {
            let why = Request::parse(&text).unwrap_err();
            assert!(!why.contains("secret") && why.len() < 123, "{why}");
            assert!(!why.contains("line"), "a message has no place of its own: {why}");
        }
    }

    #[test]
    fn a_wrong_member_is_named_with_what_would_be_right() {
        for (text, named, right) in [
            (r#"{"type":"subscribe","payment":"x"}"#, "a member", "payments, types and after"),
            (r#"{"type":"subscribe","after":7}"#, "after", "an event id"),
            (r#"{"type":"subscribe","after":"evt_1"}"#, "after", "an event id"),
            (r#"{"type":"subscribe","after":null,"after":null}"#, "after", "once"),
            (r#"{"type":"ping","type":"ping"}"#, "type", "once"),
            (r#"{"type":"subscribe","payments":"txn_1"}"#, "payments", "a list"),
            (r#"{"type":"subscribe","payments":["txn_1"]}"#, "payments", "transaction ids"),
            (r#"{"type":"subscribe","types":"payment.completed"}"#, "types", "a list"),
            (r#"{"type":"subscribe","types":[1]}"#, "types", "event types"),
            (r#"{"type":"ping","payments":null}"#, "payments", "ping has"),
            (r#"{"type":"unsubscribe","all":true}"#, "a member", "unsubscribe has"),
            (r#"{"type":"watch"}"#, "type", "subscribe, unsubscribe or ping"),
            (r#"{"payments":null}"#, "type", "subscribe, unsubscribe or ping"),
        ] {
            let why = Request::parse(text).unwrap_err();
            assert!(why.starts_with(&format!("{named} ")) && why.contains(right), "{text}: {why}");
        }
    }

    #[test]
    fn card_data_and_wallets_payloads_are_named_wherever_they_stand() {
        for (text, code) in [
            (r#"{"type":"ping","4242424242424242":1}"#, "CARD_DATA_NOT_ACCEPTED"),
            (r#"{"type":"subscribe","after":"4242 4242 4242 4242"}"#, "CARD_DATA_NOT_ACCEPTED"),
            (r#"{"type":"ping","cvv":"123"}"#, "CARD_DATA_NOT_ACCEPTED"),
            ("4242424242424242", "CARD_DATA_NOT_ACCEPTED"),
            (r#"{"type":"ping","a":{"ephemeralPublicKey":"x"}}"#, "WALLET_PAYLOAD_NOT_ACCEPTED"),
        ] {
            let why = Request::parse(text).unwrap_err();
            assert!(why.starts_with(&format!("{code}: ")) && why.len() <= 123, "{text}: {why}");
            assert!(!why.contains("4242") && !why.contains("ephemeral"), "{why}");
        }
    }

    #[test]
    fn a_list_that_is_empty_too_long_or_names_no_type_is_not_taken_for_everything() {
        let long = serde_json::to_string(&["payment.completed"; 31]).unwrap();
        for (name, list) in [
            ("payments", "[]"),
            ("types", "[]"),
            ("types", r#"[""]"#),
            ("types", r#"["completed"]"#),
            ("types", r#"["payment.completed",""]"#),
            ("types", long.as_str()),
        ] {
            let why = Request::parse(&format!(r#"{{"type":"subscribe","{name}":{list}}}"#)).unwrap_err();
            assert!(why.starts_with(name), "{list}: {why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,200}") {
            let _ = Request::parse(&text);
        }

        #[test]
        fn every_reason_fits_a_close_frame(name in "[a-zA-Z]{1,30}", kind in "subscribe|unsubscribe|ping") {
            for text in [
                format!(r#"{{"type":"{kind}","x{name}":1}}"#),
                format!(r#"{{"type":"{kind}","x{name}":1,"x{name}":1}}"#),
            ] {
                let why = Request::parse(&text).unwrap_err();
                prop_assert!(why.len() <= 123, "{why}");
            }
        }
    }
}
