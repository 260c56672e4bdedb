//! SQLite: the embedded default. One writer, write-ahead log, and a disk flush at every commit.

mod commit;
mod due_work;
mod key;
mod store;
mod webhooks;

use std::str::FromStr;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::domain::store::StoreError;
use crate::store::group_commit::GroupCommit;
use crate::store::settings::DatabaseSettings;
use crate::store::unreadable::RowReader;
use commit::SqliteWriter;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;
/// For lists, each on a thread of its own; the machine has other work.
const LIST_READERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);

pub struct SqliteStore {
    commits: GroupCommit,
    /// One connection: SQLite has one writer at a time, and waiting here is fairer than its busy loop.
    writer: SqlitePool,
    /// For what money waits for, all of it by keys.
    readers: SqlitePool,
    /// For clients' and operators' lists.
    lists: SqlitePool,
    /// For one client's list.
    list_max: Duration,
    rows: RowReader,
}

impl SqliteStore {
    /// Opens or makes the file that the settings name (`sqlite://PATH`).
    pub async fn open(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(&settings.uri)
            .map_err(unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits when the power fails, and with them the knowledge of a charge.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let pool =
            |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(PATIENCE);
        let writer = pool(1).connect_with(options.clone()).await.map_err(unavailable)?;
        MIGRATIONS.run(&writer).await.map_err(unavailable)?;
        let options = options.read_only(true);
        let readers = pool(READERS).connect_with(options.clone()).await.map_err(unavailable)?;
        let lists = pool(LIST_READERS).connect_lazy_with(options);
        let commits = GroupCommit::start([SqliteWriter(writer.clone())]);
        let rows = RowReader::default();
        Ok(Self { commits, writer, readers, lists, list_max: settings.read_timeout, rows })
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
