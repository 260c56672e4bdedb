//! Gauges of the providers' events that are not worked off, read from the database when somebody scrapes. So they
//! exist though every worker is dead, and each process shows the same numbers: aggregate them with `max`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::domain::store::Store;
use crate::domain::webhook::EventBacklog;

/// However many scrape: the database is not asked more often.
const READ_EVERY: SignedDuration = SignedDuration::from_secs(15);
/// A scraper waits for the numbers of other metrics, too.
const PATIENCE: Duration = Duration::from_secs(2);

/// The states that are shown, with their gauges.
const COUNTS: [(&str, &str); 3] = [
    ("received", "webhook_events_waiting"),
    ("failed", "webhook_events_failed"),
    ("parked", "webhook_events_parked"),
];
const OLDEST: &str = "webhook_events_oldest_age_seconds";

/// When the numbers were read last.
#[derive(Default)]
pub(super) struct EventGauges(Mutex<Option<Timestamp>>);

impl EventGauges {
    /// Reads the numbers, if they are old. Where the database does not answer, the old ones stay.
    pub(super) async fn refresh(&self, store: &dyn Store, now: Timestamp) {
        if !self.is_due(now) {
            return;
        }
        match tokio::time::timeout(PATIENCE, store.event_backlog()).await {
            Ok(Ok(backlog)) => publish(&backlog, now),
            Ok(Err(problem)) => {
                tracing::warn!(error = %problem, error.source = ?std::error::Error::source(&problem), "the backlog of events cannot be read");
            }
            Err(_) => tracing::warn!("the backlog of events cannot be read: the database does not answer"),
        }
    }

    /// Whoever is told so reads them; the others show what is there.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut read_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = read_at.is_none_or(|at| now.duration_since(at).abs() >= READ_EVERY);
        if is_due {
            *read_at = Some(now);
        }
        is_due
    }
}

/// Sets every gauge, also of what there is nothing left of.
fn publish(backlog: &[EventBacklog], now: Timestamp) {
    for provider in Provider::ALL {
        for (state, gauge) in COUNTS {
            let left = backlog.iter().find(|left| left.provider == provider && left.state == state);
            let count = left.map_or(0, |left| left.count);
            let age = left.map_or(0.0, |left| now.duration_since(left.oldest).as_secs_f64().max(0.0));
            metrics::gauge!(gauge, "provider" => provider.name()).set(f64::from(count));
            metrics::gauge!(OLDEST, "provider" => provider.name(), "state" => state).set(age);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    #[test]
    fn every_gauge_is_there_and_falls_to_nothing_when_nothing_is_left() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let stuck = |state, count, second| EventBacklog {
            provider: Provider::Paypal,
            state,
            count,
            oldest: at(second),
        };
        let shown = |backlog: &[EventBacklog]| {
            metrics::with_local_recorder(&recorder, || publish(backlog, at(100)));
            recorder.handle().render()
        };
        let text = shown(&[stuck("failed", 3, 40), stuck("parked", 2, 10)]);
        for line in [
            r#"webhook_events_failed{provider="paypal"} 3"#,
            r#"webhook_events_parked{provider="paypal"} 2"#,
            r#"webhook_events_waiting{provider="stripe"} 0"#,
            r#"webhook_events_oldest_age_seconds{provider="paypal",state="failed"} 60"#,
            r#"webhook_events_oldest_age_seconds{provider="paypal",state="parked"} 90"#,
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        }
        let text = shown(&[]);
        assert!(text.lines().any(|shown| shown == r#"webhook_events_failed{provider="paypal"} 0"#), "{text}");
    }

    #[test]
    fn the_database_is_asked_at_most_every_15_seconds() {
        let gauges = EventGauges::default();
        let due: Vec<_> = [0, 1, 14, 15, 29, 30].map(|second| gauges.is_due(at(second))).into();
        assert_eq!(due, [true, false, false, true, false, true]);
        assert!(gauges.is_due(at(-100)), "a clock that goes back does not stop it");
    }
}
