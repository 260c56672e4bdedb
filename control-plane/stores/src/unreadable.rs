//! Unreadable rows: left out of lists, counted, and named in the log.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use payments::ports::store::{Problem, Rows, StoreError, Unreadable};
use sealing::Sealer;

use super::sealed_row::SealedRow;

/// Counts reads of unreadable rows, by table.
pub const COUNTER: &str = "stored_rows_unreadable_total";

/// Tables whose counters exist from the start.
const TABLES: [&str; 6] =
    ["payments", "refunds", "events", "webhook_events", "idempotency_keys", "payment_customers"];

/// Pause between log lines for the same row. Lists are polled, and one line an hour is enough to be noticed.
const NAMED_EVERY: Duration = Duration::from_secs(3_600);
/// Maximum rows remembered as named. More unreadable rows mean a fault common to all, which the counter shows.
const NAMED_MAX: usize = 1_000;

/// Opens rows and converts them one by one, and names the unreadable ones.
pub(super) struct RowReader {
    sealer: Arc<Sealer>,
    named: Mutex<HashMap<Unreadable, Instant>>,
}

impl RowReader {
    /// Separates readable rows from unreadable ones.
    pub(super) fn read<R, T>(&self, rows: Vec<R>) -> Result<Rows<T>, StoreError>
    where
        R: SealedRow,
        T: TryFrom<R, Error = StoreError>,
    {
        let mut read = Rows { items: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
        for row in rows {
            match self.convert(row) {
                Ok(item) => read.items.push(item),
                Err(StoreError::Inconsistent(unreadable)) => read.unreadable.push(unreadable),
                Err(problem) => return Err(problem),
            }
        }
        for unreadable in &read.unreadable {
            self.tell(unreadable);
        }
        Ok(read)
    }

    /// Opens and converts one row. An error that a person has to know of is named, as in [`Self::read`].
    pub(super) fn value<R, T>(&self, row: R) -> Result<T, StoreError>
    where
        R: SealedRow,
        T: TryFrom<R, Error = StoreError>,
    {
        let read = self.convert(row);
        if let Err(StoreError::Inconsistent(unreadable)) = &read
            && unreadable.problem != Problem::Invalid
        {
            self.tell(unreadable);
        }
        read
    }

    fn convert<R, T>(&self, mut row: R) -> Result<T, StoreError>
    where
        R: SealedRow,
        T: TryFrom<R, Error = StoreError>,
    {
        row.open(&self.sealer)?;
        T::try_from(row)
    }

    /// Creates the counters at zero: the first increase of a counter that appears above zero is not seen.
    pub(super) fn new(sealer: Arc<Sealer>) -> Self {
        for table in TABLES {
            metrics::counter!(COUNTER, "table" => table).increment(0);
        }
        Self { sealer, named: Mutex::default() }
    }

    pub(super) fn tell(&self, unreadable: &Unreadable) {
        metrics::counter!(COUNTER, "table" => unreadable.table).increment(1);
        if self.is_to_be_named(unreadable, Instant::now()) {
            let Unreadable { table, row, column, problem } = unreadable;
            let (reason, key) = (problem.name(), problem.key());
            tracing::error!(
                table,
                row,
                column,
                reason,
                key,
                "a stored row cannot be read; it is left out of lists"
            );
        }
    }

    fn is_to_be_named(&self, unreadable: &Unreadable, now: Instant) -> bool {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() >= NAMED_MAX {
            named.retain(|_, at| now.duration_since(*at) < NAMED_EVERY);
        }
        match named.get(unreadable) {
            Some(at) if now.duration_since(*at) < NAMED_EVERY => false,
            None if named.len() >= NAMED_MAX => false,
            _ => {
                named.insert(unreadable.clone(), now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> Unreadable {
        let (row, column) = (n.to_string(), "detail".to_owned());
        Unreadable { table: "payments", row, column, problem: Problem::Invalid }
    }

    fn reader() -> RowReader {
        RowReader::new(Arc::new(Sealer::new(sealing::PlainValues::Written)))
    }

    #[test]
    fn a_row_is_named_once_an_hour_however_often_it_is_met() {
        let (reader, start) = (reader(), Instant::now());
        let named = |n, at: Duration| reader.is_to_be_named(&row(n), start + at);
        assert!(named(1, Duration::ZERO) && named(2, Duration::ZERO));
        assert!(!named(1, NAMED_EVERY - Duration::from_secs(1)));
        assert!(named(1, NAMED_EVERY));
    }

    #[test]
    fn no_more_rows_are_remembered_than_fit() {
        let (reader, start) = (reader(), Instant::now());
        let named = |from: usize, at| {
            (from..from + 2 * NAMED_MAX).filter(|n| reader.is_to_be_named(&row(*n), at)).count()
        };
        assert_eq!(named(0, start), NAMED_MAX);
        assert_eq!(named(5_000, start + NAMED_EVERY), NAMED_MAX);
        assert_eq!(reader.named.lock().unwrap().len(), NAMED_MAX);
    }
}
