//! Providers' events and disputes.

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Currency;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::webhook::{Dispute, EventChange, WebhookEvent};
use payments::ports::store::{Conflict, EventBacklog, StoreError, WebhookFilter, Webhooks};

use super::commit::{NotApplied, Write, one_row_or_stale};
use super::{SqliteStore, unavailable};
use crate::reads::ANYONES_PAYMENT;
use crate::rows::{PaymentRow, bigint};
use crate::webhook_rows::{
    BacklogRow, DISPUTES, DisputeRow, EVENT, EVENT_BACKLOG, NEVER, REOPEN, Stored, WebhookRow, events_in,
};

/// An event that was worked off is not worked off again.
pub(super) async fn change(write: &mut Write<'_>, change: &EventChange) -> Result<(), NotApplied> {
    let stored = Stored::of(&change.state).map_err(unavailable)?;
    let done = sqlx::query(
        "UPDATE webhook_events SET state = ?, reason = ?, attempts = ?, next_at = coalesce(?, next_at)
         WHERE provider = ? AND id = ? AND state IN ('received', 'failed')",
    )
    .bind(stored.state)
    .bind(stored.reason)
    .bind(change.attempts)
    .bind(stored.next_at)
    .bind(change.provider.name())
    .bind(&change.id)
    .execute(&mut **write)
    .await?;
    one_row_or_stale(done.rows_affected())
}

/// A dispute belongs to one payment for ever, unless that was only claimed and the provider itself says otherwise.
pub(super) async fn record(
    write: &mut Write<'_>,
    payment: &Payment,
    dispute: &Dispute,
) -> Result<(), NotApplied> {
    let done = sqlx::query(
        "INSERT INTO disputes (provider, id, payment, reason, status, amount, currency, opened_at,
                               closed_at, as_of)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (provider, id) DO UPDATE SET
             payment = excluded.payment, reason = excluded.reason, status = excluded.status,
             amount = excluded.amount, currency = excluded.currency, opened_at = excluded.opened_at,
             closed_at = excluded.closed_at, as_of = excluded.as_of
         WHERE disputes.payment = excluded.payment
            OR ? AND NOT coalesce(
                (SELECT p.verified FROM dispute_progress AS p
                 WHERE p.provider = disputes.provider AND p.id = disputes.id),
                disputes.provider = 'stripe')",
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
    .bind(dispute.is_verified)
    .execute(&mut **write)
    .await?;
    if done.rows_affected() != 1 {
        return Err(Conflict::ReferenceTaken.into());
    }
    record_progress(write, payment.request.provider, dispute).await
}

async fn record_progress(
    write: &mut Write<'_>,
    provider: Provider,
    dispute: &Dispute,
) -> Result<(), NotApplied> {
    sqlx::query(
        "INSERT INTO dispute_progress (provider, id, stage, outcome, outcome_code, changed_at, verified)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (provider, id) DO UPDATE SET
             stage = excluded.stage, outcome = excluded.outcome, outcome_code = excluded.outcome_code,
             changed_at = excluded.changed_at, verified = excluded.verified",
    )
    .bind(provider.name())
    .bind(dispute.id.as_str())
    .bind(dispute.stage.name())
    .bind(dispute.outcome.as_ref().map(|outcome| outcome.verdict.name()))
    .bind(dispute.outcome.as_ref().map(|outcome| outcome.code.as_str()))
    .bind(dispute.changed_at.map(Timestamp::as_microsecond))
    .bind(dispute.is_verified)
    .execute(&mut **write)
    .await?;
    Ok(())
}

#[async_trait]
impl Webhooks for SqliteStore {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO webhook_events (provider, id, kind, body, body_sha256, created_at, received_at, state, next_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, 'received', ?) ON CONFLICT (provider, id) DO NOTHING",
        )
        .bind(event.provider.name())
        .bind(&event.id)
        .bind(&event.kind)
        .bind(&event.body)
        .bind(event.body_sha256.as_ref().map(<[u8; 32]>::as_slice))
        .bind(event.created_at.map(Timestamp::as_microsecond))
        .bind(event.received_at.as_microsecond())
        .bind(event.received_at.as_microsecond())
        .execute(&self.writer)
        .await
        .map_err(unavailable)?;
        Ok(done.rows_affected() == 1)
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        sqlx::query_as::<_, WebhookRow>(EVENT)
            .bind(provider.name())
            .bind(id)
            .fetch_optional(&self.readers)
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
            .fetch_optional(&self.writer)
            .await
            .map_err(unavailable)?
            .map(WebhookEvent::try_from)
            .transpose()
    }

    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError> {
        let rows: Vec<BacklogRow> = sqlx::query_as(EVENT_BACKLOG)
            .bind(NEVER)
            .bind(i64::from(EventBacklog::COUNTED_MAX))
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)?;
        Ok(self.rows.read(rows)?.items)
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        let rows: Vec<WebhookRow> = sqlx::query_as(sqlx::AssertSqlSafe(events_in(filter.state.as_deref())))
            .bind(filter.provider.map(Provider::name))
            .bind(i64::from(filter.limit))
            .fetch_all(&self.lists)
            .await
            .map_err(unavailable)?;
        Ok(self.rows.read(rows)?.items)
    }

    async fn anyones_payment(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        sqlx::query_as::<_, PaymentRow>(ANYONES_PAYMENT)
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?
            .map(Payment::try_from)
            .transpose()
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        let rows: Vec<DisputeRow> = sqlx::query_as(DISPUTES)
            .bind(payment.to_string())
            .bind(client.as_str())
            .fetch_all(&self.readers)
            .await
            .map_err(unavailable)?;
        Ok(self.rows.read(rows)?.items)
    }
}
