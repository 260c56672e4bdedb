//! What a provider tells us by itself: events, stored before they are acknowledged and worked off later.
//!
//! An event is a hint. It says what to look at again; what is recorded is what the provider's object says then. Only of
//! disputes an event itself is recorded: as the provider's word where the provider signs the whole body (Stripe), and as
//! no more than a claim where the provider does not let us read its own object (PayPal, without the permission).

mod dispute;

pub use dispute::{Dispute, DisputeOutcome, DisputeStage, DisputeVerdict};

use edge_core::card;
use edge_core::provider::Provider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::id::PaymentId;
use crate::model::provider::ProviderRef;

/// An event as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    pub provider: Provider,
    /// The provider's; unique with it.
    pub id: String,
    /// The provider's name for what happened, e.g. `payment_intent.succeeded`.
    pub kind: String,
    /// As received, but for card data and secrets: those are taken out before it is stored.
    pub body: Vec<u8>,
    /// SHA-256 of the body as received, which is what the provider signed. `None` of events that a release before has
    /// stored.
    pub body_sha256: Option<[u8; 32]>,
    /// When the provider made it.
    pub created_at: Option<Timestamp>,
    pub received_at: Timestamp,
    pub state: EventState,
    /// How often it could not be worked off.
    pub attempts: u32,
}

/// What is kept of an event's body. Only bodies whose signature the edge has verified come so far, so the digest is the
/// signature's proof: a copy of the body as it came can be shown to be the one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBody {
    /// Without card data and secrets.
    pub kept: Vec<u8>,
    /// Of the body as it came.
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
    /// Stored; to be worked off.
    Received,
    Done,
    /// There is nothing to do for it, for this reason.
    Ignored {
        reason: String,
    },
    /// Could not be worked off, and is tried again at `next_at`.
    Failed {
        next_at: Timestamp,
        reason: String,
    },
    /// Could not be worked off for so long that it is not tried any more: a person replays or dismisses it.
    Parked {
        /// Why it failed last.
        reason: String,
    },
    /// A person has decided that nothing is to be done for it. It is never worked off again.
    Dismissed(Dismissal),
}

/// Who ended an event by hand, when and why.
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

/// What becomes of an event in the commit of its effect. Fails if it was worked off already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventChange {
    pub provider: Provider,
    pub id: String,
    pub state: EventState,
    pub attempts: u32,
}

/// What is read out of an event's body.
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
    /// One that is not [`Dispute::is_verified`] is only claimed, and so is which payment it is about.
    Dispute(EventRefs, Dispute),
    /// A kind that this gateway has no use for.
    Other,
}

impl EventSubject {
    /// By what the payment can be found that it is about.
    #[must_use]
    pub const fn refs(&self) -> Option<&EventRefs> {
        match self {
            Self::Payment(refs) | Self::Refund(refs) | Self::Dispute(refs, _) => Some(refs),
            Self::Other => None,
        }
    }
}

/// Every name by which the payment can be found; any may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventRefs {
    /// Our own id, as we sent it.
    pub payment: Option<PaymentId>,
    /// A PaymentIntent or an order.
    pub reference: Option<ProviderRef>,
    /// What a refund refers to.
    pub charge: Option<ProviderRef>,
    pub refund: Option<ProviderRef>,
}

/// The body is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body must be a JSON object with the event's id and type")]
pub struct NotAnEvent;
