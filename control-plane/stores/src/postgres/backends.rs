//! Ends server processes that wait on after we have given up on them.
//!
//! A commit that waits for a synchronous standby obeys no `statement_timeout` and does not notice that its client is
//! gone. While the standby is away, each one that we give up on would keep a connection of the server, and its locks;
//! new ones would join them until the server has no connections left.

use std::sync::{Mutex, PoisonError};

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// How long a commit of ours may wait for a standby, in seconds: longer than the server lets a statement by key take,
/// and shorter than we wait for its answer.
const WAIT_MAX_S: u8 = 6;

/// How long the server waits for a process to end, in milliseconds. It takes a few.
const END_MAX_MS: u16 = 1_000;

/// The server processes of this process's connections, as far as they are known to live.
#[derive(Debug, Default)]
pub(super) struct Backends(Mutex<Vec<Backend>>);

/// A process id alone may be given to another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Backend {
    pid: i32,
    started_us: i64,
}

impl Backends {
    /// Notes the server process of a new connection, after it has ended those that we have given up on. Ended, their
    /// commits are on the server's disk but perhaps on no standby: what became of them is unknown.
    ///
    /// # Errors
    /// The connection is lost, or one of those processes lives on: another connection would only join it.
    pub(super) async fn enter(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let rows = match sqlx::raw_sql(AssertSqlSafe(statement(&known))).fetch_all(connection).await {
            // A server that does not let us look is as usable as before.
            Err(problem @ sqlx::Error::Database(_)) => {
                tracing::warn!(error = %problem, "commits that wait for a standby cannot be searched for");
                return Ok(());
            }
            rows => rows?,
        };
        let (mut alive, mut ended, mut stuck) = (Vec::new(), 0_u32, 0_u32);
        for row in rows {
            let backend = Backend { pid: row.try_get("pid")?, started_us: row.try_get("started_us")? };
            match row.try_get::<Option<bool>, _>("ended")? {
                None => alive.push(backend),
                Some(true) => ended += 1,
                Some(false) => {
                    alive.push(backend);
                    stuck += 1;
                }
            }
        }
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Others may have entered meanwhile.
        now.retain(|one| !known.contains(one) && !alive.contains(one));
        now.extend(alive);
        drop(now);
        if ended + stuck > 0 {
            tracing::warn!(
                ended,
                stuck,
                "commits waited for a synchronous standby that does not answer and were given up; whether they will \
                 outlive a failover is unknown"
            );
        }
        if stuck == 0 { Ok(()) } else { Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())) }
    }
}

/// One row for each of the known processes that lives, and for that of the connection.
fn statement(known: &[Backend]) -> String {
    let known: Vec<_> = known.iter().map(|one| format!("({}, {})", one.pid, one.started_us)).collect();
    // No process has this id.
    let known = if known.is_empty() { "(0, 0)".to_owned() } else { known.join(", ") };
    format!(
        "SELECT pid, started_us,
           CASE WHEN pid <> pg_backend_pid() AND wait_event = 'SyncRep'
                  AND query_start < clock_timestamp() - interval '{WAIT_MAX_S} seconds'
                THEN pg_terminate_backend(pid, {END_MAX_MS}) END AS ended
         FROM (SELECT pid, wait_event, query_start,
                 (extract(epoch FROM backend_start) * 1000000)::bigint AS started_us
               FROM pg_stat_activity WHERE datname = current_database() OFFSET 0) AS activity
         WHERE pid = pg_backend_pid() OR (pid, started_us) IN ({known})"
    )
}
