//! The connection that writes commits, with its settings.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Executor as _, PgConnection};
use tokio::time::timeout;

use super::backends::Backends;
use super::encrypted;

/// Time limit for a statement, on the server's side. Locks are held no longer than a commit takes, so a server that
/// needs longer is in distress.
const STATEMENT_MAX: Duration = Duration::from_secs(5);

/// The same for the rest of a batch that has been slow: many times what a commit takes, and short enough to find the
/// change that waits for a lock among all others of a batch.
const HURRIED_MAX: Duration = Duration::from_millis(250);

pub(super) async fn connect(
    options: &PgConnectOptions,
    backends: &Backends,
) -> Result<PgConnection, sqlx::Error> {
    let connecting = async {
        let mut connection = encrypted::connect(options).await?;
        connection.execute(sqlx::AssertSqlSafe(settings())).await?;
        backends.enter(&mut connection).await?;
        Ok(connection)
    };
    timeout(STATEMENT_MAX, connecting).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
}

/// Gives the connection's statements only a short time from now on.
pub(super) async fn hurry(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let setting = sqlx::AssertSqlSafe(format!("SET statement_timeout = {}", HURRIED_MAX.as_millis()));
    let set = timeout(STATEMENT_MAX, connection.execute(setting)).await;
    set.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut)).map(drop)
}

/// `synchronous_commit`: a server's default must not make commits less durable. The rest: the statement uses keys
/// alone, so it is planned once, for access to the tables by key.
fn settings() -> String {
    format!(
        "SET statement_timeout = {}; SET synchronous_commit = on;
         SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = force_generic_plan;
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
         SET enable_material = off; SET jit = off",
        STATEMENT_MAX.as_millis()
    )
}
