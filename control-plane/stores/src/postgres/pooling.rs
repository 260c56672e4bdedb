//! Connection pools between us and the server.
//!
//! A pool that lends a server's session for one transaction at a time (PgBouncer's `pool_mode = transaction`) takes away
//! what this store relies on in a session: its settings, of which `synchronous_commit` is one, prepared statements, and
//! the lock under which one process migrates.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use tokio::time::timeout;

use crate::schema::SchemaError;

/// A pool that is used up would let the second connection wait for minutes. Then nothing is found out.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// # Errors
/// [`SchemaError::Pooled`] if two connections at the same time are served by one session of the server, or one by two.
pub(super) async fn refuse_transactions(
    options: &PgConnectOptions,
    first: &mut PgConnection,
) -> Result<(), SchemaError> {
    match timeout(PROBE_MAX, is_shared(options, first)).await {
        Ok(Ok(true)) => Err(SchemaError::Pooled),
        Ok(Err(error)) => {
            tracing::debug!(%error, "it is not known whether a connection pool is in between");
            Ok(())
        }
        Ok(Ok(false)) | Err(_) => Ok(()),
    }
}

async fn is_shared(options: &PgConnectOptions, first: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let before = session(first).await?;
    let mut second = PgConnection::connect_with(options).await?;
    // Holds its session until the end of the transaction, in every mode.
    second.execute("BEGIN").await?;
    let other = session(&mut second).await?;
    let after = session(first).await?;
    second.execute("ROLLBACK").await?;
    second.close().await?;
    Ok(other == before || after != before)
}

/// By the simple protocol, which needs no prepared statement.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.fetch_one(AssertSqlSafe("SELECT pg_backend_pid()".to_owned())).await?.try_get(0)
}
