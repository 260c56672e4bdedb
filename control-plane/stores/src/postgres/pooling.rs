//! Connection poolers between us and the server.
//!
//! A pooler that assigns a server session for one transaction at a time (PgBouncer's `pool_mode = transaction`) breaks
//! what this store relies on in a session: settings such as `synchronous_commit`, prepared statements, and the lock
//! under which one process migrates.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use tokio::time::timeout;

use crate::schema::SchemaError;

/// Time limit of the probe. An exhausted pooler would keep the second connection waiting for minutes; the probe then
/// ends without a result.
const PROBE_MAX: Duration = Duration::from_secs(5);

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
        Ok(Ok(false)) | Err(_) => Ok(()),
    }
}

async fn is_shared(options: &PgConnectOptions, first: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let before = session(first).await?;
    let mut second = PgConnection::connect_with(options).await?;
    // Keeps its session until the end of the transaction, in every pool mode.
    second.execute("BEGIN").await?;
    let other = session(&mut second).await?;
    let after = session(first).await?;
    second.execute("ROLLBACK").await?;
    second.close().await?;
    Ok(other == before || after != before)
}

/// Uses the simple protocol, which needs no prepared statement.
async fn session(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    connection.fetch_one(AssertSqlSafe("SELECT pg_backend_pid()".to_owned())).await?.try_get(0)
}
