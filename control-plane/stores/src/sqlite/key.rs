//! Idempotency keys, taken, answered and released in the commit of the change that they belong to.

use payments::model::idempotency::{KeyChange, Subject};
use payments::ports::store::Conflict;
use sealing::Sealer;

use super::commit::{NotApplied, Write, one_row_or_stale};
use crate::rows::subject_ids;
use crate::sealed;

/// `is_alone`: the commit contains nothing else. Only then does an answer or a release that no longer applies fail it,
/// see [`KeyChange`].
pub(super) async fn change(
    write: &mut Write<'_>,
    change: &KeyChange,
    subject: Option<Subject>,
    is_alone: bool,
    sealer: &Sealer,
) -> Result<(), NotApplied> {
    match change {
        KeyChange::Take { claim, client, at, answer } => {
            let (payment, refund) = subject_ids(subject);
            let (scope, given) = (claim.scope.to_string(), answer.as_ref());
            let body = given.map(|answer| sealed::answer(&scope, answer, sealer)).transpose()?;
            let done = sqlx::query(
                "INSERT INTO idempotency_keys (scope, client, fingerprint, payment, refund,
                                               answer_status, answer_body, created_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope) DO NOTHING",
            )
            .bind(scope)
            .bind(client.as_str())
            .bind(claim.fingerprint.to_string())
            .bind(payment)
            .bind(refund)
            .bind(given.map(|answer| answer.status))
            .bind(body)
            .bind(at.as_microsecond())
            .execute(&mut **write)
            .await?;
            if done.rows_affected() == 1 { Ok(()) } else { Err(Conflict::KeyTaken.into()) }
        }
        KeyChange::Answer { scope, subject, answer } => {
            let (payment, refund) = subject_ids(Some(*subject));
            let scope = scope.to_string();
            let done = sqlx::query(
                "UPDATE idempotency_keys SET answer_status = ?, answer_body = ?
                 WHERE scope = ? AND answer_status IS NULL AND payment IS ? AND refund IS ?",
            )
            .bind(answer.status)
            .bind(sealed::answer(&scope, answer, sealer)?)
            .bind(scope)
            .bind(payment)
            .bind(refund)
            .execute(&mut **write)
            .await?;
            if is_alone { one_row_or_stale(done.rows_affected()) } else { Ok(()) }
        }
        KeyChange::Release { scope, subject } => {
            let (payment, refund) = subject_ids(Some(*subject));
            let done = sqlx::query(
                "DELETE FROM idempotency_keys
                 WHERE scope = ? AND answer_status IS NULL AND payment IS ? AND refund IS ?",
            )
            .bind(scope.to_string())
            .bind(payment)
            .bind(refund)
            .execute(&mut **write)
            .await?;
            if is_alone { one_row_or_stale(done.rows_affected()) } else { Ok(()) }
        }
    }
}

/// Whether the change takes a key that is already used.
pub(super) async fn is_taken(write: &mut Write<'_>, change: &KeyChange) -> Result<bool, NotApplied> {
    let KeyChange::Take { claim, .. } = change else { return Ok(false) };
    let taken = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM idempotency_keys WHERE scope = ?)");
    Ok(taken.bind(claim.scope.to_string()).fetch_one(&mut **write).await?)
}
