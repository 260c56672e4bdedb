//! The epochs of the event log: a server that was filled from a dump counts transactions from the start again, so its
//! numbers order only the events written since.

use sqlx::{Connection as _, PgConnection, query, query_scalar};

/// The advisory lock under which one process at a time begins an epoch.
const LOCK: i64 = 0x6761_7465_7761_7932;

const BEGUN: &str = "SELECT first_seq FROM log_epochs ORDER BY first_seq";

/// Whether the last events of the epoch from `$1` on have larger transaction numbers than the server has drawn. The
/// order of `seq` differs from the order of transactions by no more than there are connections.
const IS_BEHIND: &str = "
    SELECT coalesce(max(xid::text::bigint), 0) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    FROM (SELECT xid FROM events WHERE seq >= $1 ORDER BY seq DESC LIMIT 1000) AS last";

const BEGIN: &str = "INSERT INTO log_epochs (first_seq, began_at)
    SELECT coalesce(max(seq), 0) + 1, (extract(epoch FROM now()) * 1000000)::bigint FROM events";

/// The first event numbers of the epochs after the first, in order. Begins one if the server's count of transactions is
/// behind that of the last events.
///
/// # Errors
/// Returns the database's error.
pub(super) async fn epochs(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    let begun: Vec<i64> = query_scalar(BEGUN).fetch_all(&mut *connection).await?;
    if !is_behind(connection, &begun).await? {
        return Ok(begun);
    }
    let mut transaction = connection.begin().await?;
    query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let begun: Vec<i64> = query_scalar(BEGUN).fetch_all(&mut *transaction).await?;
    if is_behind(&mut transaction, &begun).await? {
        query(BEGIN).execute(&mut *transaction).await?;
        tracing::warn!("the database was filled from a dump: the event log continues in a new epoch");
    }
    let begun = query_scalar(BEGUN).fetch_all(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(begun)
}

async fn is_behind(connection: &mut PgConnection, begun: &[i64]) -> Result<bool, sqlx::Error> {
    query_scalar(IS_BEHIND).bind(begun.last().copied().unwrap_or(0)).fetch_one(connection).await
}
