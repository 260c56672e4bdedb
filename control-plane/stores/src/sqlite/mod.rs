//! SQLite: the embedded default. One writer, write-ahead log, and a disk flush at every commit.

mod commit;
mod disk_space;
mod file;
mod full;
mod inspect;
mod key;
mod private;
mod schema;
mod scrub;
mod uri;
mod webhooks;
mod writer;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crash_points::reach;
use payments::ports::store::StoreError;
use sealing::Sealer;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, SqliteConnection, SqlitePool};

use crate::group_commit::GroupCommit;
use crate::reads::{READ_EACH, log_columns};
use crate::schema::Migrated;
use crate::settings::{DatabaseSettings, MigrateOnStart};
use crate::shares::Shares;
use crate::sql::Scrubbed;
use crate::sql::{AuditSql, Database, LogSql, Purpose, Query, Row, bind_all};
use crate::unreadable::RowReader;
use crate::{OpenError, not_written, unavailable};
use file::{DatabaseFile, Fitness, refuse_links};
pub(super) use inspect::inspect;
pub use uri::{InvalidUri, check as check_uri};
use writer::SqliteWriter;

const READERS: u32 = 4;
/// Connections for lists. Each runs on a thread, and the machine has other work.
const LIST_READERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Sqlite {
    commits: GroupCommit,
    /// One connection: SQLite has one writer at a time, and waiting here is fairer than its busy loop.
    writer: SqlitePool,
    /// For access that payments wait for, all of it by key.
    readers: SqlitePool,
    /// For clients' and operators' lists.
    lists: SqlitePool,
    shares: Shares,
    /// Time limit for one client's list.
    list_max: Duration,
    rows: RowReader,
}

impl Sqlite {
    /// Opens or creates the file that the settings name (`sqlite://PATH`).
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened, or this build cannot serve its schema.
    pub(crate) async fn open(settings: &DatabaseSettings, sealer: &Arc<Sealer>) -> Result<Self, OpenError> {
        let options =
            options(&settings.uri)?.create_if_missing(settings.migrate_on_start != MigrateOnStart::Never);
        private::files(&options, settings.migrate_on_start != MigrateOnStart::Never).map_err(unavailable)?;
        refuse_links(options.get_filename()).map_err(unavailable)?;
        // A deleted file is not created again: the payments are in the file that was here.
        let path = options.get_filename().to_owned();
        let options = if path.exists() { options.create_if_missing(false) } else { options };
        let file = Arc::new(DatabaseFile::at(&path));
        let pool = |connections| {
            let file = file.clone();
            // Connections to a file need no renewal by age, and when the last one closes, SQLite deletes the log.
            let options = SqlitePoolOptions::new().max_lifetime(None).idle_timeout(None);
            let options = options.max_connections(connections).acquire_timeout(PATIENCE);
            options.before_acquire(move |connection, idle| {
                let fitness = file.fitness(idle.age);
                Box::pin(async move {
                    if fitness == Fitness::HoldsLostLog {
                        save_log(connection).await;
                    }
                    Ok(fitness == Fitness::Good)
                })
            })
        };
        let writer = pool(1).connect_with(options.clone()).await.map_err(unavailable)?;
        let mut connection = writer.acquire().await.map_err(unavailable)?;
        schema::prepare(&mut connection, settings.migrate_on_start).await?;
        tell_version(&mut connection).await;
        drop(connection);
        let options = options.read_only(true);
        let readers = pool(READERS).connect_with(options.clone()).await.map_err(unavailable)?;
        let lists = pool(LIST_READERS).connect_lazy_with(options);
        let commits = GroupCommit::start([SqliteWriter::new(writer.clone(), sealer.clone())]);
        let rows = RowReader::new(sealer.clone());
        let list_max = settings.read_timeout;
        let shares = Shares::of(LIST_READERS, list_max);
        Ok(Self { commits, writer, readers, lists, shares, list_max, rows })
    }
}

/// Logs the version of the library. Nothing depends on it.
async fn tell_version(connection: &mut SqliteConnection) {
    let version = sqlx::query_scalar::<_, String>("SELECT sqlite_version()").fetch_one(connection).await;
    let version = version.unwrap_or_else(|_| "unknown".to_owned());
    tracing::info!(version, "opened SQLite");
}

/// Writes a connection's log to the database. Read-only connections cannot; the writing one does.
async fn save_log(connection: &mut SqliteConnection) {
    match sqlx::query("PRAGMA wal_checkpoint(FULL)").fetch_one(connection).await {
        Ok(row) => match row.try_get::<i64, _>(0) {
            Ok(0) => tracing::warn!("the lost write-ahead log is saved in the database"),
            _ => tracing::error!("the lost write-ahead log is not saved: it is being read"),
        },
        Err(error) => tracing::debug!(%error, "this connection cannot save the write-ahead log"),
    }
}

/// Applies the missing migrations to the file at `uri`, and creates the file if there is none.
///
/// # Errors
/// Returns an error if the file cannot be opened, a newer release excludes this one, or a migration fails.
pub async fn migrate(uri: &str) -> Result<Migrated, OpenError> {
    let options = options(uri)?.create_if_missing(true);
    private::files(&options, true).map_err(unavailable)?;
    refuse_links(options.get_filename()).map_err(unavailable)?;
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(unavailable)?;
    let done = schema::migrate(&mut connection).await?;
    connection.close().await.map_err(unavailable)?;
    Ok(done)
}

/// The file that a `sqlite://` address names; `None` for a database in memory, or of another kind.
#[must_use]
pub fn file(uri: &str) -> Option<PathBuf> {
    let options = uri.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(uri).ok()).flatten()?;
    file::is_on_disk(options.get_filename()).then(|| options.get_filename().to_owned())
}

fn options(uri: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(uri).map_err(unavailable)?;
    Ok(options
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL may lose the last commits on a power failure, and with them the record of a charge.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Overwritten values may be plain ones that were sealed since. SQLite would leave their bytes in the file.
        .pragma("secure_delete", "ON")
        .busy_timeout(PATIENCE))
}

impl Sqlite {
    fn readers(&self, purpose: Purpose) -> &SqlitePool {
        match purpose {
            Purpose::Money => &self.readers,
            Purpose::List | Purpose::Operators => &self.lists,
        }
    }
}

impl Database for Sqlite {
    /// One process serves a file; a second one would not share its writer.
    const IS_EXCLUSIVE: bool = true;

    const LOG: LogSql = LogSql {
        columns: log_columns!("0"),
        // One writer: every event with a smaller number is visible.
        after: "(0, seq) > (CAST($1 AS INTEGER), $2)",
        is_in_order: "TRUE",
        order: "seq",
        descending: "seq DESC",
    };

    const AUDIT: AuditSql = AuditSql {
        insert_action: "INSERT INTO operator_actions (at, operator, origin, action, object, outcome, detail)
            VALUES ($1, $2, $3, $4, $5, $6, $7)",
        insert_leaves: "INSERT INTO audit_leaves (leaf, event, action, hash)
            SELECT value->>'leaf', value->>'event', value->>'action', unhex(value->>'hash') FROM json_each($1)",
        insert_nodes: "INSERT INTO audit_nodes (height, node, hash)
            SELECT value->>'height', value->>'node', unhex(value->>'hash') FROM json_each($1)",
    };

    fn commits(&self) -> &GroupCommit {
        &self.commits
    }

    fn rows(&self) -> &RowReader {
        &self.rows
    }

    fn shares(&self) -> &Shares {
        &self.shares
    }

    fn log_epochs(&self) -> &[i64] {
        &[]
    }

    fn list_max(&self) -> Option<Duration> {
        Some(self.list_max)
    }

    const BYTES: &'static str = "BLOB";
    /// One writer at a time.
    const FOR_UPDATE: &'static str = "";

    fn hex(bytes: &str) -> String {
        format!("hex({bytes})")
    }

    async fn check(&self) -> Result<(), StoreError> {
        sqlx::query(READ_EACH).execute(&self.readers).await.map(drop).map_err(unavailable)
    }

    async fn all<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Vec<R>, StoreError> {
        let Query { sql, arguments } = query;
        let query = bind_all!(sqlx::query_as(sql), arguments);
        query.fetch_all(self.readers(purpose)).await.map_err(unavailable)
    }

    async fn one<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        let Query { sql, arguments } = query;
        let query = bind_all!(sqlx::query_as(sql), arguments);
        query.fetch_optional(self.readers(purpose)).await.map_err(unavailable)
    }

    async fn one_written<R: Row>(&self, _: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        let Query { sql, arguments } = query;
        let query = bind_all!(sqlx::query_as(sql), arguments);
        query.fetch_optional(&self.writer).await.map_err(unavailable)
    }

    /// SQLite has none.
    async fn make_partitions(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn scrub(&self, even_if_large: bool) -> Result<Scrubbed, StoreError> {
        scrub::scrub(&self.writer, even_if_large).await
    }

    async fn execute(&self, _: Purpose, query: Query) -> Result<u64, StoreError> {
        let Query { sql, arguments } = query;
        let query = bind_all!(sqlx::query(sql), arguments);
        Ok(query.execute(&self.writer).await.map_err(unavailable)?.rows_affected())
    }

    async fn execute_all(&self, _: Purpose, queries: Vec<Query>) -> Result<(), StoreError> {
        // Dropped before its end, it rolls back.
        let mut write = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(not_written)?;
        for Query { sql, arguments } in queries {
            bind_all!(sqlx::query(sql), arguments).execute(&mut *write).await.map_err(not_written)?;
        }
        reach("during_seal").await;
        write.commit().await.map_err(unavailable)
    }
}
