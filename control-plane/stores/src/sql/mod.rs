//! The domain's store port on an SQL database: reads, due work, providers' events and reconciliation, written once. The
//! databases differ in how they connect and how they commit.

mod audit;
mod audit_reads;
pub(crate) mod data_keys;
mod due_work;
mod event_log;
pub(crate) mod log_horizon;
mod query;
mod reconciling;
mod scrubbed;
mod store;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use payments::ports::store::StoreError;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub(crate) use self::audit::AuditSql;
use self::data_keys::DataKeys;
use self::event_log::Horizon;
pub(crate) use self::event_log::LogSql;
pub(crate) use self::query::{Argument, Query, bind_all};
pub use self::scrubbed::Scrubbed;
use crate::group_commit::GroupCommit;
use crate::sealed_row::SealedRow;
use crate::shares::Shares;
use crate::unreadable::RowReader;

/// A type that both databases can read their rows into.
pub(crate) trait Row:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + SealedRow + Send + Unpin
{
}

impl<R> Row for R where
    R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + SealedRow + Send + Unpin
{
}

/// The purpose of a statement. Purposes use separate connections, so that none waits for another; in SQLite,
/// [`Self::List`] and [`Self::Operators`] share theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Access that payments wait for, all of it by key: payments, refunds, providers' events, due work.
    Money,
    /// A client's list.
    List,
    /// Operators' lists and gauges, and reconciliation.
    Operators,
}

/// The differences between the two databases.
pub(crate) trait Database: Send + Sync + 'static {
    /// Whether this process is the only one that writes to it.
    const IS_EXCLUSIVE: bool;
    const LOG: LogSql;
    const AUDIT: AuditSql;

    /// The type of columns of bytes.
    const BYTES: &'static str;
    /// What locks the rows that a query reads.
    const FOR_UPDATE: &'static str;

    /// SQL that writes bytes as hex digits.
    fn hex(bytes: &str) -> String;

    fn commits(&self) -> &GroupCommit;
    fn rows(&self) -> &RowReader;
    fn shares(&self) -> &Shares;
    /// The first event numbers of the log's epochs after the first.
    fn log_epochs(&self) -> &[i64];
    /// Time limit for one client's list, unless the database enforces it.
    fn list_max(&self) -> Option<Duration>;

    /// Checks access to what a charge needs.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All rows.
    fn all<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send;

    /// The first row, for queries that return at most one.
    fn one<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// Like [`Self::one`], for a statement that writes, or reads what was written a moment ago.
    fn one_written<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// Removes overwritten values from the database's files, see [`crate::keys::KeyMaintenance::scrub`].
    fn scrub(&self, even_if_large: bool) -> impl Future<Output = Result<Scrubbed, StoreError>> + Send;

    /// Makes the partitions that tables will need within a year, see the migrations. Needs the right to change the
    /// schema.
    fn make_partitions(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Executes a statement that writes and returns no rows. Returns the number of rows changed.
    fn execute(&self, purpose: Purpose, query: Query)
    -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Executes statements in one commit.
    fn execute_all(
        &self,
        purpose: Purpose,
        queries: Vec<Query>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The domain's store on either database.
pub(crate) struct SqlStore<D> {
    database: Arc<D>,
    keys: Arc<DataKeys>,
    horizon: Horizon,
}

impl<D: Database> SqlStore<D> {
    pub(crate) fn new(database: D, keys: DataKeys) -> Self {
        Self { database: Arc::new(database), keys: Arc::new(keys), horizon: Horizon::default() }
    }

    /// All rows, with the keys at hand that their values need.
    async fn all<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Vec<R>, StoreError> {
        let mut rows = self.database.all(purpose, query).await?;
        self.keys.follow(&*self.database, &mut rows).await?;
        Ok(rows)
    }

    /// Like [`Self::all`], for queries that return at most one row.
    async fn one<R: Row>(&self, purpose: Purpose, query: Query) -> Result<Option<R>, StoreError> {
        let mut row = self.database.one(purpose, query).await?;
        self.keys.follow(&*self.database, row.as_mut_slice()).await?;
        Ok(row)
    }

    /// The first row as a domain value.
    async fn found<R: Row, T: TryFrom<R, Error = StoreError>>(
        &self,
        query: Query,
    ) -> Result<Option<T>, StoreError> {
        let row = self.one::<R>(Purpose::Money, query).await?;
        row.map(|row| self.database.rows().value(row)).transpose()
    }
}
