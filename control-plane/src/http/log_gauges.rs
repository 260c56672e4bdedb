//! How many lines of the log were lost, counted where lines cannot be written.

const DROPPED: &str = "log_lines_dropped_total";

/// Brings the counter up to date. It is there from the first scrape.
pub(crate) fn refresh() {
    metrics::counter!(DROPPED).absolute(logging::lines_dropped());
}
