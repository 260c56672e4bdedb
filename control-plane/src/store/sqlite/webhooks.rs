//! Providers' events and disputes.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Currency;
use edge_core::provider::Provider;
use jiff::Timestamp;
use sqlx::QueryBuilder;

use super::commit::{Write, one_row_or_stale};
use super::{SqliteStore, unavailable};
use crate::domain::id::PaymentId;
use crate::domain::payment::Payment;
use crate::domain::store::{CommitError, Conflict, StoreError};
use crate::domain::webhook::{Dispute, EventChange, EventState, WebhookEvent, WebhookFilter, Webhooks};
use crate::store::rows::{PaymentRow, bigint};
use crate::store::webhook_rows::{DisputeRow, WebhookRow};

/// An event that was worked off is not worked off again.
pub(super) async fn change(write: &mut Write<'_>, change: &EventChange) -> Result<(), CommitError> {
    let next_at = match change.state {
        EventState::Failed { next_at, .. } => Some(next_at.as_microsecond()),
        _ => None,
    };
    let done = sqlx::query(
        "UPDATE webhook_events SET state = ?, reason = ?, attempts = ?, next_at = coalesce(?, next_at)
         WHERE provider = ? AND id = ? AND state IN ('received', 'failed')",
    )
    .bind(change.state.name())
    .bind(change.state.reason())
    .bind(change.attempts)
    .bind(next_at)
    .bind(change.provider.name())
    .bind(&change.id)
    .execute(&mut **write)
    .await?;
    one_row_or_stale(done.rows_affected())
}

/// A dispute belongs to one payment for ever.
pub(super) async fn record(
    write: &mut Write<'_>,
    payment: &Payment,
    dispute: &Dispute,
) -> Result<(), CommitError> {
    let done = sqlx::query(
        "INSERT INTO disputes (provider, id, payment, reason, status, amount, currency, opened_at,
                               closed_at, as_of)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (provider, id) DO UPDATE SET
             reason = excluded.reason, status = excluded.status, amount = excluded.amount,
             currency = excluded.currency, opened_at = excluded.opened_at,
             closed_at = excluded.closed_at, as_of = excluded.as_of
         WHERE disputes.payment = excluded.payment",
    )
    .bind(payment.request.provider.name())
    .bind(dispute.id.as_str())
    .bind(payment.id.to_string())
    .bind(dispute.reason.as_deref())
    .bind(dispute.status.as_deref())
    .bind(dispute.amount.map(|amount| bigint(amount.minor())))
    .bind(dispute.currency.map(Currency::code))
    .bind(dispute.opened_at.map(Timestamp::as_microsecond))
    .bind(dispute.closed_at.map(Timestamp::as_microsecond))
    .bind(dispute.as_of.as_microsecond())
    .execute(&mut **write)
    .await?;
    let taken = CommitError::Conflict(Conflict::ReferenceTaken);
    if done.rows_affected() == 1 { Ok(()) } else { Err(taken) }
}

#[async_trait]
impl Webhooks for SqliteStore {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO webhook_events (provider, id, kind, body, created_at, received_at, state, next_at)
             VALUES (?, ?, ?, ?, ?, ?, 'received', ?) ON CONFLICT (provider, id) DO NOTHING",
        )
        .bind(event.provider.name())
        .bind(&event.id)
        .bind(&event.kind)
        .bind(&event.body)
        .bind(event.created_at.map(Timestamp::as_microsecond))
        .bind(event.received_at.as_microsecond())
        .bind(event.received_at.as_microsecond())
        .execute(&self.writer)
        .await
        .map_err(unavailable)?;
        Ok(done.rows_affected() == 1)
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        sqlx::query_as::<_, WebhookRow>("SELECT * FROM webhook_events WHERE provider = ? AND id = ?")
            .bind(provider.name())
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?
            .map(WebhookEvent::try_from)
            .transpose()
    }

    async fn reopen_webhook(&self, id: &str, until: Timestamp) -> Result<Option<WebhookEvent>, StoreError> {
        sqlx::query_as::<_, WebhookRow>(
            "UPDATE webhook_events SET state = 'received', attempts = 0, reason = NULL, next_at = ?
             WHERE id = ? RETURNING *",
        )
        .bind(until.as_microsecond())
        .bind(id)
        .fetch_optional(&self.writer)
        .await
        .map_err(unavailable)?
        .map(WebhookEvent::try_from)
        .transpose()
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        let mut query = QueryBuilder::new("SELECT * FROM webhook_events WHERE 1 = 1");
        if let Some(provider) = filter.provider {
            query.push(" AND provider = ").push_bind(provider.name());
        }
        if let Some(state) = &filter.state {
            query.push(" AND state = ").push_bind(state);
        }
        query.push(" ORDER BY received_at DESC, id LIMIT ").push_bind(i64::from(filter.limit));
        let rows: Vec<WebhookRow> =
            query.build_query_as().fetch_all(&self.readers).await.map_err(unavailable)?;
        rows.into_iter().map(WebhookEvent::try_from).collect()
    }

    async fn anyones_payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        sqlx::query_as::<_, PaymentRow>("SELECT * FROM payments WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?
            .map(Payment::try_from)
            .transpose()
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        sqlx::query_as::<_, DisputeRow>(
            "SELECT disputes.* FROM disputes JOIN payments ON payments.id = disputes.payment
             WHERE disputes.payment = ? AND payments.client = ? ORDER BY opened_at, disputes.id",
        )
        .bind(payment.to_string())
        .bind(client.as_str())
        .fetch_all(&self.readers)
        .await
        .map_err(unavailable)?
        .into_iter()
        .map(Dispute::try_from)
        .collect()
    }
}
