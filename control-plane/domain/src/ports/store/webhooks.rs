//! The database interface for provider events.

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

/// The events of a provider that remain in a state: how many, and the age of the oldest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBacklog {
    pub provider: Provider,
    /// `received`, `failed` or `parked`.
    pub state: &'static str,
    /// Capped by [`EventBacklog::COUNTED_MAX`], which `received` and `failed` events of all providers share; `parked`
    /// events have a cap of the same size.
    pub count: u32,
    /// When the oldest counted event was received.
    pub oldest: Timestamp,
}

impl EventBacklog {
    /// Keeps counting cheap: a long backlog must not slow down the database that has to process it.
    pub const COUNTED_MAX: u32 = 100_000;
}

/// Stores provider events. Events name no client, so payments of any client can be read.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Stores an event durably; `false` if it already exists.
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError>;

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError>;

    /// Resets an event to received in any state but dismissed, and claims it until `until`.
    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError>;

    /// The unprocessed events by provider and state. Combinations without events are omitted.
    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError>;

    /// Lists events, without unreadable rows.
    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError>;

    async fn payment_by_id(&self, id: PaymentId) -> Result<Option<Payment>, StoreError>;

    /// The disputes of a payment in the order in which they were opened, without unreadable rows.
    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError>;
}
