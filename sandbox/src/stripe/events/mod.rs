//! Stripe's events: a snapshot of the object at the time of the event (docs.stripe.com/api/events).

pub(crate) mod list;
pub(crate) mod retrieve;

use serde_json::{Value, json};

use super::{
    charge::Charge,
    dispute::Dispute,
    payment_intent::{PaymentIntent, transaction_id},
    refunds::Refund,
    version::NEWEST,
};
use crate::webhooks::{Content, Event, Record};

#[derive(Debug)]
pub(crate) struct EventContent {
    /// The request that caused it; absent if there was none.
    pub(crate) request: Option<Request>,
    pub(crate) object: Snapshot,
    /// The previous values of the changed fields.
    pub(crate) before: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Snapshot {
    Intent(Box<PaymentIntent>),
    Charge(Box<Charge>),
    Refund(Box<Refund>),
    Dispute(Box<Dispute>),
}

impl Snapshot {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Intent(intent) => &intent.id,
            Self::Charge(charge) => &charge.id,
            Self::Refund(refund) => &refund.id,
            Self::Dispute(dispute) => &dispute.id,
        }
    }

    /// The gateway's transaction, if the object itself names it.
    pub(crate) fn transaction_id(&self) -> Option<String> {
        match self {
            Self::Intent(intent) => intent.transaction_id(),
            Self::Charge(charge) => transaction_id(&charge.metadata),
            Self::Refund(refund) => transaction_id(&refund.metadata),
            // Stripe's disputes have their own metadata, which only a merchant writes.
            Self::Dispute(_) => None,
        }
    }

    fn view(&self, pages: &str) -> Value {
        match self {
            Self::Intent(intent) => intent.view(pages),
            Self::Charge(charge) => charge.view(),
            Self::Refund(refund) => refund.view(),
            Self::Dispute(dispute) => dispute.view(),
        }
    }
}

impl EventContent {
    /// The event as delivered and as retrieved; `pending` deliveries are outstanding.
    pub(crate) fn view(&self, event: &Event, pages: &str, pending: u32) -> Value {
        let mut data = json!({ "object": self.object.view(pages) });
        if let (Some(before), Some(data)) = (&self.before, data.as_object_mut()) {
            data.insert("previous_attributes".to_owned(), before.clone());
        }
        let request = self.request.as_ref();
        json!({
            "id": event.id,
            "object": "event",
            "api_version": NEWEST,
            "created": event.at.as_second(),
            "data": data,
            "livemode": false,
            "pending_webhooks": pending,
            "request": {
                "id": request.map(|request| &request.id),
                "idempotency_key": request.and_then(|request| request.idempotency_key.as_ref()),
            },
            "type": event.kind,
        })
    }
}

/// A stored event as retrieved.
fn show(record: &Record, pages: &str) -> Value {
    match &record.event.content {
        Content::Stripe(content) => content.view(&record.event, pages, record.pending()),
        Content::Given(given) => serde_json::from_str(given.text.get()).unwrap_or_default(),
        // Never in Stripe's lane.
        Content::Paypal(_) => Value::Null,
    }
}
