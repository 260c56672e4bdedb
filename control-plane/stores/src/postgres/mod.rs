//! PostgreSQL 14 or newer, for several control planes at once. Transactions are READ COMMITTED, so every condition that
//! guards money is part of the statement that it guards.

mod backends;
mod batch;
mod connections;
mod current;
mod encrypted;
mod epochs;
mod grants;
mod independent_batches;
mod inspect;
mod key_rows;
mod parameters;
mod pooling;
mod proof;
mod record;
mod refusal;
mod rows;
mod schema;
mod schema_location;
mod sent;
mod uri;
mod writer;
mod writer_connection;
mod written;

use std::sync::Arc;
use std::time::Duration;

use payments::ports::store::StoreError;
use sealing::Sealer;

use crate::group_commit::GroupCommit;
use crate::reads::log_columns;
use crate::renewal::Renewal;
use crate::schema::Migrated;
pub use crate::schema::{NotConnected, WrongSchema};
use crate::settings::DatabaseSettings;
use crate::shares::Shares;
use crate::sql::{AuditSql, Database, LogSql, Purpose, Query, Row, Scrubbed, bind_all};
use crate::unreadable::RowReader;
use crate::{OpenError, not_written, unavailable};
use backends::Backends;
use connections::{Connections, Limits};
use current::with_server;
use grants::{MISSING, MissingRights};
pub use grants::{USUAL_SCHEMA, grant_of_connection, grants};
pub(super) use inspect::inspect;
pub use uri::{InvalidUri, check_files, database_name, is_protected, options};
use writer::PostgresWriter;

/// Each writer makes one commit at a time; while one waits for the disk, the other gathers changes.
const WRITERS: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(5);
/// Time limit for a statement by key. A server that needs longer is in distress.
const STATEMENT_MAX: Duration = Duration::from_secs(5);
/// Connections for operators' commands and gauges, one at a time each.
const OPERATORS: u32 = 2;
/// Connections of a process beyond those in its settings.
pub(super) const OTHER_CONNECTIONS: u32 = WRITERS + OPERATORS;
/// Time limit for an operator's statement, which may read a whole table.
const OPERATORS_STATEMENT_MAX: Duration = Duration::from_secs(60);

pub(crate) struct Postgres {
    commits: GroupCommit,
    /// For access that payments wait for, all of it by key: payments, refunds, providers' events, due work.
    money: Connections,
    /// For clients' lists.
    lists: Connections,
    shares: Shares,
    /// For operators' lists and gauges.
    operators: Connections,
    rows: RowReader,
    log_epochs: Vec<i64>,
}

impl Postgres {
    /// Connects to the database that the settings name (`postgres://USER:PASSWORD@HOST/DATABASE`).
    ///
    /// # Errors
    /// Returns an error if the database is unreachable, or this build cannot serve its schema.
    pub(crate) async fn open(settings: &DatabaseSettings, sealer: &Arc<Sealer>) -> Result<Self, OpenError> {
        let options = options(&settings.uri).map_err(unavailable)?;
        let log_epochs = schema::prepare(&options, settings.migrate_on_start).await?;
        let (renewal, backends) = (Arc::new(Renewal::default()), Arc::new(Backends::default()));
        let connections = |connections, patience, statement| {
            let limits = Limits { connections, patience, statement };
            Connections::new(&options, &limits, renewal.clone(), backends.clone())
        };
        let money = connections(settings.connections, PATIENCE, STATEMENT_MAX);
        // The wait for a connection ends when another list ends or is canceled, so both have the same limit.
        let list = settings.read_timeout;
        let lists = connections(settings.list_connections, list, list);
        let shares = Shares::of(settings.list_connections, list);
        let operators = connections(OPERATORS, PATIENCE, OPERATORS_STATEMENT_MAX);
        let writer =
            || PostgresWriter::new(options.clone(), renewal.clone(), backends.clone(), sealer.clone());
        let writers = (0..WRITERS).map(|_| writer());
        let writers = writers.collect::<Vec<_>>();
        let (commits, rows) = (GroupCommit::start(writers), RowReader::new(sealer.clone()));
        Ok(Self { commits, money, lists, shares, operators, rows, log_epochs })
    }
}

/// Applies the missing migrations to the database at `uri`. Other processes may serve it meanwhile.
///
/// # Errors
/// Returns an error if the database is unreachable, a newer release excludes this one, or a migration fails.
pub async fn migrate(uri: &str) -> Result<Migrated, OpenError> {
    Ok(schema::migrate(&options(uri).map_err(unavailable)?).await?)
}

impl Postgres {
    async fn plain<R: Row>(&self, purpose: Purpose, query: &Query) -> Result<Vec<R>, StoreError> {
        let Query { sql, arguments } = query;
        let make = || bind_all!(sqlx::query_as(sql.clone()), arguments.iter().cloned());
        self.connections(purpose).all(make).await
    }

    async fn current<R: Row>(&self, purpose: Purpose, query: &Query) -> Result<Vec<R>, StoreError> {
        let sql = with_server(&query.sql);
        let make = || bind_all!(sqlx::query_as(sql.clone()), query.arguments.iter().cloned());
        self.connections(purpose).current(make).await
    }

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

    const LOG: LogSql = LogSql {
        columns: log_columns!("xid::text::bigint"),
        after: "(xid, seq) > ($1::text::xid8, $2)",
        is_in_order: "xid < pg_snapshot_xmin(pg_current_snapshot())",
        order: "xid, seq",
        descending: "xid DESC, seq DESC",
    };

    const AUDIT: AuditSql = AuditSql {
        // One at a time until its commit, so that no number becomes visible after a larger one. Operators are few.
        insert_action: "WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock(7449363237790906675))
            INSERT INTO operator_actions (at, operator, origin, action, object, outcome, detail)
            SELECT $1::bigint, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text FROM turn",
        insert_leaves: "INSERT INTO audit_leaves (leaf, event, action, hash)
            SELECT leaf, event, action, decode(hash, 'hex')
            FROM json_to_recordset($1::json) AS r (leaf bigint, event bigint, action bigint, hash text)",
        insert_nodes: "INSERT INTO audit_nodes (height, node, hash)
            SELECT height, node, decode(hash, 'hex')
            FROM json_to_recordset($1::json) AS r (height bigint, node bigint, hash text)",
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
        &self.log_epochs
    }

    /// The server cancels the statement.
    fn list_max(&self) -> Option<Duration> {
        None
    }

    const BYTES: &'static str = "bytea";
    const FOR_UPDATE: &'static str = "FOR UPDATE";

    fn hex(bytes: &str) -> String {
        format!("encode({bytes}, 'hex')")
    }

    async fn check(&self) -> Result<(), StoreError> {
        let missing: Vec<(String,)> =
            self.plain(Purpose::Money, &Query::new(sqlx::AssertSqlSafe(MISSING.as_str()))).await?;
        if missing.is_empty() { Ok(()) } else { Err(not_written(MissingRights::of(missing))) }
    }

    async fn all<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Vec<R>, StoreError> {
        self.current(purpose, &query).await
    }

    async fn one<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        Ok(self.current(purpose, &query).await?.into_iter().next())
    }

    /// A server that is read-only refuses it.
    async fn one_written<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        Ok(self.plain(purpose, &query).await?.into_iter().next())
    }

    async fn make_partitions(&self) -> Result<(), StoreError> {
        let made =
            self.one_written::<(i64,)>(Purpose::Operators, Query::new(schema::MAKE_PARTITIONS)).await?;
        if let Some((made @ 1..,)) = made {
            tracing::info!(made, "made partitions of the audit trail for the months to come");
        }
        Ok(())
    }

    /// The table of data keys is small, and an erased key is in it until then.
    async fn scrub(&self, _: bool) -> Result<Scrubbed, StoreError> {
        self.execute(Purpose::Operators, Query::new("VACUUM data_keys")).await?;
        Ok(Scrubbed::LeftToServer)
    }

    async fn execute(&self, purpose: Purpose, query: Query) -> Result<u64, StoreError> {
        let Query { sql, arguments } = query;
        self.connections(purpose).execute(bind_all!(sqlx::query(sql), arguments)).await
    }

    async fn execute_all(&self, purpose: Purpose, queries: Vec<Query>) -> Result<(), StoreError> {
        let bound =
            queries.into_iter().map(|Query { sql, arguments }| bind_all!(sqlx::query(sql), arguments));
        self.connections(purpose).execute_all(bound.collect()).await
    }
}
