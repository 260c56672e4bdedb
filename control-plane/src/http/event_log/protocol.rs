//! The messages of `gateway.events.v1`, the WebSocket protocol of the event log.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use payments::model::id::PaymentId;
use payments::model::log::EventId;
use serde::{Deserialize, Serialize};

use super::audience::Shown;
use crate::http::wire;

/// The name of the protocol (RFC 6455, section 1.9).
pub(super) const PROTOCOL: &str = "gateway.events.v1";

/// Payments of one subscription.
const PAYMENTS_MAX: usize = 100;
const TYPES_MAX: usize = 30;

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

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum RequestText {
    Subscribe {
        #[serde(default)]
        payments: Vec<String>,
        #[serde(default)]
        types: Vec<String>,
        after: Option<String>,
    },
    Unsubscribe {},
    Ping {},
}

impl Request {
    /// # Errors
    /// Says what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text: RequestText = serde_json::from_str(text).map_err(|error| {
            // The parser's message can quote what was sent.
            format!("line {} column {}: send subscribe, unsubscribe or ping", error.line(), error.column())
        })?;
        let RequestText::Subscribe { payments, types, after } = text else {
            let is_ping = matches!(text, RequestText::Ping {});
            return Ok(if is_ping { Self::Ping } else { Self::Unsubscribe });
        };
        if payments.len() > PAYMENTS_MAX || types.len() > TYPES_MAX {
            return Err(format!("a subscription has at most {PAYMENTS_MAX} payments and {TYPES_MAX} types"));
        }
        let payments: Result<_, _> = payments.iter().map(|id| id.parse()).collect();
        Ok(Self::Subscribe {
            payments: payments.map_err(|_| "payments must be transaction ids".to_owned())?,
            types,
            after: after
                .map(|id| id.parse())
                .transpose()
                .map_err(|_| "after must be an event id".to_owned())?,
        })
    }
}

/// What the control plane says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Reply {
    /// The first message.
    Hello {
        heartbeat_seconds: u64,
    },
    /// The subscription holds from here on: behind `cursor`.
    Subscribed {
        cursor: wire::EventId,
    },
    Unsubscribed,
    Event {
        event: Shown,
    },
    /// The connection lives.
    Heartbeat,
    /// Answers `ping`.
    Pong,
    /// The log does not have the event to continue behind. Read the payments again; events from now on follow.
    Reset {
        reason: &'static str,
    },
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
    /// Connect again after this time, behind the last event, or behind `after` if there was none.
    GoingAway { retry_after_ms: u64, after: EventId },
    /// As before: the database cannot be read now.
    TryAgain { retry_after_ms: u64 },
    /// Get a new ticket.
    Expired,
    /// Correct the client.
    BadMessage(String),
    /// Send shorter messages.
    TooLong,
    /// Subscribe within five seconds.
    NotSubscribed,
    /// Read faster, or subscribe to less; connect again behind the last event.
    TooSlow,
    /// Send fewer messages.
    TooMany,
    /// Nothing was heard: connect again behind the last event.
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
            Self::TooLong => (4400, "a message has at most 6 KiB".to_owned()),
            Self::NotSubscribed => (4408, "send subscribe within 5 seconds".to_owned()),
            Self::TooSlow => (4409, "events came faster than they were read".to_owned()),
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
        assert_eq!(Request::parse(r#"{"type":"subscribe"}"#), Ok(all));
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
            format!(r#"{{"type":"subscribe","payments":["{secret}"]}}"#),
            format!(r#"{{"type":"subscribe","after":"{secret}"}}"#),
            format!(r#"{{"type":"subscribe","types":{}}}"#, serde_json::to_string(&["a"; 31]).unwrap()),
        ] {
            let why = Request::parse(&text).unwrap_err();
            assert!(!why.contains(secret) && why.len() < 123, "{why}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in ".{0,200}") {
            let _ = Request::parse(&text);
        }
    }
}
