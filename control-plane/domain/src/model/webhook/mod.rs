//! Webhook events from providers: stored before they are acknowledged and processed later.
//!
//! An event is a hint: it names an object to read again, and the records follow that object's state. Only disputes are
//! recorded from the event itself: as the provider's statement if the provider signs the whole body (Stripe), and as a
//! mere claim if the provider does not let us read its own object (PayPal, without the permission).

mod dispute;

pub use dispute::{Dispute, DisputeOutcome, DisputeStage, DisputeVerdict};

use edge_core::card;
use edge_core::provider::Provider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::id::PaymentId;
use crate::model::provider::ProviderRef;

/// An event as stored in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    pub provider: Provider,
    /// The provider's event id; unique per provider.
    pub id: String,
    /// The provider's event type, e.g. `payment_intent.succeeded`.
    pub kind: String,
    /// The body as received, without card data and secrets, which are removed before it is stored. Empty once it has
    /// ended by the operator's schedule.
    pub body: Vec<u8>,
    /// SHA-256 of the body as received, which is what the provider signed. `None` for events stored by an earlier
    /// release.
    pub body_sha256: Option<[u8; 32]>,
    /// When the provider created the event.
    pub created_at: Option<Timestamp>,
    pub received_at: Timestamp,
    pub state: EventState,
    /// The number of failed processing attempts.
    pub attempts: u32,
}

impl WebhookEvent {
    /// Whether what it said has ended: no genuine event says nothing.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.body.is_empty()
    }
}

/// The stored part of an event's body. Only bodies whose signature the edge has verified get this far, so the digest
/// proves the signature: a copy of the received body can be checked against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBody {
    /// The body without card data and secrets.
    pub kept: Vec<u8>,
    /// SHA-256 of the body as received.
    pub sha256: [u8; 32],
}

impl EventBody {
    #[must_use]
    pub fn of(received: &[u8]) -> Self {
        Self { kept: card::redacted(received).into_owned(), sha256: Sha256::digest(received).into() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventState {
    /// Stored; not processed yet.
    Received,
    Done,
    /// Requires no action, for this reason.
    Ignored {
        reason: String,
    },
    /// Processing failed; the next try is at `next_at`.
    Failed {
        next_at: Timestamp,
        reason: String,
    },
    /// Processing failed for so long that it is not retried: an operator replays or dismisses the event.
    Parked {
        /// The reason of the last failure.
        reason: String,
    },
    /// An operator decided that the event requires no action. It is never processed again.
    Dismissed(Dismissal),
}

/// Who dismissed an event, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissal {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
}

impl EventState {
    pub const NAMES: [&'static str; 6] = ["received", "done", "ignored", "failed", "parked", "dismissed"];

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Done => "done",
            Self::Ignored { .. } => "ignored",
            Self::Failed { .. } => "failed",
            Self::Parked { .. } => "parked",
            Self::Dismissed(_) => "dismissed",
        }
    }

    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ignored { reason }
            | Self::Failed { reason, .. }
            | Self::Parked { reason }
            | Self::Dismissed(Dismissal { reason, .. }) => Some(reason),
            Self::Received | Self::Done => None,
        }
    }
}

/// The change to an event in the commit of its effect. Fails if the event was already processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventChange {
    pub provider: Provider,
    pub id: String,
    pub state: EventState,
    pub attempts: u32,
}

/// The content of an event's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedEvent {
    pub id: String,
    pub kind: String,
    pub created_at: Option<Timestamp>,
    pub subject: EventSubject,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSubject {
    Payment(EventRefs),
    Refund(EventRefs),
    /// Unless [`Dispute::is_verified`], the dispute and its payment are only claims.
    Dispute(EventRefs, Dispute),
    /// An event type that this gateway does not use.
    Other,
}

impl EventSubject {
    /// The references to the event's payment.
    #[must_use]
    pub const fn refs(&self) -> Option<&EventRefs> {
        match self {
            Self::Payment(refs) | Self::Refund(refs) | Self::Dispute(refs, _) => Some(refs),
            Self::Other => None,
        }
    }
}

/// All references to a payment; any may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRefs {
    /// Our own id, as we sent it.
    pub payment: Option<PaymentId>,
    /// A PaymentIntent or an order.
    pub reference: Option<ProviderRef>,
    /// The reference for refunds.
    pub charge: Option<ProviderRef>,
    pub refund: Option<ProviderRef>,
}

/// The body is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body must be a JSON object with the event's id and type")]
pub struct NotAnEvent;
