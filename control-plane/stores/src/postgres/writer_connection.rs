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
