//! Providers' events and disputes, but for what is written in the commit of an effect.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::webhook::{Dispute, WebhookEvent};
use payments::ports::store::{EventBacklog, StoreError, WebhookFilter, Webhooks};
use sqlx::query_as;

use super::PostgresStore;
use crate::reads::ANYONES_PAYMENT;
use crate::rows::PaymentRow;
use crate::webhook_rows::{
    BacklogRow, DISPUTES, DisputeRow, EVENT, EVENT_BACKLOG, NEVER, REOPEN, WebhookRow, events_in,
};

#[async_trait]
impl Webhooks for PostgresStore {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        let insert = sqlx::query(
            "INSERT INTO webhook_events (provider, id, kind, body, body_sha256, created_at, received_at, state, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'received', $8) ON CONFLICT (provider, id) DO NOTHING",
        )
        .bind(event.provider.name())
        .bind(event.id.clone())
        .bind(event.kind.clone())
        .bind(event.body.clone())
        .bind(event.body_sha256.map(|sha256| sha256.to_vec()))
        .bind(event.created_at.map(Timestamp::as_microsecond))
        .bind(event.received_at.as_microsecond())
        .bind(event.received_at.as_microsecond());
        Ok(self.money.execute(insert).await? == 1)
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        let query = || query_as(EVENT).bind(provider.name()).bind(id.to_owned());
        self.money.one::<WebhookRow>(query).await?.map(WebhookEvent::try_from).transpose()
    }

    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError> {
        let query =
            || query_as(REOPEN).bind(provider.name()).bind(id.to_owned()).bind(until.as_microsecond());
        self.money.one::<WebhookRow>(query).await?.map(WebhookEvent::try_from).transpose()
    }

    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError> {
        let query = || query_as(EVENT_BACKLOG).bind(NEVER).bind(i64::from(EventBacklog::COUNTED_MAX));
        let rows = self.operators.all::<BacklogRow>(query).await?;
        Ok(self.rows.read(rows)?.items)
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        let query = || {
            query_as(sqlx::AssertSqlSafe(events_in(filter.state.as_deref())))
                .bind(filter.provider.map(Provider::name))
                .bind(i64::from(filter.limit))
        };
        Ok(self.rows.read(self.operators.all::<WebhookRow>(query).await?)?.items)
    }

    async fn anyones_payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        let query = || query_as(ANYONES_PAYMENT).bind(id.to_string());
        self.money.one::<PaymentRow>(query).await?.map(Payment::try_from).transpose()
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        let query = || query_as(DISPUTES).bind(payment.to_string()).bind(client.as_str().to_owned());
        Ok(self.rows.read(self.money.all::<DisputeRow>(query).await?)?.items)
    }
}
