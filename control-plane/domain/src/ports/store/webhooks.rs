//! What the domain asks of a database about providers' events.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;

use super::StoreError;
use crate::model::id::PaymentId;
use crate::model::payment::Payment;
use crate::model::webhook::{Dispute, WebhookEvent};

/// Which events to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct WebhookFilter {
    pub provider: Option<Provider>,
    /// One of [`EventState::NAMES`](crate::model::webhook::EventState::NAMES).
    pub state: Option<String>,
    pub limit: u32,
}

/// How many events of a provider are left in a state, and since when the oldest of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBacklog {
    pub provider: Provider,
    /// `received`, `failed` or `parked`.
    pub state: &'static str,
    /// Counted up to [`EventBacklog::COUNTED_MAX`] together with the provider's and the other one's.
    pub count: u32,
    /// When the oldest of those that are counted was received.
    pub oldest: Timestamp,
}

impl EventBacklog {
    /// So that a backlog, however long, does not slow down the database that has to work it off.
    pub const COUNTED_MAX: u32 = 100_000;
}

/// What working off events asks of a database. Events know no client, so payments of any client are read.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Stores an event durably; `false` if it was there.
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError>;

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError>;

    /// Marks an event as received again and claims it until `until`, whatever became of it, unless it was dismissed.
    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError>;

    /// What is not worked off, by provider and state. Nothing is left of what is not in it.
    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError>;

    /// Without unreadable rows.
    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError>;

    async fn payment_by_id(&self, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// In the order they were opened, without unreadable rows.
    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError>;
}
