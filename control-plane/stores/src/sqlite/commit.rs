//! The writes. The conditions that guard money are part of the SQL.

use payments::model::event::Event;
use payments::model::payment::Payment;
use payments::model::provider::ProviderRef;
use payments::model::refund::{Refund, RefundState};
use payments::ports::store::{Change, CommitError, Conflict, Mutation, StoreError};
use sealing::Sealer;
use sqlx::{Sqlite, Transaction};

use super::{key, not_written, webhooks};
use crate::due_rows::SET_WATCH;
use crate::rows::{bigint, captured, due};
use crate::sealed::{self, Customer, Unwritable};

pub(super) type Write<'a> = Transaction<'a, Sqlite>;

/// A failure inside the transaction, which is rolled back.
pub(super) struct NotApplied(pub(super) CommitError);

impl From<sqlx::Error> for NotApplied {
    fn from(error: sqlx::Error) -> Self {
        Self(CommitError::Store(not_written(error)))
    }
}

impl From<StoreError> for NotApplied {
    fn from(problem: StoreError) -> Self {
        Self(CommitError::Store(problem))
    }
}

impl From<Unwritable> for NotApplied {
    fn from(problem: Unwritable) -> Self {
        Self(CommitError::Store(not_written(problem)))
    }
}

impl From<Conflict> for NotApplied {
    fn from(conflict: Conflict) -> Self {
        Self(CommitError::Conflict(conflict))
    }
}

/// Applies one change with its key.
pub(super) async fn apply(write: &mut Write<'_>, change: &Change, sealer: &Sealer) -> Result<(), NotApplied> {
    let done = apply_keyless(write, change, sealer).await;
    match &change.key {
        None => done,
        // A used key takes precedence over any other failure: the request is answered from its record.
        Some(key) if done.is_err() && key::is_taken(write, key).await? => Err(Conflict::KeyTaken.into()),
        Some(key) => {
            done?;
            key::change(write, key, change.mutation.subject(), change.is_only_a_key(), sealer).await
        }
    }
}

async fn apply_keyless(write: &mut Write<'_>, change: &Change, sealer: &Sealer) -> Result<(), NotApplied> {
    apply_mutation(write, &change.mutation, sealer).await?;
    if let Some(watch) = &change.watch {
        sqlx::query(SET_WATCH)
            .bind(watch.payment.to_string())
            .bind(watch.provider.name())
            .bind(watch.at.as_microsecond())
            .execute(&mut **write)
            .await?;
    }
    match &change.webhook {
        Some(event) => webhooks::change(write, event).await,
        None => Ok(()),
    }
}

async fn apply_mutation(
    write: &mut Write<'_>,
    mutation: &Mutation,
    sealer: &Sealer,
) -> Result<(), NotApplied> {
    match mutation {
        Mutation::OpenPayment { payment, events } => {
            open_payment(write, payment, sealer).await?;
            for event in events {
                append(write, event, sealer).await?;
            }
        }
        Mutation::MovePayment { payment, event } => {
            move_payment(write, payment, sealer).await?;
            append(write, event, sealer).await?;
        }
        Mutation::OpenRefund { refund, event } => {
            reserve(write, refund).await?;
            open_refund(write, refund, sealer).await?;
            append(write, event, sealer).await?;
        }
        Mutation::MoveRefund { refund, event } => {
            move_refund(write, refund, sealer).await?;
            append(write, event, sealer).await?;
        }
        Mutation::NotePayment { payment, event, dispute } => {
            move_payment(write, payment, sealer).await?;
            append(write, event, sealer).await?;
            if let Some(dispute) = dispute {
                webhooks::record(write, payment, dispute).await?;
            }
        }
        Mutation::Nothing | Mutation::KeyOf(_) => {}
    }
    Ok(())
}

async fn open_payment(write: &mut Write<'_>, payment: &Payment, sealer: &Sealer) -> Result<(), NotApplied> {
    let (due_at, tries) = due(payment.follow_up);
    sqlx::query(
        "INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, reference,
                               captured, refunded, due_at, tries, version, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(payment.id.to_string())
    .bind(payment.client.as_str())
    .bind(payment.request.provider.name())
    .bind(bigint(payment.request.amount.minor()))
    .bind(payment.request.currency.code())
    .bind(sealed::request(payment, sealer)?)
    .bind(payment.state.name())
    .bind(sealed::payment_state(payment, sealer)?)
    .bind(payment.reference.as_ref().map(ProviderRef::as_str))
    .bind(captured(payment))
    .bind(bigint(payment.refunded))
    .bind(due_at)
    .bind(tries)
    .bind(payment.version)
    .bind(payment.created_at.as_microsecond())
    .bind(payment.updated_at.as_microsecond())
    .execute(&mut **write)
    .await
    .map_err(reference_taken)?;
    match Customer::of(payment, sealer)? {
        Some(customer) => enter_customer(write, payment, &customer).await,
        None => Ok(()),
    }
}

async fn enter_customer(
    write: &mut Write<'_>,
    payment: &Payment,
    customer: &Customer,
) -> Result<(), NotApplied> {
    sqlx::query("INSERT INTO payment_customers (client, customer, payment, index_key) VALUES (?, ?, ?, ?)")
        .bind(payment.client.as_str())
        .bind(customer.index.as_str())
        .bind(payment.id.to_string())
        .bind(customer.key_text())
        .execute(&mut **write)
        .await?;
    Ok(())
}

fn reference_taken(error: sqlx::Error) -> NotApplied {
    match error.as_database_error() {
        Some(refused) if refused.is_unique_violation() => Conflict::ReferenceTaken.into(),
        _ => error.into(),
    }
}

/// Does not write `refunded`, which only refunds change.
async fn move_payment(write: &mut Write<'_>, payment: &Payment, sealer: &Sealer) -> Result<(), NotApplied> {
    let (due_at, tries) = due(payment.follow_up);
    let done = sqlx::query(
        "UPDATE payments SET state = ?, detail = ?, reference = ?, captured = ?, due_at = ?, tries = ?,
                             version = ?, updated_at = ?
         WHERE id = ? AND version = ?",
    )
    .bind(payment.state.name())
    .bind(sealed::payment_state(payment, sealer)?)
    .bind(payment.reference.as_ref().map(ProviderRef::as_str))
    .bind(captured(payment))
    .bind(due_at)
    .bind(tries)
    .bind(payment.version)
    .bind(payment.updated_at.as_microsecond())
    .bind(payment.id.to_string())
    .bind(i64::from(payment.version) - 1)
    .execute(&mut **write)
    .await
    .map_err(reference_taken)?;
    one_row_or_stale(done.rows_affected())
}

/// Reserves the amount from what can still be refunded. Condition and update are one statement, so two concurrent
/// refunds cannot both take the rest.
async fn reserve(write: &mut Write<'_>, refund: &Refund) -> Result<(), NotApplied> {
    let done = sqlx::query(
        "UPDATE payments SET refunded = refunded + ?1 WHERE id = ?2 AND refunded + ?1 <= captured",
    )
    .bind(bigint(refund.amount.minor()))
    .bind(refund.payment.to_string())
    .execute(&mut **write)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(());
    }
    let left: Option<i64> = sqlx::query_scalar("SELECT captured - refunded FROM payments WHERE id = ?")
        .bind(refund.payment.to_string())
        .fetch_optional(&mut **write)
        .await?;
    let conflict = match left.map(u64::try_from) {
        Some(Ok(remaining)) => Conflict::RefundExceeds { remaining },
        _ => Conflict::Stale,
    };
    Err(conflict.into())
}

async fn open_refund(write: &mut Write<'_>, refund: &Refund, sealer: &Sealer) -> Result<(), NotApplied> {
    let (due_at, tries) = due(refund.follow_up);
    sqlx::query(
        "INSERT INTO refunds (id, payment, client, amount, currency, state, detail, reference, due_at, tries,
                              version, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(refund.id.to_string())
    .bind(refund.payment.to_string())
    .bind(refund.client.as_str())
    .bind(bigint(refund.amount.minor()))
    .bind(refund.currency.code())
    .bind(refund.state.name())
    .bind(sealed::refund_state(refund, sealer)?)
    .bind(refund.state.reference().map(ProviderRef::as_str))
    .bind(due_at)
    .bind(tries)
    .bind(refund.version)
    .bind(refund.created_at.as_microsecond())
    .bind(refund.updated_at.as_microsecond())
    .execute(&mut **write)
    .await
    .map_err(|error| match error.as_database_error() {
        // Only a refund found at the provider can have been recorded before: its id is derived from the provider's.
        Some(refused) if refused.is_unique_violation() => NotApplied::from(Conflict::Stale),
        _ => error.into(),
    })?;
    Ok(())
}

async fn move_refund(write: &mut Write<'_>, refund: &Refund, sealer: &Sealer) -> Result<(), NotApplied> {
    let (due_at, tries) = due(refund.follow_up);
    let done = sqlx::query(
        "UPDATE refunds SET state = ?, detail = ?, reference = ?, due_at = ?, tries = ?, version = ?, updated_at = ?
         WHERE id = ? AND version = ?",
    )
    .bind(refund.state.name())
    .bind(sealed::refund_state(refund, sealer)?)
    .bind(refund.state.reference().map(ProviderRef::as_str))
    .bind(due_at)
    .bind(tries)
    .bind(refund.version)
    .bind(refund.updated_at.as_microsecond())
    .bind(refund.id.to_string())
    .bind(i64::from(refund.version) - 1)
    .execute(&mut **write)
    .await?;
    one_row_or_stale(done.rows_affected())?;
    if matches!(refund.state, RefundState::Failed { .. }) {
        sqlx::query("UPDATE payments SET refunded = refunded - ? WHERE id = ?")
            .bind(bigint(refund.amount.minor()))
            .bind(refund.payment.to_string())
            .execute(&mut **write)
            .await?;
    }
    Ok(())
}

async fn append(write: &mut Write<'_>, event: &Event, sealer: &Sealer) -> Result<(), NotApplied> {
    sqlx::query(
        "INSERT INTO events (payment, refund, version, from_state, to_state, at, client, request_id, detail)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(event.payment.to_string())
    .bind(event.refund.map(|id| id.to_string()))
    .bind(event.version)
    .bind(event.from.as_deref())
    .bind(&event.to)
    .bind(event.at.as_microsecond())
    .bind(event.cause.client.as_str())
    .bind(event.cause.initiator.text())
    .bind(sealed::event_detail(event, sealer)?)
    .execute(&mut **write)
    .await?;
    Ok(())
}

pub(super) fn one_row_or_stale(rows: u64) -> Result<(), NotApplied> {
    if rows == 1 { Ok(()) } else { Err(Conflict::Stale.into()) }
}
