//! Writes to providers' events and disputes in the commit of an effect.

use edge_core::money::Currency;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::payment::Payment;
use payments::model::webhook::{Dispute, EventChange};
use payments::ports::store::Conflict;

use super::commit::{NotApplied, Write, one_row_or_stale};
use crate::rows::bigint;
use crate::unavailable;
use crate::webhook_rows::Stored;

/// Updates an event's state, unless the event is already in a final state.
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

/// Records a dispute. It belongs to one payment for good, unless that was only claimed and the provider's own object
/// says otherwise.
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
