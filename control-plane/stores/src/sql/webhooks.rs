//! Providers' events and disputes, except for writes in the commit of an effect.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::webhook::{Dispute, WebhookEvent};
use payments::ports::store::{EventBacklog, StoreError, WebhookFilter, Webhooks};
use sqlx::AssertSqlSafe;

use super::{Database, Purpose, Query, SqlStore};
use crate::not_written;
use crate::reads::ANYONES_PAYMENT;
use crate::rows::PaymentRow;
use crate::sealed;
use crate::webhook_rows::{
    BacklogRow, DISPUTES, DisputeRow, EVENT, EVENT_BACKLOG, NEVER, RECEIVE, REOPEN, WebhookRow, events_in,
};

#[async_trait]
impl<D: Database> Webhooks for SqlStore<D> {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        self.keys.prepare(&self.database).await?;
        let body = sealed::webhook_body(event, &self.keys.sealer).map_err(not_written)?;
        let insert = Query::new(RECEIVE)
            .with(event.provider.name())
            .with(event.id.as_str())
            .with(event.kind.as_str())
            .with(body)
            .with(event.body_sha256.map(|sha256| sha256.to_vec()))
            .with(event.created_at.map(Timestamp::as_microsecond))
            .with(event.received_at.as_microsecond());
        Ok(self.database.execute(Purpose::Money, insert).await? == 1)
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        self.found::<WebhookRow, _>(Query::new(EVENT).with(provider.name()).with(id)).await
    }

    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError> {
        let reopen = Query::new(REOPEN).with(provider.name()).with(id).with(until.as_microsecond());
        let mut row = self.database.one_written::<WebhookRow>(Purpose::Money, reopen).await?;
        self.keys.follow(&*self.database, row.as_mut_slice()).await?;
        row.map(|row| self.database.rows().value(row)).transpose()
    }

    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError> {
        let query = Query::new(EVENT_BACKLOG).with(NEVER).with(i64::from(EventBacklog::COUNTED_MAX));
        Ok(self.database.rows().read(self.all::<BacklogRow>(Purpose::Operators, query).await?)?.items)
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        let query = Query::new(AssertSqlSafe(events_in(filter.state.as_deref())))
            .with(filter.provider.map(Provider::name))
            .with(i64::from(filter.limit));
        Ok(self.database.rows().read(self.all::<WebhookRow>(Purpose::Operators, query).await?)?.items)
    }

    async fn payment_by_id(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.found::<PaymentRow, _>(Query::new(ANYONES_PAYMENT).with(id.to_string())).await
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        let query = Query::new(DISPUTES).with(payment.to_string()).with(client.as_str());
        Ok(self.database.rows().read(self.all::<DisputeRow>(Purpose::Money, query).await?)?.items)
    }
}
