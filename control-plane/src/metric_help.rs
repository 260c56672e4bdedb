//! The descriptions of all metrics, shown by `/metrics` (`# HELP`).

use metrics::{describe_counter, describe_gauge, describe_histogram};

#[derive(Clone, Copy, Debug)]
enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

use MetricKind::{Counter, Gauge, Histogram};

/// Every metric of every process, in the order of the documentation.
const METRICS: [(MetricKind, &str, &str); 43] = [
    (Histogram, crate::http::DURATION_METRIC, "How long requests took, in seconds"),
    (
        Counter,
        "attestations_refused_total",
        "Requests that bypassed the edge or are copies, or came from an edge with other keys or a wrong clock",
    ),
    (Counter, crate::server::tls::REFUSED, "Connections whose TLS handshake failed, by reason"),
    (
        Counter,
        crate::server::tls::LOADED,
        "How often the files of the listeners' TLS were put into use, or were unusable, by outcome",
    ),
    (Gauge, crate::server::tls::EXPIRES, "When the certificate of the listeners expires, in Unix seconds"),
    (Gauge, "database_writable", "Whether the database took the last write, 1 or 0"),
    (
        Gauge,
        "edge_clock_ahead_seconds",
        "The largest difference of an edge's clock to this one in the last minute; positive: ahead, negative: behind",
    ),
    (Gauge, crate::live::WATCHERS_GAUGE, "Connections that watch events"),
    (
        Counter,
        crate::live::ENDED_COUNTER,
        "Connections to watch events that were refused or cut off, by reason",
    ),
    (
        Counter,
        crate::live::WAKEUPS_COUNTER,
        "Reads of the event log for watchers that found events, by what made this process read",
    ),
    (Counter, crate::live::SENT_COUNTER, "Notices of commits sent to other processes over Redis, by outcome"),
    (Counter, "clock_jumps_total", "How often this machine's clock was set by seconds or more, by direction"),
    (Gauge, "queue_connected", "Whether this process is connected to RabbitMQ, 1 or 0"),
    (Gauge, "queue_parked", "Unprocessable messages that wait for an operator"),
    (Counter, "queue_announcements_total", "Due work announced through RabbitMQ, by outcome"),
    (Counter, "queue_deliveries_total", "Messages received from RabbitMQ, by outcome"),
    (Counter, "queue_swept_total", "Due work found in the database without a message"),
    (Gauge, "edge_cache_writable", "Whether the edge cache took the last claim, 1 or 0"),
    (Counter, "edge_cache_claims_total", "Claims requested by edges, by verdict"),
    (
        Counter,
        "edge_cache_updates_total",
        "Updates of the edge cache, answers completed and claims released, by outcome",
    ),
    (Gauge, "edge_cache_memory_bytes", "Memory of Redis, used and max; 0 until first read"),
    (
        Counter,
        "stored_rows_unreadable_total",
        "Rows that contradict themselves, come from a newer release or do not open",
    ),
    (Counter, "log_lines_dropped_total", "Log lines lost because their reader stalled"),
    (Counter, "webhook_events_total", "Providers' events, by outcome"),
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
    (Gauge, crate::jobs::seal::SEALED_GAUGE, "Records in the sealed audit trail, as this process knows it"),
    (
        Gauge,
        crate::jobs::seal::UNSEALED_GAUGE,
        "Age of the oldest record of the audit trail that is not sealed",
    ),
    (
        Counter,
        crate::audit::sealer::WITNESS_FAILURES,
        "Checkpoints of the audit trail that the witness did not sign",
    ),
    (
        Gauge,
        crate::jobs::seal::REFUSED_GAUGE,
        "Whether this process does not seal because the database is not what was sealed before, 1 or 0",
    ),
    (
        Gauge,
        "provider_circuit_open",
        "Whether the circuit of a provider's operation is open because its calls fail, 1 or 0",
    ),
    (Counter, "provider_repeats_total", "Calls to a provider that were repeated, by outcome"),
    (
        Counter,
        "payments_revived_total",
        "Payments recorded as failed that the provider later reported as succeeded",
    ),
    (Counter, "evidence_refused_total", "Provider objects rejected because they contradict the payment"),
    (Gauge, "due_work", "Pieces of due work that are not done, by provider and kind"),
    (Gauge, "due_work_oldest_age_seconds", "Age of the oldest piece of due work, by provider and kind"),
    (
        Gauge,
        "payments_undecided",
        "Payments and refunds without an outcome, by age since they were requested",
    ),
    (Gauge, "payments_in_review", "Payments and refunds that need an operator"),
    (
        Gauge,
        "event_log_behind_seconds",
        "Age of the oldest event that is committed and not readable yet, because an older transaction is open",
    ),
    (Gauge, "webhook_events_waiting", "Providers' events not yet tried"),
    (Gauge, "webhook_events_failed", "Providers' events that failed and will be retried"),
    (Gauge, "webhook_events_parked", "Providers' events that need an operator"),
    (Gauge, "webhook_events_oldest_age_seconds", "Age of the oldest such event, by state"),
];

/// Registers the descriptions. Call it once, after the recorder is installed.
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

    /// Reads the file at run time instead of including it: images are built without the documentation.
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
