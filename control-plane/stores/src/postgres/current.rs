//! Rows together with whether the server that has them takes writes. The old primary of a failover may live on, read-only:
//! it lacks newer rows, and what it has may be out of date.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, Row as _, SqlSafeStr, SqlStr};

const IS_READ_ONLY: &str = "server_is_read_only";

/// A row of a query that [`with_server`] has wrapped.
pub(super) struct Current<R> {
    pub(super) row: R,
    pub(super) is_read_only: bool,
}

impl<'r, R: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Current<R> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self { row: R::from_row(row)?, is_read_only: row.try_get(IS_READ_ONLY)? })
    }
}

/// Adds a column to a query that reads, behind its own: another round trip could ask another moment.
pub(super) fn with_server(sql: &SqlStr) -> SqlStr {
    let sql = sql.as_str();
    let wrapped = format!(
        "SELECT found.*, current_setting('transaction_read_only')::boolean AS {IS_READ_ONLY} FROM ({sql}) AS found"
    );
    AssertSqlSafe(wrapped).into_sql_str()
}
