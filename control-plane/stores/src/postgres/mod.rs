//! PostgreSQL 14 or newer: for several control planes at once. READ COMMITTED, where every condition that guards
//! money stands in the statement that it guards.

mod connections;
mod grants;
mod independent_batches;
mod inspect;
mod not_connected;
mod parameters;
mod pooling;
mod refusal;
mod rows;
mod schema;
mod sent;
mod uri;
mod writer;
mod written;

use std::sync::Arc;
use std::time::Duration;

use payments::ports::store::StoreError;

use crate::group_commit::GroupCommit;
use crate::renewal::Renewal;
use crate::schema::Migrated;
use crate::settings::DatabaseSettings;
use crate::shares::Shares;
use crate::sql::{Database, Purpose, Query, Row, bind_all};
use crate::unreadable::RowReader;
use crate::{OpenError, not_written, unavailable};
use connections::{Connections, Limits};
pub use grants::grants;
use grants::{MISSING, MissingRights};
pub(super) use inspect::inspect;
pub use not_connected::NotConnected;
pub use uri::{InvalidUri, options};
use writer::PostgresWriter;

/// Each takes one commit at a time; while one waits for the disk, the other one is filled.
const WRITERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);
/// For what goes by a key. Longer is a server in distress.
const STATEMENT_MAX: Duration = Duration::from_secs(5);
/// For operators' commands and gauges, one at a time each.
const OPERATORS: u32 = 2;
/// Of a process, besides those that its settings give.
pub(super) const OTHER_CONNECTIONS: u32 = WRITERS + OPERATORS;
/// Of an operator, who may read the whole table.
const OPERATORS_STATEMENT_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Postgres {
    commits: GroupCommit,
    /// For what money waits for, all of it by keys: payments, refunds, providers' events, due work.
    money: Connections,
    /// For clients' lists.
    lists: Connections,
    shares: Shares,
    /// For operators' lists and gauges.
    operators: Connections,
    rows: RowReader,
}

impl Postgres {
    /// Connects to the database that the settings name (`postgres://USER:PASSWORD@HOST/DATABASE`).
    ///
    /// # Errors
    /// If the database cannot be reached, or this build cannot serve its schema.
    pub(crate) async fn open(settings: &DatabaseSettings) -> Result<Self, OpenError> {
        let options = options(&settings.uri).map_err(unavailable)?;
        schema::prepare(&options, settings.migrate_on_start).await?;
        let renewal = Arc::new(Renewal::default());
        let connections = |connections, patience, statement| {
            Connections::new(&options, &Limits { connections, patience, statement }, renewal.clone())
        };
        let money = connections(settings.connections, PATIENCE, STATEMENT_MAX);
        // A reader that waits for a connection waits for another's list to end, or to be canceled.
        let list = settings.read_timeout;
        let lists = connections(settings.list_connections, list, list);
        let shares = Shares::of(settings.list_connections, list);
        let operators = connections(OPERATORS, PATIENCE, OPERATORS_STATEMENT_MAX);
        let writers = (0..WRITERS).map(|_| PostgresWriter::new(options.clone(), renewal.clone()));
        let writers = writers.collect::<Vec<_>>();
        let (commits, rows) = (GroupCommit::start(writers), RowReader::new());
        Ok(Self { commits, money, lists, shares, operators, rows })
    }
}

/// Brings the schema of the database at `uri` up to date. Others may serve it meanwhile.
///
/// # Errors
/// If the database cannot be reached, a newer release excludes this one, or a migration fails.
pub async fn migrate(uri: &str) -> Result<Migrated, OpenError> {
    Ok(schema::migrate(&options(uri).map_err(unavailable)?).await?)
}

impl Postgres {
    const fn connections(&self, purpose: Purpose) -> &Connections {
        match purpose {
            Purpose::Money => &self.money,
            Purpose::List => &self.lists,
            Purpose::Operators => &self.operators,
        }
    }
}

impl Database for Postgres {
    /// Other processes may write.
    const IS_EXCLUSIVE: bool = false;

    fn commits(&self) -> &GroupCommit {
        &self.commits
    }

    fn rows(&self) -> &RowReader {
        &self.rows
    }

    fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The server ends it.
    fn list_max(&self) -> Option<Duration> {
        None
    }

    async fn check(&self) -> Result<(), StoreError> {
        let missing: Vec<(String,)> =
            self.all(Purpose::Money, Query::new(sqlx::AssertSqlSafe(MISSING.as_str()))).await?;
        if missing.is_empty() { Ok(()) } else { Err(not_written(MissingRights::of(missing))) }
    }

    async fn all<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Vec<R>, StoreError> {
        let Query { sql, arguments } = &query;
        self.connections(purpose)
            .all(|| bind_all!(sqlx::query_as(sql.clone()), arguments.iter().cloned()))
            .await
    }

    async fn one<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        let Query { sql, arguments } = &query;
        self.connections(purpose)
            .one(|| bind_all!(sqlx::query_as(sql.clone()), arguments.iter().cloned()))
            .await
    }

    async fn one_written<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        self.one(purpose, query).await
    }

    async fn execute(&self, purpose: Purpose, query: Query) -> Result<u64, StoreError> {
        let Query { sql, arguments } = query;
        self.connections(purpose).execute(bind_all!(sqlx::query(sql), arguments)).await
    }
}
