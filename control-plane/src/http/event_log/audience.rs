//! What of an event is shown to whom.

use jiff::Timestamp;
use payments::model::payment::Status as PaymentStatus;
use payments::model::refund::RefundStatus as RefundState;
use payments::ports::store::LoggedEvent;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::LoggedEventView;
use crate::http::wire::{EventId, PaymentId, RefundId, RefundStatus, Status};

/// Who sees the events of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Audience {
    /// The payment's client.
    Client,
    /// The bearer of a ticket. The payment has this status, as far as was shown.
    Payer(PaymentStatus),
}

/// An event as it is shown.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum VisibleEvent {
    Client(Box<LoggedEventView>),
    Payer(PayerEventView),
}

/// An event in the log, to the bearer of a ticket: what a payer may know.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PayerEvent)]
pub(super) struct PayerEventView {
    /// Pass it as `after` to continue after this event.
    id: EventId,
    /// `payment.completed`, `refund.processed`, …
    #[serde(rename = "type")]
    kind: String,
    transaction_id: PaymentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    /// The version of the payment, or of the refund if there is a `refundId`.
    version: u32,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The payment's status.
    status: Status,
    /// The refund's status, if there is a `refundId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_status: Option<RefundStatus>,
}

impl Audience {
    pub(super) fn show(&mut self, event: &LoggedEvent) -> VisibleEvent {
        match self {
            Self::Client => VisibleEvent::Client(Box::new(event.clone().into())),
            Self::Payer(status) => VisibleEvent::Payer(payer_event(event, status)),
        }
    }
}

/// `status`: of the payment before the event. A refund changes none, so it stays.
fn payer_event(LoggedEvent { position, event }: &LoggedEvent, status: &mut PaymentStatus) -> PayerEventView {
    let is_refund = event.refund.is_some();
    if !is_refund {
        // A state that a later release has added is one of those that are not decided.
        *status = PaymentStatus::of_state(&event.to).unwrap_or(PaymentStatus::Pending);
    }
    let refund_status = RefundState::of_state(&event.to).unwrap_or(RefundState::Pending);
    PayerEventView {
        id: position.id().into(),
        kind: event.kind(),
        transaction_id: event.payment.into(),
        refund_id: event.refund.map(RefundId::from),
        version: event.version,
        at: event.at,
        status: (*status).into(),
        refund_status: is_refund.then(|| refund_status.into()),
    }
}

#[cfg(test)]
mod tests {
    use edge_core::client::ClientId;
    use payments::model::event::{Cause, Detail, Event};
    use payments::model::id::{PaymentId, RefundId};
    use payments::model::log::Position;
    use serde_json::json;

    use super::*;

    fn event(refund: bool, to: &str) -> LoggedEvent {
        let client = ClientId::parse("hidden-client").unwrap();
        let event = Event {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            refund: refund.then(|| RefundId::new(Timestamp::UNIX_EPOCH, [2; 10])),
            version: 3,
            from: Some("hidden".to_owned()),
            to: to.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            cause: Cause::request(client, "hidden-request".to_owned()),
            detail: Detail {
                operation: Some("hidden".to_owned()),
                code: Some("hidden".to_owned()),
                reason: Some("hidden".to_owned()),
                tries: Some(7),
                ..Detail::default()
            },
        };
        LoggedEvent { position: Position { epoch: 0, transaction: 0, sequence: 1 }, event }
    }

    #[test]
    fn a_payer_sees_what_became_of_the_payment_and_nothing_else() {
        let mut payer = Audience::Payer(PaymentStatus::Pending);
        let completed = event(false, "completed");
        let shown = serde_json::to_value(payer.show(&completed)).unwrap();
        let expected = json!({
            "id": completed.position.id().to_string(), "type": "payment.completed",
            "transactionId": completed.event.payment.to_string(), "version": 3, "at": "1970-01-01T00:00:00Z",
            "status": "completed",
        });
        assert_eq!(shown, expected);
        let refunded = event(true, "processing");
        let shown = serde_json::to_value(payer.show(&refunded)).unwrap();
        assert_eq!((&shown["status"], &shown["refundStatus"]), (&json!("completed"), &json!("pending")));
        assert_eq!(shown["refundId"], refunded.event.refund.unwrap().to_string());
        assert!(!shown.to_string().contains("hidden"), "{shown}");
        let client = serde_json::to_value(Audience::Client.show(&completed)).unwrap();
        assert_eq!((&client["client"], &client["reason"]), (&json!("hidden-client"), &json!("hidden")));
    }

    #[test]
    fn every_state_shows_a_payer_its_status() {
        for (to, status) in [
            ("created", "pending"),
            ("unknown", "pending"),
            ("requires_action", "requires_action"),
            ("failed", "failed"),
            ("invented_later", "pending"),
        ] {
            let shown = Audience::Payer(PaymentStatus::Completed).show(&event(false, to));
            assert_eq!(serde_json::to_value(shown).unwrap()["status"], status);
        }
    }
}
