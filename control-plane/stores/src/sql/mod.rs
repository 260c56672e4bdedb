//! The domain's store port on a database that speaks SQL: reads, due work, providers' events and reconciling, written once.
//! What differs between the databases is how they connect, and how they commit.

mod due_work;
mod query;
mod reconciling;
mod store;
mod webhooks;

use std::time::Duration;

use payments::ports::store::StoreError;
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub(crate) use self::query::{Argument, Query, bind_all};
use crate::group_commit::GroupCommit;
use crate::shares::Shares;
use crate::unreadable::RowReader;

/// What both databases read their rows into.
pub(crate) trait Row:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

impl<R> Row for R where R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin {}

/// What a statement is run for. Each has connections of its own, so that none waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// What money waits for, all of it by keys: payments, refunds, providers' events, due work.
    Money,
    /// A client's list.
    List,
    /// Operators' lists and gauges, and reconciling.
    Operators,
}

/// A database, as far as the two differ.
pub(crate) trait Database: Send + Sync + 'static {
    /// Whether this process is the only one that writes to it.
    const IS_EXCLUSIVE: bool;

    fn commits(&self) -> &GroupCommit;
    fn rows(&self) -> &RowReader;
    fn shares(&self) -> &Shares;
    /// For one client's list, where the database does not end it by itself.
    fn list_max(&self) -> Option<Duration>;

    /// Reads what a charge needs, and whether all of it may be read and written.
    fn check(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All rows.
    fn all<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send;

    /// The first row, for queries that find one at most.
    fn one<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// The same of a statement that writes, or reads what was written a moment ago.
    fn one_written<R: Row>(
        &self,
        purpose: Purpose,
        query: Query,
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send;

    /// Executes what writes and gives no rows; how many it changed.
    fn execute(&self, purpose: Purpose, query: Query)
    -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// The domain's store on either database.
pub(crate) struct SqlStore<D>(pub(crate) D);

impl<D: Database> SqlStore<D> {
    /// The domain's value of the first row.
    async fn found<R: Row, T: TryFrom<R, Error = StoreError>>(
        &self,
        query: Query,
    ) -> Result<Option<T>, StoreError> {
        self.0.one::<R>(Purpose::Money, query).await?.map(T::try_from).transpose()
    }
}
