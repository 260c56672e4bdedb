//! What the domain asks of a database: a few coarse writes, each one commit, and reads by owner.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::event::Event;
use super::id::{PaymentId, RefundId};
use super::idempotency::{KeyChange, KeyRecord, Subject};
use super::payment::{Payment, State, Status};
use super::provider::ProviderRef;
use super::queue::{Due, DueWork, Work};
use super::refund::{Refund, RefundState};
use super::webhook::{Dispute, EventChange, Webhooks};

/// Everything that one step changes, written in one commit or not at all. As data rather than as a
/// transaction handle, so that a store can put many of them into one commit.
#[derive(Clone, Debug)]
pub struct Change {
    pub step: Step,
    /// What happens to the client's idempotency key on the way.
    pub key: Option<KeyChange>,
    /// What becomes of the provider's event that this is done for.
    pub webhook: Option<EventChange>,
}

#[derive(Clone, Debug)]
pub enum Step {
    OpenPayment {
        payment: Payment,
        events: Vec<Event>,
    },
    /// Only from `payment.version - 1`; otherwise [`Conflict::Stale`].
    MovePayment {
        payment: Payment,
        event: Event,
    },
    /// Reserves the amount on the payment; [`Conflict::RefundExceeds`] if that much is not left.
    OpenRefund {
        refund: Refund,
        event: Event,
    },
    /// Only from `refund.version - 1`. A refund that failed gives its reservation back.
    MoveRefund {
        refund: Refund,
        event: Event,
    },
    /// The payment stays as it is, one version on, and the trail has one record more.
    NotePayment {
        payment: Payment,
        event: Event,
        dispute: Option<Dispute>,
    },
    /// Only the key or the webhook event changes: an answer that was found out without a call.
    Nothing,
}

impl Change {
    /// What has to be looked after again because of it. Of a call that is being made nothing is said: it is
    /// expected to bring its answer, and what it leaves is found in the database.
    #[must_use]
    pub fn follow_up(&self) -> Option<Due> {
        let (work, follow_up) = match &self.step {
            Step::OpenPayment { payment, .. }
            | Step::MovePayment { payment, .. }
            | Step::NotePayment { payment, .. } => match &payment.state {
                State::Processing { accepted: false, .. } => return None,
                _ => (Work::Payment(payment.id), payment.follow_up),
            },
            Step::OpenRefund { refund, .. } | Step::MoveRefund { refund, .. } => match &refund.state {
                RefundState::Processing { .. } => return None,
                _ => (Work::Refund(refund.id), refund.follow_up),
            },
            Step::Nothing => return None,
        };
        Some(Due { work, at: follow_up?.at })
    }
}

impl Step {
    /// What a key that is taken in this commit is taken for.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        match self {
            Self::OpenPayment { payment, .. }
            | Self::MovePayment { payment, .. }
            | Self::NotePayment { payment, .. } => Some(Subject::Payment(payment.id)),
            Self::OpenRefund { refund, .. } | Self::MoveRefund { refund, .. } => {
                Some(Subject::Refund(refund.id))
            }
            Self::Nothing => None,
        }
    }
}

/// The change was not written because of what else is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Somebody moved it first; read again.
    Stale,
    /// `remaining` minor units can still be refunded.
    RefundExceeds { remaining: u64 },
    /// Another payment stands for the same object of the provider.
    ReferenceTaken,
    /// The idempotency key has been used; read its record.
    KeyTaken,
}

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error("the change conflicts with another: {0:?}")]
    Conflict(Conflict),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot be reached or is busy")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing was begun; try again shortly.
    #[error("too many changes wait to be written")]
    Overloaded,
    /// A row that cannot be a domain value; needs a person.
    #[error("{table} row {row} is inconsistent: {what}")]
    Inconsistent { table: &'static str, row: String, what: String },
}

/// Which payments of a client to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub limit: u32,
    /// Continue behind this payment.
    pub after: Option<PaymentId>,
    pub provider: Option<Provider>,
    pub status: Option<Status>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
}

/// A page of a listing.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_more: bool,
}

/// The database. Reads are always by the client who owns the payment: nobody else's can be named.
#[async_trait]
pub trait Store: Webhooks + DueWork + Send + Sync {
    /// Written and on disk, or (a conflict, an overload) certainly not. [`StoreError::Unavailable`] leaves open
    /// which; the same change may be committed again and is not applied twice.
    async fn commit(&self, change: Change) -> Result<(), CommitError>;

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// The payment that the provider knows by this name, whoever owns it.
    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError>;

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError>;

    /// Payments that have changed since `since` or are undecided, whoever owns them, behind `after` in the order of
    /// their ids.
    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError>;

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// Whoever owns it.
    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// In the order they were made.
    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Refund>, StoreError>;

    /// A payment's audit trail, its refunds' included, in order.
    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError>;

    /// What is known of an idempotency key.
    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError>;

    /// Whether this process is the only one that writes to the database, so that what was under way before
    /// it started is under way no more.
    fn is_exclusive(&self) -> bool;

    /// Whether it answers now.
    async fn ready(&self) -> Result<(), StoreError>;
}
