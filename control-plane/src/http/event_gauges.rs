//! Gauges of unprocessed provider events.

use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::ports::store::EventBacklog;

/// The exported states, with their gauges.
const COUNTS: [(&str, &str); 3] = [
    ("received", "webhook_events_waiting"),
    ("failed", "webhook_events_failed"),
    ("parked", "webhook_events_parked"),
];
const OLDEST: &str = "webhook_events_oldest_age_seconds";

/// Sets every gauge, including those without events.
pub(super) fn publish(backlog: &[EventBacklog], now: Timestamp) {
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
}
