//! What a provider tells us by itself: events, stored before they are acknowledged and worked off later.
//!
//! An event is a hint. It says which payment to look at again; what moves the payment is what the provider's
//! object says then. Only of disputes the event itself is recorded: they move nothing here.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::id::PaymentId;
use super::payment::Payment;
use super::provider::ProviderRef;
use super::store::StoreError;

/// An event as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    pub provider: Provider,
    /// The provider's; unique with it.
    pub id: String,
    /// The provider's name for what happened, e.g. `payment_intent.succeeded`.
    pub kind: String,
    /// Byte for byte as received.
    pub body: Vec<u8>,
    /// When the provider made it.
    pub created_at: Option<Timestamp>,
    pub received_at: Timestamp,
    pub state: EventState,
    /// How often it could not be worked off.
    pub attempts: u32,
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
    /// Could not be worked off, and is tried again at `next_at`, for ever.
    Failed {
        next_at: Timestamp,
        reason: String,
    },
}

impl EventState {
    pub const NAMES: [&'static str; 4] = ["received", "done", "ignored", "failed"];

    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Done => "done",
            Self::Ignored { .. } => "ignored",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ignored { reason } | Self::Failed { reason, .. } => Some(reason),
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
pub struct Notice {
    pub id: String,
    pub kind: String,
    pub created_at: Option<Timestamp>,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Payment(Trail),
    Refund(Trail),
    Dispute(Trail, Dispute),
    /// A kind that this gateway has no use for.
    Other,
}

/// Every name by which the payment can be found; any may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Our own id, as we sent it.
    pub payment: Option<PaymentId>,
    /// A PaymentIntent or an order.
    pub reference: Option<ProviderRef>,
    /// What a refund refers to.
    pub charge: Option<ProviderRef>,
    pub refund: Option<ProviderRef>,
}

/// A payer's complaint, with their bank or with PayPal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    pub id: ProviderRef,
    /// The provider's words, which may be new ones.
    pub reason: Option<String>,
    pub status: Option<String>,
    pub amount: Option<Amount>,
    pub currency: Option<Currency>,
    pub opened_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// When the provider said so; what it said earlier does not replace it.
    pub as_of: Timestamp,
}

impl Dispute {
    /// What is known after `later` came, whichever of the two was sent first; `None` if nothing new.
    #[must_use]
    pub fn updated(&self, later: &Self) -> Option<Self> {
        let (new, old) = if later.as_of >= self.as_of { (later, self) } else { (self, later) };
        let merged = Self {
            opened_at: new.opened_at.or(old.opened_at),
            closed_at: new.closed_at.or(old.closed_at),
            reason: new.reason.clone().or_else(|| old.reason.clone()),
            amount: new.amount.or(old.amount),
            currency: new.currency.or(old.currency),
            ..new.clone()
        };
        (merged != *self).then_some(merged)
    }
}

/// The body is not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body must be a JSON object with the event's id and type")]
pub struct NotAnEvent;

/// Which events to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    pub provider: Option<Provider>,
    /// One of [`EventState::NAMES`].
    pub state: Option<String>,
    pub limit: u32,
}

/// What working off events asks of a database. Events know no client, so payments are read whoever owns them.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Stores an event durably; `false` if it was there.
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError>;

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError>;

    /// Marks an event as received anew, whatever became of it, and claims it until `until`.
    async fn reopen_webhook(&self, id: &str, until: Timestamp) -> Result<Option<WebhookEvent>, StoreError>;

    /// Without unreadable rows.
    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError>;

    async fn anyones_payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// In the order they were opened, without unreadable rows.
    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError>;
}
