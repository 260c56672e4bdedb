//! The offset of the edges' clocks from this one, taken from their signatures: exported as a gauge, with a warning
//! before requests are refused for it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use edge_core::attestation::{Signed, TOLERANCE_S};

/// The largest difference of the last minute or two, in seconds; above 0, an edge's clock is ahead of ours. Rounding
/// accounts for up to a second, and a request's transit time counts as behind.
const GAUGE: &str = "edge_clock_ahead_seconds";

/// A quarter of the tolerance, and longer than any request's transit time.
const WARN_FROM_S: u64 = TOLERANCE_S / 4;

/// The window of the largest difference, in seconds: longer than a scrape interval.
const WINDOW_S: u64 = 60;

static OF_THIS_PROCESS: EdgeClock =
    EdgeClock { ahead_s: AtomicI64::new(0), window_from_s: AtomicU64::new(0) };

/// Sets the gauge to 0, so that it exists from the first scrape.
pub(crate) fn show() {
    metrics::gauge!(GAUGE).set(0.0);
}

/// Records the clock difference of a signature verified at `now_s` (Unix seconds).
pub(crate) fn note(signed: &Signed, now_s: u64) {
    let ahead_s = signed.ahead_of(now_s);
    let Some(warned) = OF_THIS_PROCESS.note(ahead_s, now_s) else { return };
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    metrics::gauge!(GAUGE).set(ahead_s as f64);
    if warned {
        tracing::warn!(
            ahead_s,
            tolerance_s = TOLERANCE_S,
            "an edge's clock differs from ours; beyond the tolerance its requests are refused: check both clocks"
        );
    }
}

/// The largest difference of a window, and the window's start.
struct EdgeClock {
    ahead_s: AtomicI64,
    window_from_s: AtomicU64,
}

impl EdgeClock {
    /// Returns `None` unless the difference is the window's largest so far; if so, whether it deserves a warning.
    /// Every request calls this; it nearly always costs two loads. Two concurrent calls may both win, without harm.
    fn note(&self, ahead_s: i64, now_s: u64) -> Option<bool> {
        let is_new = now_s.abs_diff(self.window_from_s.load(Ordering::Relaxed)) >= WINDOW_S;
        let before = self.ahead_s.load(Ordering::Relaxed);
        if !is_new && ahead_s.unsigned_abs() <= before.unsigned_abs() {
            return None;
        }
        if is_new {
            self.window_from_s.store(now_s, Ordering::Relaxed);
        }
        self.ahead_s.store(ahead_s, Ordering::Relaxed);
        Some(ahead_s.unsigned_abs() >= WARN_FROM_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_of_a_minute_is_shown_and_warned_about_once() {
        let clock = EdgeClock { ahead_s: AtomicI64::new(0), window_from_s: AtomicU64::new(0) };
        let now = 1_764_000_000;
        assert_eq!(clock.note(0, now), Some(false), "a window begins");
        assert_eq!(clock.note(-2, now + 1), Some(false));
        assert_eq!(clock.note(1, now + 1), None);
        assert_eq!(clock.note(20, now + 2), Some(true));
        assert_eq!(clock.note(20, now + 3), None, "once");
        assert_eq!(clock.note(-59, now + 4), Some(true));
        assert_eq!(clock.note(0, now + 60), Some(false), "it is over");
        assert_eq!(clock.note(-15, now + 61), Some(true));
    }
}
