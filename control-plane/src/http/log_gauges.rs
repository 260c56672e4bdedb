//! The number of lost log lines, counted where they could not be written.

const DROPPED: &str = "log_lines_dropped_total";

/// Updates the counter. It exists from the first scrape.
pub(crate) fn refresh() {
    metrics::counter!(DROPPED).absolute(logging::lines_dropped());
}
