//! The database interface: a few coarse writes, each one commit, and reads by owner.

pub mod audit;
mod change;
mod due_work;
mod event_log;
pub mod reconciling;
mod webhooks;

pub use self::change::{Change, Conflict, Mutation, Watch};
pub use self::due_work::DueWork;
pub use self::event_log::{EventLog, LogPage, LogQuery, LoggedEvent};
pub use self::webhooks::{EventBacklog, WebhookFilter, Webhooks};

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;

use self::audit::Audit;
use self::reconciling::Reconciling;
use crate::model::event::Event;
use crate::model::id::{PaymentId, RefundId};
use crate::model::idempotency::KeyRecord;
use crate::model::payment::{Payment, Status};
use crate::model::provider::ProviderRef;
use crate::model::refund::Refund;

impl From<Mutation> for Change {
    fn from(mutation: Mutation) -> Self {
        Self { mutation, key: None, webhook: None, watch: None }
    }
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
    /// Nothing was written, for certain: the database cannot be reached, is read-only or full, or rejects this change.
    #[error("the database does not take the change, and nothing was written")]
    NotWritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Canceled and rolled back; a repeat would probably take as long.
    #[error("the database took longer than allowed")]
    TimedOut,
    /// Nothing was started: all connections were in use, or the database cannot be reached.
    #[error("the database has no connection free")]
    NoConnection,
    /// Nothing was started; try again shortly.
    #[error("too many changes wait to be written")]
    Overloaded,
    /// A row that is not a valid domain value; an operator has to repair it.
    #[error(transparent)]
    Inconsistent(#[from] Unreadable),
}

/// A row that cannot be read: it contradicts itself, a newer release wrote a value that this one does not know, or a
/// sealed value does not open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[error("{table} row {row} is inconsistent: column `{column}` {problem}")]
pub struct Unreadable {
    pub table: &'static str,
    /// The row's identifier in the table.
    pub row: String,
    pub column: String,
    pub problem: Problem,
}

/// What is wrong with a value that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Problem {
    #[error("cannot be read")]
    Invalid,
    #[error("does not open: it was altered, or moved here from another row or column")]
    NotAuthentic,
    #[error("is sealed with the data key {0}, which is not known")]
    UnknownKey(String),
    /// Retention erased the key. It ends values of other columns, or only once nothing is left to do for the row, or
    /// only with the row itself: one with access to the database could have put the key's name there.
    #[error("names the erased data key {0}, although the value cannot have ended")]
    ErasedKey(String),
    /// One with access to the database could have put it there.
    #[error("is not sealed, and only sealed values are accepted")]
    NotSealed,
}

impl Problem {
    /// For logs and machines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotAuthentic => "not_authentic",
            Self::UnknownKey(_) => "unknown_key",
            Self::ErasedKey(_) => "erased_key",
            Self::NotSealed => "not_sealed",
        }
    }

    /// The data key that the value names, where that key is the problem.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::UnknownKey(key) | Self::ErasedKey(key) => Some(key.as_str()),
            Self::Invalid | Self::NotAuthentic | Self::NotSealed => None,
        }
    }
}

/// The result of a list. One unreadable row does not prevent reading the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows<T> {
    pub items: Vec<T>,
    /// Omitted from `items`. Decisions about money must take these rows into account.
    pub unreadable: Vec<Unreadable>,
}

/// Which payments of a client to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub limit: u32,
    /// Continue after this payment.
    pub after: Option<PaymentId>,
    pub provider: Option<Provider>,
    pub status: Option<Status>,
    pub created_after: Option<Timestamp>,
    pub created_before: Option<Timestamp>,
    /// Only payments with exactly this reference of the client's customer.
    pub customer_reference: Option<String>,
}

/// A page of a listing. Unreadable rows are omitted, so a page may be shorter than the limit although more follow.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_more: bool,
}

/// The database. Reads for a client return only payments that this client owns.
#[async_trait]
pub trait Store: EventLog + Webhooks + DueWork + Reconciling + Send + Sync {
    /// Returns once the change is on disk. A conflict, an overload or [`StoreError::NotWritten`] means that nothing was
    /// written. [`StoreError::Unavailable`] leaves the outcome open; committing the same change again applies it only
    /// once.
    async fn commit(&self, change: Change) -> Result<(), CommitError>;

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// The payment with this provider reference, of any client. A failed payment gives up its reference.
    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError>;

    /// The first of the payments, of any client, that failed with this provider reference.
    async fn first_failed_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError>;

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError>;

    /// Payments of all clients that changed since `since` or are undecided, in id order after `after`. `items` is empty
    /// only at the end.
    async fn payments_since(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError>;

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// Reads a refund of any client.
    async fn refund_by_id(&self, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// The refunds of a payment in creation order.
    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError>;

    /// A payment's audit trail including its refunds, in order, without unreadable records.
    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError>;

    /// The record of an idempotency key.
    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError>;

    /// The sealed audit trail.
    fn audit(&self) -> &dyn Audit;

    /// Whether this process is the only writer, so that calls in flight before it started are certainly over.
    fn is_exclusive(&self) -> bool;

    /// Checks that the database answers and accepts writes: a recent commit proves this, otherwise a test write does.
    async fn ready(&self) -> Result<(), StoreError>;

    /// Waits until a task of the store has died, and returns what it did: a defect, after which this process never
    /// becomes ready again and has to be replaced.
    async fn died(&self) -> &'static str;
}
