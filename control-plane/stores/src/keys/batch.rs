//! Rows of a table with sealed columns, read and written a few at a time.

use payments::ports::store::StoreError;
use sqlx::AssertSqlSafe;

use crate::row::row;
use crate::sealed_row::plain;
use crate::sealed_tables::{KeyColumn, SealedColumn, SealedTable};
use crate::sql::{Argument, Database, Purpose, Query};

/// Rows of a batch. While it is written, those who change its rows wait, so it has to be short; each batch is a commit.
pub(super) const ROWS: u32 = 50;

row! {
    pub(crate) struct BatchRow {
        pub(super) first_key: String,
        pub(super) second_key: Option<String>,
        /// What values are bound to.
        pub(super) name: String,
        /// When the values were first written, which decides when they end.
        pub(super) at: i64,
        pub(super) client: Option<String>,
        pub(super) first_text: Option<String>,
        pub(super) second_text: Option<String>,
        pub(super) bytes: Option<Vec<u8>>,
    }
}

plain! { BatchRow, }

impl BatchRow {
    pub(super) fn place(&self) -> Vec<String> {
        std::iter::once(self.first_key.clone()).chain(self.second_key.clone()).collect()
    }
}

/// A key column as text: the last row's key columns are how far a run is.
fn as_text(key: &KeyColumn) -> String {
    if key.is_number { format!("CAST({} AS TEXT)", key.name) } else { key.name.to_owned() }
}

/// A parameter or column of text as a value of the key column.
fn as_key(key: &KeyColumn, text: &str) -> String {
    if key.is_number { format!("CAST(CAST({text} AS TEXT) AS BIGINT)") } else { text.to_owned() }
}

/// Reads how far a walk of the table has to go: up to the last row that was made so far. Without an end, a busy service
/// could make rows ahead of the walk faster than it looks at them.
pub(super) async fn end(database: &impl Database, table: &SealedTable) -> Result<String, StoreError> {
    let KeyColumn { name, is_number } = table.rising;
    let none = if is_number { "0" } else { "''" };
    let sql = format!("SELECT CAST(coalesce(max({name}), {none}) AS TEXT) FROM {}", table.name);
    let query = Query::new(AssertSqlSafe(sql));
    let found = database.one::<(String,)>(Purpose::Operators, query).await?;
    Ok(found.map(|(last,)| last).unwrap_or_default())
}

/// Reads the rows after the key `place`, up to an [`end`].
pub(super) fn read<D: Database>(table: &SealedTable, place: &[String], end: &str) -> Query {
    let (keys, names) = (table.key, table.key.iter().map(|key| key.name).collect::<Vec<_>>().join(", "));
    let mut key_texts = keys.iter().map(as_text);
    let first_key = key_texts.next().unwrap_or_default();
    let none = || "CAST(NULL AS TEXT)".to_owned();
    let second_key = key_texts.next().unwrap_or_else(none);
    let mut texts =
        table.columns.iter().filter(|column| !column.is_bytes).map(|column| column.name.to_owned());
    let first_text = texts.next().unwrap_or_else(none);
    let second_text = texts.next().unwrap_or_else(none);
    let bytes = table.columns.iter().find(|column| column.is_bytes).map(|column| column.name.to_owned());
    let bytes = bytes.unwrap_or_else(|| format!("CAST(NULL AS {})", D::BYTES));
    let client = if table.has_client { "client".to_owned() } else { none() };
    let behind = if place.is_empty() {
        "TRUE".to_owned()
    } else {
        let from: Vec<_> = keys.iter().zip(1..).map(|(key, n)| as_key(key, &format!("${n}"))).collect();
        format!("({names}) > ({})", from.join(", "))
    };
    let (last, limit) = (place.len() + 1, place.len() + 2);
    // The sign keeps SQLite to the index of the key.
    let sign = if keys.iter().any(|key| key.name == table.rising.name) { "" } else { "+" };
    let until = format!("{sign}{} <= {}", table.rising.name, as_key(&table.rising, &format!("${last}")));
    let sql = format!(
        "SELECT {first_key} AS first_key, {second_key} AS second_key, {} AS name, {} AS at, {client} AS client,
                {first_text} AS first_text, {second_text} AS second_text, {bytes} AS bytes
         FROM {} WHERE {behind} AND {until} AND {} ORDER BY {names} LIMIT ${limit}",
        table.row, table.at, table.name, table.may_change
    );
    let query = Query::new(AssertSqlSafe(sql));
    let query = place.iter().fold(query, |query, key| query.with(key.as_str()));
    query.with(end).with(i64::from(ROWS))
}

/// A value that replaces another, unless that has changed meanwhile.
pub(super) struct Replacement {
    /// The key of the row.
    pub(super) place: Vec<String>,
    pub(super) old: Argument,
    pub(super) new: Argument,
}

/// Replaces values of one column. Locks the rows in the order of their keys, as payments do, so that neither waits for
/// the other in a circle.
pub(super) fn write<D: Database>(
    table: &SealedTable,
    column: &SealedColumn,
    values: &[Replacement],
) -> Query {
    let value = if column.is_bytes { D::BYTES } else { "TEXT" };
    let width = table.key.len() + 2;
    let rows: Vec<_> = (0..values.len())
        .map(|n| {
            let parameter = |m: usize| format!("${}", n * width + m + 1);
            let mut cells: Vec<_> =
                (0..table.key.len()).map(|m| format!("CAST({} AS TEXT)", parameter(m))).collect();
            cells.extend((width - 2..width).map(|m| format!("CAST({} AS {value})", parameter(m))));
            format!("({})", cells.join(", "))
        })
        .collect();
    let names: Vec<_> = table.key.iter().map(|key| key.name).collect();
    let given: Vec<_> = (1..).zip(table.key).map(|(n, key)| as_key(key, &format!("key_{n}"))).collect();
    let columns: Vec<_> = (1..=table.key.len()).map(|n| format!("key_{n}")).collect();
    let same = |table: &str| {
        let pairs = names.iter().zip(&given).map(|(name, given)| format!("{table}.{name} = {given}"));
        pairs.collect::<Vec<_>>().join(" AND ")
    };
    let sql = format!(
        "WITH given ({columns}, old_value, new_value) AS (VALUES {rows}),
              locked AS MATERIALIZED (
                  SELECT {names} FROM {table} WHERE ({names}) IN (SELECT {given} FROM given)
                  ORDER BY {names} {lock})
         UPDATE {table} SET {column} = given.new_value FROM given
         WHERE {same} AND {table}.{column} = given.old_value AND ({own}) IN (SELECT {names} FROM locked)",
        columns = columns.join(", "),
        rows = rows.join(", "),
        names = names.join(", "),
        given = given.join(", "),
        table = table.name,
        lock = D::FOR_UPDATE,
        column = column.name,
        same = same(table.name),
        own = names.iter().map(|name| format!("{}.{name}", table.name)).collect::<Vec<_>>().join(", "),
    );
    let query = Query::new(AssertSqlSafe(sql));
    values.iter().fold(query, |query, value| {
        let query = value.place.iter().fold(query, |query, key| query.with(key.as_str()));
        query.with(value.old.clone()).with(value.new.clone())
    })
}
