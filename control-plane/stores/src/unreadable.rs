//! Unreadable rows: left out of lists, counted, and named in the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use payments::ports::store::{Rows, StoreError, Unreadable};

/// Counts reads of unreadable rows, by table.
pub const COUNTER: &str = "stored_rows_unreadable_total";

/// Tables whose counters exist from the start.
const TABLES: [&str; 4] = ["payments", "refunds", "events", "webhook_events"];

/// Pause between log lines for the same row. Lists are polled, and one line an hour is enough to be noticed.
const NAMED_EVERY: Duration = Duration::from_secs(3_600);
/// Maximum rows remembered as named. More unreadable rows mean a fault common to all, which the counter shows.
const NAMED_MAX: usize = 1_000;

/// Converts rows one by one, and names the unreadable ones.
#[derive(Default)]
pub(super) struct RowReader {
    named: Mutex<HashMap<Unreadable, Instant>>,
}

impl RowReader {
    /// Separates readable rows from unreadable ones.
    pub(super) fn read<R, T>(&self, rows: Vec<R>) -> Result<Rows<T>, StoreError>
    where
        T: TryFrom<R, Error = StoreError>,
    {
        let mut read = Rows { items: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
        for row in rows {
            match T::try_from(row) {
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

    /// Creates the counters at zero: the first increase of a counter that appears above zero is not seen.
    pub(super) fn new() -> Self {
        for table in TABLES {
            metrics::counter!(COUNTER, "table" => table).increment(0);
        }
        Self::default()
    }

    fn tell(&self, unreadable: &Unreadable) {
        metrics::counter!(COUNTER, "table" => unreadable.table).increment(1);
        if self.is_to_be_named(unreadable, Instant::now()) {
            let Unreadable { table, row, column } = unreadable;
            tracing::error!(table, row, column, "a stored row cannot be read; it is left out of lists");
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
        Unreadable { table: "payments", row: n.to_string(), column: "detail".to_owned() }
    }

    #[test]
    fn a_row_is_named_once_an_hour_however_often_it_is_met() {
        let (reader, start) = (RowReader::default(), Instant::now());
        let named = |n, at: Duration| reader.is_to_be_named(&row(n), start + at);
        assert!(named(1, Duration::ZERO) && named(2, Duration::ZERO));
        assert!(!named(1, NAMED_EVERY - Duration::from_secs(1)));
        assert!(named(1, NAMED_EVERY));
    }

    #[test]
    fn no_more_rows_are_remembered_than_fit() {
        let (reader, start) = (RowReader::default(), Instant::now());
        let named = |from: usize, at| {
            (from..from + 2 * NAMED_MAX).filter(|n| reader.is_to_be_named(&row(*n), at)).count()
        };
        assert_eq!(named(0, start), NAMED_MAX);
        assert_eq!(named(5_000, start + NAMED_EVERY), NAMED_MAX);
        assert_eq!(reader.named.lock().unwrap().len(), NAMED_MAX);
    }
}
