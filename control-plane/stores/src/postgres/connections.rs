//! Connections for one purpose, separate from the others: a large read delays only reads of its own purpose.

use std::sync::Arc;
use std::time::Duration;

use crash_points::reach;
use payments::ports::store::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgPool, Postgres};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::backends::Backends;
use super::current::Current;
use super::encrypted::refuse_old_tls;
use super::pooling::abandon;
use super::refusal::{is_of_all_connections, is_read_only, is_told};
use super::{not_written, unavailable};
use crate::renewal::Renewal;

/// A connection that has been idle for longer is pinged before use.
const TRUSTED: Duration = Duration::from_secs(1);
/// Time limit for a ping. A server that needs longer is far away, or has vanished without closing the connection.
const PING_MAX: Duration = Duration::from_secs(1);
/// Extra time that we wait after the server's own limit: its answer is on the way.
const GRACE: Duration = Duration::from_secs(2);

pub(super) struct Limits {
    /// Maximum number. More concurrent statements would queue in the server instead of here.
    pub(super) connections: u32,
    /// Maximum wait for a free connection.
    pub(super) patience: Duration,
    /// Time limit for one statement, on the server's side.
    pub(super) statement: Duration,
}

pub(super) struct Connections {
    pool: PgPool,
    renewal: Arc<Renewal>,
    /// Time limit for an answer, on our side.
    answer_max: Duration,
}

type Read<R> = QueryAs<'static, Postgres, R, PgArguments>;

/// Attempts to find a server that takes writes.
const TRIES: u8 = 2;

#[derive(Debug, thiserror::Error)]
#[error("the database is read-only, so a row that it lacks may be on another server")]
struct ReadOnly;

#[derive(Debug, thiserror::Error)]
#[error("the database does not answer, although its own time limit has passed")]
struct Silent;

impl Connections {
    /// Connects on first use.
    pub(super) fn new(
        options: &PgConnectOptions,
        limits: &Limits,
        renewal: Arc<Renewal>,
        backends: Arc<Backends>,
    ) -> Self {
        // Commits must be durable whatever the server's defaults are.
        let settings = format!(
            "SET synchronous_commit = on; SET default_transaction_isolation = 'read committed';
             SET statement_timeout = {}",
            limits.statement.as_millis()
        );
        let asked = renewal.clone();
        let pool = PgPoolOptions::new()
            .max_connections(limits.connections)
            .acquire_timeout(limits.patience)
            .after_connect(move |connection, _| {
                let (settings, backends) = (AssertSqlSafe(settings.clone()), backends.clone());
                Box::pin(async move {
                    refuse_old_tls(connection).await?;
                    connection.execute(settings).await?;
                    backends.enter(connection).await
                })
            })
            .test_before_acquire(false)
            .before_acquire(move |connection, idle| {
                let renewal = asked.clone();
                Box::pin(async move {
                    if renewal.is_misled(idle.age) && !abandon(connection).await {
                        renewal.ask();
                    }
                    if renewal.is_outdated(idle.age) {
                        return Ok(false);
                    }
                    if idle.idle_for <= TRUSTED {
                        return Ok(true);
                    }
                    match timeout(PING_MAX, connection.ping()).await {
                        Ok(answer) => answer.map(|()| true),
                        Err(_) => {
                            renewal.ask();
                            Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))
                        }
                    }
                })
            })
            .connect_lazy_with(options.clone());
        Self { pool, renewal, answer_max: limits.statement + GRACE }
    }

    /// All rows. `query` builds the same query on each call.
    pub(super) async fn all<R>(&self, query: impl Fn() -> Read<R>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        self.answered(async |connection| fetch(connection, &query).await).await
    }

    /// All rows of a query that [`with_server`] has wrapped, from a server that takes writes. Decisions about money
    /// need that: the old primary of a failover may live on, read-only, with rows that are out of date or missing. A
    /// connection to it is closed.
    ///
    /// [`with_server`]: super::current::with_server
    pub(super) async fn current<R>(&self, query: impl Fn() -> Read<Current<R>>) -> Result<Vec<R>, StoreError>
    where
        R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        for _ in 0..TRIES {
            let ask = async |connection: &mut PoolConnection<Postgres>| fetch(connection, &query).await;
            let is_read_only = |rows: &Vec<Current<R>>| rows.iter().any(|row| row.is_read_only);
            let rows = self.answered_or_closed(ask, is_read_only).await?;
            if !is_read_only(&rows) {
                return Ok(rows.into_iter().filter_map(|current| current.row).collect());
            }
            self.renewal.ask_for_another_server();
        }
        Err(unavailable(ReadOnly))
    }

    /// Executes a statement without result rows, and returns the number of rows changed.
    pub(super) async fn execute(
        &self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Result<u64, StoreError> {
        let done = self.answered(async move |connection| query.execute(&mut **connection).await).await?;
        Ok(done.rows_affected())
    }

    /// Executes statements in one transaction.
    pub(super) async fn execute_all(
        &self,
        queries: Vec<Query<'static, Postgres, PgArguments>>,
    ) -> Result<(), StoreError> {
        let all = async move |connection: &mut PoolConnection<Postgres>| {
            // Dropped before its end, it is rolled back before the connection is used again.
            let mut write = connection.begin().await?;
            for query in queries {
                query.execute(&mut *write).await?;
            }
            reach("during_seal").await;
            write.commit().await
        };
        self.answered(all).await
    }

    /// Runs `ask` on a connection within our own deadline: the server's does not help if the network path is dead.
    async fn answered<T>(
        &self,
        ask: impl AsyncFnOnce(&mut PoolConnection<Postgres>) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.answered_or_closed(ask, |_| false).await
    }

    /// The same, and closes the connection if the answer shows that it leads to the wrong server.
    async fn answered_or_closed<T>(
        &self,
        ask: impl AsyncFnOnce(&mut PoolConnection<Postgres>) -> Result<T, sqlx::Error>,
        is_wrong_server: impl FnOnce(&T) -> bool,
    ) -> Result<T, StoreError> {
        let connection = self.pool.acquire().await.map_err(|problem| self.failed(problem))?;
        let mut lent = BorrowedConnection { connection: Some(connection), answer_max: self.answer_max };
        let Some(connection) = &mut lent.connection else { return Err(StoreError::NoConnection) };
        match timeout(self.answer_max, ask(connection)).await {
            Ok(Ok(answer)) => {
                if is_wrong_server(&answer)
                    && let Some(mut misled) = lent.connection.take().map(PoolConnection::detach)
                {
                    abandon(&mut misled).await;
                }
                Ok(answer)
            }
            Ok(Err(problem)) => Err(self.failed(problem)),
            Err(_) => {
                // Not returned to the pool, which would wait for the rest of the answer.
                drop(lent.connection.take().map(PoolConnection::detach));
                self.renewal.ask();
                Err(unavailable(Silent))
            }
        }
    }

    fn failed(&self, problem: sqlx::Error) -> StoreError {
        if is_read_only(&problem) {
            self.renewal.ask_for_another_server();
        } else if is_of_all_connections(&problem) {
            self.renewal.ask();
        }
        match problem {
            sqlx::Error::PoolTimedOut => StoreError::NoConnection,
            // Canceled, which only `statement_timeout` and operators do.
            problem if is_told(&problem, "57014") => StoreError::TimedOut,
            problem if is_read_only(&problem) => not_written(problem),
            problem => unavailable(problem),
        }
    }
}

/// Returns to the pool on drop, even if its answer was not awaited. The pool pings a returned connection, and without a
/// time limit would reserve a slot for one whose server has vanished.
struct BorrowedConnection {
    connection: Option<PoolConnection<Postgres>>,
    answer_max: Duration,
}

impl Drop for BorrowedConnection {
    fn drop(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let (returning, answer_max) = (connection.return_to_pool(), self.answer_max);
        // Without a runtime there is no pool to return to.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(answer_max, returning).await;
            });
        }
    }
}

async fn fetch<R>(
    connection: &mut PoolConnection<Postgres>,
    query: &impl Fn() -> Read<R>,
) -> Result<Vec<R>, sqlx::Error>
where
    R: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    match query().fetch_all(&mut **connection).await {
        // Nothing was executed. The statement was prepared for the tables as they were, and so may all others be.
        Err(problem) if is_outdated(&problem) => {
            connection.clear_cached_statements().await?;
            query().fetch_all(&mut **connection).await
        }
        rows => rows,
    }
}

/// "cached plan must not change result type": a result column has another type than when the statement was prepared.
fn is_outdated(problem: &sqlx::Error) -> bool {
    is_told(problem, "0A000")
}
