//! Automatic reconciliation: its only row, and the statements, shared by both databases.

use payments::ports::store::StoreError;
use payments::ports::store::reconciling::{OVERLAP, ReconcileRun};

use super::row::row;
use super::rows::ColumnReader;
use super::sealed_row::plain;

/// Starts the first run ever. `$1`: holder, `$2`: end of the lease, `$3`: now, `$4`: start of the period.
pub(super) const FIRST: &str = "INSERT INTO reconcile_progress
        (only_row, holder, held_until, began_at, since, place, compared, different)
    VALUES (1, $1, $2, $3, $4, '', 0, 0) ON CONFLICT (only_row) DO NOTHING";
/// Takes over an unfinished run whose lease has expired. `$1`: holder, `$2`: end of the lease, `$3`: now.
pub(super) const LEFT: &str = "UPDATE reconcile_progress SET holder = $1, held_until = $2
    WHERE finished_at IS NULL AND held_until <= $3";
/// Starts the next run. `$1`: holder, `$2`: end of the lease, `$3`: now, `$4`: latest start of the last run, `$5`:
/// overlap.
pub(super) const NEXT: &str = "UPDATE reconcile_progress
    SET holder = $1, held_until = $2, since = began_at - $5, began_at = $3, place = '', compared = 0,
        different = 0, finished_at = NULL
    WHERE finished_at IS NOT NULL AND began_at <= $4";
/// `$1`: holder.
pub(super) const HELD: &str = "SELECT began_at, since, place, compared, different, finished_at
    FROM reconcile_progress WHERE holder = $1 AND finished_at IS NULL";
/// Saves progress and renews the lease. `$1`: holder, `$2`: end of the lease, `$3`: place, `$4`: compared, `$5`:
/// different, `$6`: finished at.
pub(super) const KEEP: &str = "UPDATE reconcile_progress
    SET held_until = $2, place = $3, compared = $4, different = $5, finished_at = $6
    WHERE holder = $1 AND finished_at IS NULL";

/// [`OVERLAP`] in microseconds, as times are stored.
pub(super) fn overlap() -> i64 {
    OVERLAP.as_secs() * 1_000_000
}

row! {
    pub(super) struct RunRow {
        began_at: i64,
        since: i64,
        place: String,
        compared: i64,
        different: i64,
        finished_at: Option<i64>,
    }
}

plain! { RunRow, }

impl TryFrom<RunRow> for ReconcileRun {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let read = ColumnReader { table: "reconcile_progress", row: "1" };
        Ok(Self {
            began_at: read.time("began_at", row.began_at)?,
            since: read.time("since", row.since)?,
            place: row.place,
            compared: read.number("compared", row.compared)?,
            different: read.number("different", row.different)?,
            finished_at: row.finished_at.map(|at| read.time("finished_at", at)).transpose()?,
        })
    }
}
