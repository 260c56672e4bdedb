//! Gauges read from the database when scraped, so they exist even if every worker is dead. All processes show the same
//! numbers: aggregate them with `max`, never with `sum`.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use payments::usecases::gateway::Gateway;
use payments::usecases::review::survey;

use super::{due_gauges, event_gauges};

/// The minimum interval between reads, however many scrapers there are.
const READ_EVERY: SignedDuration = SignedDuration::from_secs(15);
/// The scraper waits for all other metrics meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most undecided payments, and as many refunds, that are counted. Beyond that, the exact number is irrelevant.
const UNDECIDED_MAX: u32 = 10_000;

/// The time of the last read.
#[derive(Default)]
pub(super) struct DatabaseGauges(Mutex<Option<Timestamp>>);

impl DatabaseGauges {
    /// Rereads the numbers if they are old. If the database does not respond, the old ones stay.
    pub(super) async fn refresh(&self, gateway: &Gateway) {
        let now = gateway.now();
        if !self.is_due(now) {
            return;
        }
        let store = &*gateway.store;
        tokio::join!(
            read("events", store.event_backlog(), |backlog| event_gauges::publish(&backlog, now)),
            read("due work", store.backlog(now), |backlog| due_gauges::publish_backlog(&backlog, now)),
            read("event log", store.log_held_since(), |since| due_gauges::publish_held_events(since, now)),
            read("undecided", survey(gateway, UNDECIDED_MAX), |found| due_gauges::publish_survey(&found)),
        );
    }

    /// Returns `true` to one caller per interval, which reads the numbers; the others show the current ones.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut read_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = read_at.is_none_or(|at| now.duration_since(at).abs() >= READ_EVERY);
        if is_due {
            *read_at = Some(now);
        }
        is_due
    }
}

async fn read<T, E: Display>(
    what: &'static str,
    reading: impl Future<Output = Result<T, E>>,
    publish: impl FnOnce(T),
) {
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(numbers)) => publish(numbers),
        Ok(Err(problem)) => tracing::warn!(what, error = %problem, "a backlog cannot be read"),
        Err(_) => tracing::warn!(what, "a backlog cannot be read: the database does not respond"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_asked_at_most_every_15_seconds() {
        let at = |second: i64| Timestamp::from_second(1_767_225_600 + second).unwrap();
        let gauges = DatabaseGauges::default();
        let due: Vec<_> = [0, 1, 14, 15, 29, 30].map(|second| gauges.is_due(at(second))).into();
        assert_eq!(due, [true, false, false, true, false, true]);
        assert!(gauges.is_due(at(-100)), "a clock that goes back does not stop it");
    }
}
