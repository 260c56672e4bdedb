//! An event, with a snapshot of its object.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::{ids, paypal, provider::Provider, stripe};

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// The provider's name of the event: `payment_intent.succeeded`, `PAYMENT.CAPTURE.COMPLETED`.
    pub(crate) kind: Cow<'static, str>,
    pub(crate) at: Timestamp,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Stripe(stripe::EventContent),
    Paypal(paypal::EventContent),
    Given(Given),
}

/// An event written by the sandbox's user; delivered byte for byte.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) provider: Provider,
    pub(crate) id: Option<String>,
    pub(crate) text: Box<RawValue>,
}

impl Event {
    pub(crate) fn new(kind: Cow<'static, str>, content: Content, at: Timestamp) -> Self {
        let id = match &content {
            Content::Given(Given { id: Some(id), .. }) => id.clone(),
            Content::Given(Given { provider: Provider::Stripe, .. }) | Content::Stripe(_) => {
                ids::stripe("evt")
            }
            Content::Given(Given { provider: Provider::Paypal, .. }) | Content::Paypal(_) => {
                format!("WH-{}-{}", ids::paypal(), ids::paypal())
            }
        };
        Self { id, kind, at, content }
    }

    pub(crate) fn provider(&self) -> Provider {
        match &self.content {
            Content::Stripe(_) => Provider::Stripe,
            Content::Paypal(_) => Provider::Paypal,
            Content::Given(given) => given.provider,
        }
    }

    /// The id of the event's object.
    pub(crate) fn object(&self) -> Option<&str> {
        match &self.content {
            Content::Stripe(content) => Some(content.object.id()),
            Content::Paypal(content) => Some(content.id()),
            Content::Given(_) => None,
        }
    }

    /// The gateway's transaction, if the object has it.
    pub(crate) fn transaction_id(&self) -> Option<String> {
        match &self.content {
            Content::Stripe(content) => content.object.transaction_id(),
            Content::Paypal(content) => content.transaction_id().map(str::to_owned),
            Content::Given(_) => None,
        }
    }

    /// The body as delivered, the same each time. `base` is the base URL of its links.
    pub(crate) fn body(&self, base: &str) -> Bytes {
        let body = match &self.content {
            // During delivery, this delivery is pending.
            Content::Stripe(content) => serde_json::to_vec(&content.view(self, base, 1)),
            Content::Paypal(content) => serde_json::to_vec(&content.view(self, base)),
            Content::Given(given) => return given.text.get().to_owned().into(),
        };
        // Our own views have string keys and infallible serializers, so this cannot fail.
        body.unwrap_or_default().into()
    }
}
