//! Whether Redis has room for answers, so that they never take the room of claims.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::info::{GOOD_POLICY, Info};

/// How often Redis is asked, by each process that keeps answers in it. At 4,000 answers a second and 600 bytes each it
/// fills by 2.4 MB meanwhile, which is little of the room that is left to claims.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Answers are kept while less than this share of `maxmemory` is used; the rest is for claims. Of the 256 MiB of
/// docker-compose.yml that is room for some 229,000 claims in flight.
pub(super) const ANSWERS_PERCENT: u64 = 75;

/// What is known of the memory of Redis.
#[derive(Debug)]
pub(super) struct Room {
    since: Instant,
    /// When it was last asked for, in milliseconds from `since`.
    looked_at_ms: AtomicU64,
    is_scarce: AtomicBool,
    has_told_policy: AtomicBool,
}

impl Room {
    pub(super) fn new() -> Self {
        show_memory(0, 0);
        Self {
            since: Instant::now(),
            looked_at_ms: AtomicU64::new(0),
            is_scarce: AtomicBool::new(false),
            has_told_policy: AtomicBool::new(false),
        }
    }

    /// Whether it is time for the caller to look again. One caller at a time is told so.
    pub(super) fn is_due(&self) -> bool {
        let every = u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(u64::MAX);
        // Never 0, which stands for not yet.
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let last = self.looked_at_ms.load(Ordering::Relaxed);
        (last == 0 || now.saturating_sub(last) >= every)
            && self.looked_at_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(super) fn is_scarce(&self) -> bool {
        self.is_scarce.load(Ordering::Relaxed)
    }

    /// Redis has refused to write for want of memory.
    pub(super) fn note_full(&self) {
        self.note_scarce(true);
    }

    /// Takes in what `INFO memory` says. Without a `maxmemory` there is room.
    pub(super) fn note(&self, info: &str) {
        let info = Info(info);
        let (Some(used), Some(max)) = (info.number("used_memory"), info.number("maxmemory")) else { return };
        show_memory(used, max);
        self.note_scarce(max > 0 && used.saturating_mul(100) >= max.saturating_mul(ANSWERS_PERCENT));
        let policy = info.field("maxmemory_policy").unwrap_or_default();
        if max > 0 && policy != GOOD_POLICY && !self.has_told_policy.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                policy,
                "REDIS_URI: maxmemory-policy should be noeviction; with any other, Redis drops claims in flight to make room"
            );
        }
    }

    fn note_scarce(&self, is_scarce: bool) {
        match (self.is_scarce.swap(is_scarce, Ordering::Relaxed), is_scarce) {
            (false, true) => tracing::warn!(
                "Redis is nearly full: answers are not kept there, so that claims can be; repetitions cost the database more until there is room"
            ),
            (true, false) => tracing::info!("Redis has room again: answers are kept there"),
            _ => {}
        }
    }
}

/// Nothing of nothing until Redis was asked.
fn show_memory(used: u64, max: u64) {
    for (of, bytes) in [("used", used), ("max", max)] {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("edge_cache_memory_bytes", "of" => of).set(bytes as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(used: u64, max: u64) -> String {
        format!("# Memory\r\nused_memory:{used}\r\nmaxmemory:{max}\r\nmaxmemory_policy:noeviction\r\n")
    }

    #[test]
    fn answers_leave_a_quarter_to_claims() {
        let room = Room::new();
        for (used, max, is_scarce) in [(74, 100, false), (75, 100, true), (99, 100, true), (10, 100, false)] {
            room.note(&info(used, max));
            assert_eq!(room.is_scarce(), is_scarce, "{used} of {max}");
        }
    }

    #[test]
    fn without_a_limit_there_is_room_and_nonsense_changes_nothing() {
        let room = Room::new();
        room.note(&info(u64::MAX, 0));
        assert!(!room.is_scarce());
        room.note_full();
        room.note("used_memory:x\r\n");
        assert!(room.is_scarce());
    }

    #[test]
    fn it_is_looked_at_once_and_not_again_at_once() {
        let room = Room::new();
        assert!(room.is_due());
        assert!(!room.is_due());
    }
}
