//! How far `reseal` has come, kept in the database so that another run can continue.

use jiff::Timestamp;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;

use crate::row::row;
use crate::sealed_row::plain;
use crate::sql::{Database, Purpose, Query};

const ALL: &str = "SELECT name, place, rows_seen, rows_sealed, began_at, finished_at
    FROM reseal_progress ORDER BY name";
/// `$1`: name, `$2`: place, `$3`: rows seen, `$4`: rows sealed, `$5`: began at, `$6`: finished at.
const KEEP: &str = "INSERT INTO reseal_progress (name, place, rows_seen, rows_sealed, began_at, finished_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (name) DO UPDATE SET place = excluded.place, rows_seen = excluded.rows_seen,
        rows_sealed = excluded.rows_sealed, began_at = excluded.began_at, finished_at = excluded.finished_at";

row! {
    pub(crate) struct ProgressRow {
        name: String,
        place: String,
        rows_seen: i64,
        rows_sealed: i64,
        began_at: i64,
        finished_at: Option<i64>,
    }
}

plain! { ProgressRow, }

/// The progress in one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResealProgress {
    pub table: String,
    /// The key of the last row; empty at the beginning.
    pub(super) place: Vec<String>,
    pub rows_seen: u64,
    pub rows_sealed: u64,
    pub began_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

impl ResealProgress {
    pub(super) fn begin(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            place: Vec::new(),
            rows_seen: 0,
            rows_sealed: 0,
            began_at: SystemClock.now(),
            finished_at: None,
        }
    }

    /// `None` for a row that says nothing: the table is walked from its beginning.
    fn of(row: ProgressRow) -> Option<Self> {
        let time = |at| Timestamp::from_microsecond(at).ok();
        Some(Self {
            table: row.name,
            place: serde_json::from_str(&row.place).ok()?,
            rows_seen: u64::try_from(row.rows_seen).ok()?,
            rows_sealed: u64::try_from(row.rows_sealed).ok()?,
            began_at: time(row.began_at)?,
            finished_at: row.finished_at.and_then(time),
        })
    }

    pub(super) async fn keep(&self, database: &impl Database) -> Result<(), StoreError> {
        let number = |rows| i64::try_from(rows).unwrap_or(i64::MAX);
        let keep = Query::new(KEEP)
            .with(self.table.as_str())
            // Texts always serialize.
            .with(serde_json::to_string(&self.place).unwrap_or_default())
            .with(number(self.rows_seen))
            .with(number(self.rows_sealed))
            .with(self.began_at.as_microsecond())
            .with(self.finished_at.map(Timestamp::as_microsecond));
        database.execute(Purpose::Operators, keep).await.map(drop)
    }
}

/// Ends an interrupted run, so that the next one starts from the beginning. `$1`: now.
const END: &str = "UPDATE reseal_progress SET finished_at = $1 WHERE finished_at IS NULL";

pub(super) async fn end(database: &impl Database) -> Result<(), StoreError> {
    let end = Query::new(END).with(SystemClock.now().as_microsecond());
    database.execute(Purpose::Operators, end).await.map(drop)
}

pub(super) async fn all(database: &impl Database) -> Result<Vec<ResealProgress>, StoreError> {
    let rows = database.all::<ProgressRow>(Purpose::Operators, Query::new(ALL)).await?;
    Ok(rows.into_iter().filter_map(ResealProgress::of).collect())
}
