//! Connection poolers between us and the server.
//!
//! A pooler that assigns a server session for one transaction or statement at a time (PgBouncer's `pool_mode =
//! transaction`) breaks what this store relies on in a session: settings such as `synchronous_commit`, prepared
//! statements, and the lock under which one process migrates.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use tokio::time::timeout;

use super::refusal::is_told;
use crate::schema::SchemaError;

/// Time limit of the probe. An exhausted pooler would keep the second connection waiting for minutes; the probe then
/// ends without a result.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// Time limit for one more connection.
const SERVED_MAX: Duration = Duration::from_secs(3);

/// Time limit for the farewell to a server that has just answered.
const ABANDON_MAX: Duration = Duration::from_millis(500);

/// With which PgBouncer's statement mode refuses a transaction. PostgreSQL itself refuses none.
const PROTOCOL_VIOLATION: &str = "08P01";

/// # Errors
/// Returns [`SchemaError::Pooled`] if two concurrent connections share a server session, or one connection uses two.
pub(super) async fn refuse_transactions(
    options: &PgConnectOptions,
    first: &mut PgConnection,
) -> Result<(), SchemaError> {
    match timeout(PROBE_MAX, is_shared(options, first)).await {
        Ok(Ok(true)) => Err(SchemaError::Pooled),
        Ok(Err(error)) => {
            tracing::debug!(%error, "cannot tell whether a connection pooler is in between");
            Ok(())
        }
        Err(_) => {
            tracing::warn!(
                "a second connection to the database gets no answer: a connection pool in between may be smaller than a \
                 process needs (DB_CONNECTIONS)"
            );
            Ok(())
        }
        Ok(Ok(false)) => Ok(()),
    }
}

/// Prepares a connection to be closed together with its server session. A pooler of whole sessions would give the
/// session, which leads to the old primary of a failover, to the next connection; it closes one that is left in the
/// middle of a transaction. Returns whether the server answered.
pub(super) async fn abandon(connection: &mut PgConnection) -> bool {
    matches!(timeout(ABANDON_MAX, connection.execute("BEGIN")).await, Ok(Ok(_)))
}

async fn is_shared(options: &PgConnectOptions, first: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let before = session(first).await?;
    let mut second = PgConnection::connect_with(options).await?;
    // Keeps its session until the end of the transaction, in every pool mode that has transactions.
    match second.execute("BEGIN").await {
        Err(problem) if is_told(&problem, PROTOCOL_VIOLATION) => return Ok(true),
        begun => begun?,
    };
    let other = session(&mut second).await?;
    // If the two share the pool's only session, the first one would now wait for it.
    let is_shared = other == before || session(first).await? != before;
    second.execute("ROLLBACK").await?;
    second.close().await?;
    Ok(is_shared)
}

/// How many connections of a process are served at the same time, up to `wanted`.
pub(super) async fn served(options: &PgConnectOptions, wanted: u32) -> u32 {
    let mut open = Vec::new();
    for number in 0..wanted {
        let connecting = async {
            let mut connection = PgConnection::connect_with(options).await?;
            // A pool lends its session only now.
            session(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        match timeout(SERVED_MAX, connecting).await {
            Ok(Ok(connection)) => open.push(connection),
            _ => return number,
        }
    }
    wanted
}

/// Uses the simple protocol, which needs no prepared statement.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.fetch_one(AssertSqlSafe("SELECT pg_backend_pid()".to_owned())).await?.try_get(0)
}
