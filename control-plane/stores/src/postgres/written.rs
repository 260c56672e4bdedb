//! Checks whether a change is in the database for good, by a record that only this change can have written.

use edge_core::idempotency::Scope;
use payments::model::event::Event;
use payments::model::idempotency::{KeyChange, KeyRecord};
use payments::ports::store::{Change, Mutation, StoreError};
use sealing::Sealer;
use sqlx::{Executor as _, PgConnection};

use super::unavailable;
use crate::reads::{EVENT, KEY, PROVE};
use crate::rows::{EventRow, KeyRow};
use crate::sealed_row::SealedRow;

/// A commit whose wait for a synchronous standby was cut short, by the server's end or by ours, can be read although a
/// failover would lose it. The standby receives commits in their order, so a later one that it confirms proves the
/// earlier one.
pub(super) async fn is_durable(
    connection: &mut PgConnection,
    change: &Change,
    sealer: &Sealer,
) -> Result<bool, StoreError> {
    if !is_written(connection, change, sealer).await? {
        return Ok(false);
    }
    connection.execute(PROVE).await.map_err(unavailable)?;
    Ok(true)
}

async fn is_written(
    connection: &mut PgConnection,
    change: &Change,
    sealer: &Sealer,
) -> Result<bool, StoreError> {
    match (&change.mutation, &change.key) {
        (Mutation::OpenPayment { events, .. }, _) => match events.first() {
            Some(event) => is_recorded(connection, event, sealer).await,
            None => Ok(false),
        },
        (
            Mutation::MovePayment { event, .. }
            | Mutation::NotePayment { event, .. }
            | Mutation::OpenRefund { event, .. }
            | Mutation::MoveRefund { event, .. },
            _,
        ) => is_recorded(connection, event, sealer).await,
        (Mutation::Nothing | Mutation::KeyOf(_), Some(KeyChange::Take { claim, answer, .. })) => {
            let known = read_key(connection, &claim.scope, sealer).await?;
            Ok(known.is_some_and(|known| known.fingerprint == claim.fingerprint && known.answer == *answer))
        }
        (Mutation::Nothing | Mutation::KeyOf(_), _) => Ok(false),
    }
}

async fn read_key(
    connection: &mut PgConnection,
    scope: &Scope,
    sealer: &Sealer,
) -> Result<Option<KeyRecord>, StoreError> {
    let row = sqlx::query_as::<_, KeyRow>(KEY).bind(scope.to_string()).fetch_optional(connection).await;
    row.map_err(unavailable)?.map(|row| opened(row, sealer)).transpose()
}

fn opened<R: SealedRow, T: TryFrom<R, Error = StoreError>>(
    mut row: R,
    sealer: &Sealer,
) -> Result<T, StoreError> {
    row.open(sealer)?;
    T::try_from(row)
}

/// No two events share a subject and version, so a stored one is either this one or another writer's.
async fn is_recorded(
    connection: &mut PgConnection,
    event: &Event,
    sealer: &Sealer,
) -> Result<bool, StoreError> {
    let subject = event.refund.map_or_else(|| event.payment.to_string(), |id| id.to_string());
    let stored = sqlx::query_as::<_, EventRow>(EVENT)
        .bind(subject)
        .bind(i64::from(event.version))
        .fetch_optional(connection)
        .await
        .map_err(unavailable)?;
    let stored: Option<Event> = stored.map(|row| opened(row, sealer)).transpose()?;
    let Some(stored) = stored else { return Ok(false) };
    // The database stores microseconds.
    let same_time = stored.at.as_microsecond() == event.at.as_microsecond();
    Ok(same_time && Event { at: event.at, ..stored } == *event)
}
