//! What each metric means, as `/metrics` tells it (`# HELP`).

use metrics::{describe_counter, describe_gauge, describe_histogram};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric of every process. In the order of the documentation.
const METRICS: [(Kind, &str, &str); 30] = [
    (Histogram, crate::http::DURATION_METRIC, "How long requests took, in seconds"),
    (
        Counter,
        "attestations_refused_total",
        "Requests that came past the edge, or from one with other keys or another clock",
    ),
    (Gauge, "database_writable", "Whether the database took the last write, 1 or 0"),
    (
        Gauge,
        "edge_clock_ahead_seconds",
        "How far an edge's clock is ahead of this one; negative: behind. The largest difference of the last minute",
    ),
    (Gauge, "queue_connected", "Whether this process is connected to RabbitMQ, 1 or 0"),
    (Gauge, "queue_parked", "Messages that could not be processed and wait for an operator"),
    (Counter, "queue_announcements_total", "Due work announced through RabbitMQ, by outcome"),
    (Counter, "queue_deliveries_total", "Messages received from RabbitMQ, by what became of them"),
    (Counter, "queue_swept_total", "Due work found in the database without a message"),
    (Gauge, "edge_cache_writable", "Whether the edge cache took the last claim, 1 or 0"),
    (Counter, "edge_cache_claims_total", "Claims that edges asked for, by verdict"),
    (Counter, "edge_cache_updates_total", "Answers kept in the edge cache and turns given back, by outcome"),
    (Gauge, "edge_cache_memory_bytes", "Memory of Redis, used and max; 0 until it was asked"),
    (Counter, "stored_rows_unreadable_total", "Rows that contradict themselves or come from a newer release"),
    (Counter, "log_lines_dropped_total", "Log lines lost because their reader stalled"),
    (Counter, "webhook_events_total", "Providers' events, by what became of them"),
    (
        Gauge,
        "reconcile_finished_timestamp_seconds",
        "When this process last finished a reconciliation, in Unix seconds; 0: never",
    ),
    (
        Counter,
        "reconcile_compared_total",
        "Payments and refunds compared with the provider's records, by finding",
    ),
    (
        Gauge,
        "provider_circuit_open",
        "Whether an operation of a provider is left alone because its calls fail, 1 or 0",
    ),
    (Counter, "provider_repeats_total", "Calls to a provider that were repeated, by outcome"),
    (
        Counter,
        "payments_revived_total",
        "Payments called failed of which the provider showed later that they succeeded",
    ),
    (
        Counter,
        "evidence_refused_total",
        "Objects of a provider that were not believed, because they contradict the payment",
    ),
    (Gauge, "due_work", "Pieces of due work that are not done, by provider and kind"),
    (Gauge, "due_work_oldest_age_seconds", "Age of the oldest piece of due work, by provider and kind"),
    (
        Gauge,
        "payments_undecided",
        "Payments and refunds without an outcome, by age since they were requested",
    ),
    (Gauge, "payments_in_review", "Payments and refunds that need a person"),
    (Gauge, "webhook_events_waiting", "Providers' events that were not tried yet"),
    (Gauge, "webhook_events_failed", "Providers' events that failed and are tried again"),
    (Gauge, "webhook_events_parked", "Providers' events that need a person"),
    (Gauge, "webhook_events_oldest_age_seconds", "Age of the oldest of these events, by state"),
];

/// Tells the recorder. Once, when it is there.
pub(crate) fn describe() {
    for (kind, name, help) in METRICS {
        match kind {
            Counter => describe_counter!(name, help),
            Gauge => describe_gauge!(name, help),
            Histogram => describe_histogram!(name, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Not included: images are built without it.
    #[test]
    fn the_documentation_has_each_metric_and_no_other_of_these_processes() {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
        let section = text.split("\n## Metrics\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        let documented: BTreeSet<_> = quoted.map(|name| name.split('{').next().unwrap()).collect();
        let described: BTreeSet<_> = METRICS.iter().map(|(_, name, _)| *name).collect();
        assert_eq!(documented, described);
    }
}
