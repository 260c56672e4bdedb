//! Rows together with whether the server that has them takes writes. The old primary of a failover may live on,
//! read-only: it lacks newer rows, and what it has may be out of date.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, FromRow, Row as _, SqlSafeStr, SqlStr};

const IS_FOUND: &str = "row_is_found";
const IS_READ_ONLY: &str = "server_is_read_only";

/// A row of a query that [`with_server`] has wrapped.
pub(super) struct Current<R> {
    /// `None` in the one row of an empty result.
    pub(super) row: Option<R>,
    pub(super) is_read_only: bool,
}

impl<'r, R: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Current<R> {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let is_found = row.try_get::<Option<bool>, _>(IS_FOUND)?.is_some();
        Ok(Self {
            row: is_found.then(|| R::from_row(row)).transpose()?,
            is_read_only: row.try_get(IS_READ_ONLY)?,
        })
    }
}

/// Adds two columns to a query that reads, after its own, and a row if it finds none. One statement says both what is
/// there and whether the server takes writes: a standby may be promoted between two.
pub(super) fn with_server(sql: &SqlStr) -> SqlStr {
    let sql = sql.as_str();
    let wrapped = format!(
        "SELECT found.*, server.{IS_READ_ONLY}
         FROM (SELECT current_setting('transaction_read_only')::boolean AS {IS_READ_ONLY}) AS server
         LEFT JOIN (SELECT inner_query.*, TRUE AS {IS_FOUND} FROM ({sql}) AS inner_query) AS found ON TRUE"
    );
    AssertSqlSafe(wrapped).into_sql_str()
}
