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
use super::reconciling::Reconciling;
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
    /// When the payment is looked at again though nothing is undecided; replaces what was set before.
    pub watch: Option<Watch>,
}

/// A payment that waits for its payer, its capture or a refund that is due, and is looked at again meanwhile: nothing
/// that holds money waits for a provider's event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub payment: PaymentId,
    pub provider: Provider,
    pub at: Timestamp,
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

impl From<Step> for Change {
    fn from(step: Step) -> Self {
        Self { step, key: None, webhook: None, watch: None }
    }
}

impl Change {
    /// Only of a key.
    #[must_use]
    pub fn of_key(key: KeyChange) -> Self {
        Self::from(Step::Nothing).with_key(Some(key))
    }

    /// What happens to the client's key in the same commit.
    #[must_use]
    pub fn with_key(self, key: Option<KeyChange>) -> Self {
        Self { key, ..self }
    }

    /// What becomes of the provider's event in the same commit.
    #[must_use]
    pub fn with_mark(self, webhook: Option<EventChange>) -> Self {
        Self { webhook, ..self }
    }

    /// Whether a key is all that it changes.
    #[must_use]
    pub const fn is_only_a_key(&self) -> bool {
        matches!(self.step, Step::Nothing) && self.webhook.is_none()
    }

    /// The payment that this leaves waiting, if it does.
    #[must_use]
    pub fn waiting(&self) -> Option<&Payment> {
        match &self.step {
            Step::OpenPayment { payment, .. } | Step::MovePayment { payment, .. } => {
                Some(payment).filter(|payment| payment.state.is_watched())
            }
            Step::OpenRefund { .. } | Step::MoveRefund { .. } | Step::NotePayment { .. } | Step::Nothing => {
                None
            }
        }
    }

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
    #[error("the database cannot be used now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Certain: nothing was written. The database cannot be reached, is read-only or full, or refuses this change.
    #[error("the database does not take the change, and nothing was written")]
    NotWritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Canceled: nothing of it was done, and it would probably take as long again.
    #[error("the database took longer than allowed")]
    TimedOut,
    /// Nothing was begun: the connections for it were all in use, or the database cannot be reached.
    #[error("the database has no connection free")]
    NoConnection,
    /// Nothing was begun; try again shortly.
    #[error("too many changes wait to be written")]
    Overloaded,
    /// A row that cannot be a domain value; needs a person.
    #[error(transparent)]
    Inconsistent(#[from] Unreadable),
}

/// A row that cannot be read: it contradicts itself, or a newer release wrote what this one does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("{table} row {row} is inconsistent: column `{column}` cannot be read")]
pub struct Unreadable {
    pub table: &'static str,
    /// What identifies it in the table.
    pub row: String,
    pub column: String,
}

/// What a list found. One unreadable row does not keep the others from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    pub items: Vec<T>,
    /// Left out of `items`. Whatever decides about money has to take them into account.
    pub unreadable: Vec<Unreadable>,
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

/// A page of a listing. Unreadable rows are left out, so it may be shorter than asked for although there is more.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_more: bool,
}

/// The database. Reads are always by the client who owns the payment: nobody else's can be named.
#[async_trait]
pub trait Store: Webhooks + DueWork + Reconciling + Send + Sync {
    /// Written and on disk, or (a conflict, an overload, [`StoreError::NotWritten`]) certainly not.
    /// [`StoreError::Unavailable`] leaves open which; the same change may be committed again and is not applied twice.
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
    /// their ids. `items` is empty only at the end.
    async fn anyones_payments(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError>;

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// Whoever owns it.
    async fn anyones_refund(&self, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// In the order they were made.
    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError>;

    /// A payment's audit trail, its refunds' included, in order, without unreadable records.
    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError>;

    /// What is known of an idempotency key.
    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError>;

    /// Whether this process is the only one that writes to the database, so that what was under way before
    /// it started is under way no more.
    fn is_exclusive(&self) -> bool;

    /// Whether it answers and takes writes now: a commit of the last moments proves that, or a write that is made for it.
    async fn ready(&self) -> Result<(), StoreError>;
}
