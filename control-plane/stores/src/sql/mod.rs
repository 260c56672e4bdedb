//! The domain's store port on an SQL database: reads, due work, providers' events and reconciliation, written once. The
//! databases differ in how they connect and how they commit.

mod audit;
mod audit_reads;
mod due_work;
mod event_log;
mod query;
mod reconciling;
mod store;
mod webhooks;

use std::time::Duration;

use payments::ports::store::StoreError;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub(crate) use self::audit::AuditSql;
pub(crate) use self::event_log::LogSql;
pub(crate) use self::query::{Argument, Query, bind_all};
use crate::group_commit::GroupCommit;
use crate::shares::Shares;
use crate::unreadable::RowReader;

/// A type that both databases can read their rows into.
pub(crate) trait Row:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

impl<R> Row for R where R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

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
pub(crate) struct SqlStore<D>(pub(crate) D);

impl<D: Database> SqlStore<D> {
    /// The first row as a domain value.
    async fn found<R: Row, T: TryFrom<R, Error = StoreError>>(
        &self,
        query: Query,
    ) -> Result<Option<T>, StoreError> {
        self.0.one::<R>(Purpose::Money, query).await?.map(T::try_from).transpose()
    }
}
