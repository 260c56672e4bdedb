//! Providers' events and disputes, but for what is written in the commit of an effect.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;
use sqlx::QueryBuilder;

use super::{PostgresStore, unavailable};
use crate::domain::id::PaymentId;
use crate::domain::payment::Payment;
use crate::domain::store::StoreError;
use crate::domain::webhook::{Dispute, EventBacklog, WebhookEvent, WebhookFilter, Webhooks};
use crate::store::rows::PaymentRow;
use crate::store::webhook_rows::{
    BacklogRow, DISPUTES, DisputeRow, EVENT, EVENT_BACKLOG, EVENT_COLUMNS, NEVER, REOPEN, WebhookRow, is_in,
};

#[async_trait]
impl Webhooks for PostgresStore {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO webhook_events (provider, id, kind, body, created_at, received_at, state, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, 'received', $7) ON CONFLICT (provider, id) DO NOTHING",
        )
        .bind(event.provider.name())
        .bind(&event.id)
        .bind(&event.kind)
        .bind(&event.body)
        .bind(event.created_at.map(Timestamp::as_microsecond))
        .bind(event.received_at.as_microsecond())
        .bind(event.received_at.as_microsecond())
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(done.rows_affected() == 1)
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        sqlx::query_as::<_, WebhookRow>(EVENT)
            .bind(provider.name())
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .map(WebhookEvent::try_from)
            .transpose()
    }

    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError> {
        sqlx::query_as::<_, WebhookRow>(REOPEN)
            .bind(provider.name())
            .bind(id)
            .bind(until.as_microsecond())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .map(WebhookEvent::try_from)
            .transpose()
    }

    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError> {
        let rows: Vec<BacklogRow> = sqlx::query_as(EVENT_BACKLOG)
            .bind(NEVER)
            .bind(i64::from(EventBacklog::COUNTED_MAX))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.into_iter().map(EventBacklog::try_from).collect()
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        let mut query = QueryBuilder::new("SELECT ");
        query.push(EVENT_COLUMNS).push(" FROM webhook_events WHERE 1 = 1");
        if let Some(provider) = filter.provider {
            query.push(" AND provider = ").push_bind(provider.name());
        }
        if let Some(state) = &filter.state {
            query.push(" AND ").push(is_in(state));
        }
        query.push(" ORDER BY received_at DESC, id LIMIT ").push_bind(i64::from(filter.limit));
        let rows: Vec<WebhookRow> =
            query.build_query_as().fetch_all(&self.pool).await.map_err(unavailable)?;
        rows.into_iter().map(WebhookEvent::try_from).collect()
    }

    async fn anyones_payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        sqlx::query_as::<_, PaymentRow>("SELECT * FROM payments WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?
            .map(Payment::try_from)
            .transpose()
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        sqlx::query_as::<_, DisputeRow>(DISPUTES)
            .bind(payment.to_string())
            .bind(client.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?
            .into_iter()
            .map(Dispute::try_from)
            .collect()
    }
}
