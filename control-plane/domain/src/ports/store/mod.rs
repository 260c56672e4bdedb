//! What the domain asks of a database: a few coarse writes, each one commit, and reads by owner.

mod change;
mod due_work;
pub mod reconciling;
mod webhooks;

pub use self::change::{Change, Conflict, Mutation, Watch};
pub use self::due_work::DueWork;
pub use self::webhooks::{EventBacklog, WebhookFilter, Webhooks};

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::Timestamp;

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

    /// The payment that the provider knows by this name, of any client.
    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError>;

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError>;

    /// Payments that have changed since `since` or are undecided, of all clients, behind `after` in the order of
    /// their ids. `items` is empty only at the end.
    async fn payments_since(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError>;

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// Regardless of the client that owns it.
    async fn refund_by_id(&self, id: RefundId) -> Result<Option<Refund>, StoreError>;

    /// In the order they were made.
    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError>;

    /// A payment's audit trail, its refunds' included, in order, without unreadable records.
    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError>;

    /// What is known of an idempotency key.
    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError>;

    /// Whether this process is the only one that writes to the database, so that what was in flight before
    /// it started is in flight no more.
    fn is_exclusive(&self) -> bool;

    /// Whether it answers and takes writes now: a commit of the last moments proves that, or a write that is made for it.
    async fn ready(&self) -> Result<(), StoreError>;
}
