//! Connections for one purpose, apart from those for others: a reader of much waits for its own kind only.

use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgPool, Postgres};

use super::unavailable;
use crate::domain::store::StoreError;

/// A connection that has been idle for longer is asked whether it lives before it is used.
const TRUSTED: Duration = Duration::from_secs(1);

pub(super) struct Limits {
    /// More at once would queue in the server instead of here.
    pub(super) connections: u32,
    /// For a free connection.
    pub(super) patience: Duration,
    /// For one statement, on the server's side.
    pub(super) statement: Duration,
}

pub(super) struct Connections(PgPool);

type Read<R> = QueryAs<'static, Postgres, R, PgArguments>;

impl Connections {
    /// Connects when the first one is needed.
    pub(super) fn new(options: &PgConnectOptions, limits: &Limits) -> Self {
        // Whatever the server's own defaults are, what is committed must not be forgotten.
        let settings = format!(
            "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed';
             SET statement_timeout = {}",
            limits.statement.as_millis()
        );
        let pool = PgPoolOptions::new()
            .max_connections(limits.connections)
            .acquire_timeout(limits.patience)
            .after_connect(move |connection, _| {
                let settings = AssertSqlSafe(settings.clone());
                Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
            })
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options.clone());
        Self(pool)
    }

    /// All rows. `query` makes the same query each time it is called.
    pub(super) async fn all<R>(&self, query: impl Fn() -> Read<R>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut connection = self.0.acquire().await.map_err(failed)?;
        let rows = match query().fetch_all(&mut *connection).await {
            // Nothing was executed. The statement is prepared for tables as they were, and so may all others be.
            Err(problem) if is_outdated(&problem) => {
                connection.clear_cached_statements().await.map_err(failed)?;
                query().fetch_all(&mut *connection).await
            }
            rows => rows,
        };
        rows.map_err(failed)
    }

    /// The first row, for queries that find one at most.
    pub(super) async fn one<R>(&self, query: impl Fn() -> Read<R>) -> Result<Option<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.all(query).await?.into_iter().next())
    }

    /// Executes what gives no rows; how many it changed.
    pub(super) async fn execute(
        &self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        query.execute(&self.0).await.map(|done| done.rows_affected()).map_err(failed)
    }
}

/// "cached plan must not change result type": a column of the result has another type than when it was prepared.
fn is_outdated(problem: &sqlx::Error) -> bool {
    is_told(problem, "0A000")
}

/// Whether the server gave this SQLSTATE.
pub(super) fn is_told(problem: &sqlx::Error, code: &str) -> bool {
    problem.as_database_error().and_then(DatabaseError::code).is_some_and(|told| told == code)
}

fn failed(problem: sqlx::Error) -> StoreError {
    match problem {
        sqlx::Error::PoolTimedOut => StoreError::NoConnection,
        // Canceled, which only `statement_timeout` and operators do.
        problem if is_told(&problem, "57014") => StoreError::TimedOut,
        problem => unavailable(problem),
    }
}
