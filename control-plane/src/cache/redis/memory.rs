//! Tracks whether Redis has room for answers, so that they never crowd out claims.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::info::{GOOD_POLICY, Info};

/// How often each process that stores answers queries Redis. At 4,000 answers a second of 600 bytes each, Redis fills
/// by 2.4 MB in between, a small part of the room reserved for claims.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Answers are stored while less than this share of `maxmemory` is used; the rest is for claims. With the 256 MiB of
/// docker-compose.yml, that is room for some 229,000 claims in flight.
pub(super) const ANSWERS_PERCENT: u64 = 75;

/// The last known state of Redis's memory.
#[derive(Debug)]
pub(super) struct RedisMemory {
    since: Instant,
    /// The time of the last query, in milliseconds since `since`.
    looked_at_ms: AtomicU64,
    is_scarce: AtomicBool,
    has_told_policy: AtomicBool,
}

impl RedisMemory {
    pub(super) fn new() -> Self {
        show_memory(0, 0);
        Self {
            since: Instant::now(),
            looked_at_ms: AtomicU64::new(0),
            is_scarce: AtomicBool::new(false),
            has_told_policy: AtomicBool::new(false),
        }
    }

    /// Whether the caller should query Redis now. Returns `true` to one caller per interval.
    pub(super) fn is_due(&self) -> bool {
        let every = u64::try_from(LOOK_EVERY.as_millis()).unwrap_or(u64::MAX);
        // Never 0, which means not yet queried.
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let last = self.looked_at_ms.load(Ordering::Relaxed);
        (last == 0 || now.saturating_sub(last) >= every)
            && self.looked_at_ms.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(super) fn is_scarce(&self) -> bool {
        self.is_scarce.load(Ordering::Relaxed)
    }

    /// Notes that Redis refused a write for lack of memory.
    pub(super) fn note_full(&self) {
        self.note_scarce(true);
    }

    /// Updates the state from `INFO memory`. Without a `maxmemory` there is room.
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
                "Redis is nearly full: it stores no more answers, to leave room for claims; until then, repeats are answered from the database"
            ),
            (true, false) => tracing::info!("Redis has room again and stores answers"),
            _ => {}
        }
    }
}

/// Sets the memory gauges; both are 0 until Redis is first queried.
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
        let memory = RedisMemory::new();
        for (used, max, is_scarce) in [(74, 100, false), (75, 100, true), (99, 100, true), (10, 100, false)] {
            memory.note(&info(used, max));
            assert_eq!(memory.is_scarce(), is_scarce, "{used} of {max}");
        }
    }

    #[test]
    fn without_a_limit_there_is_room_and_nonsense_changes_nothing() {
        let memory = RedisMemory::new();
        memory.note(&info(u64::MAX, 0));
        assert!(!memory.is_scarce());
        memory.note_full();
        memory.note("used_memory:x\r\n");
        assert!(memory.is_scarce());
    }

    #[test]
    fn it_is_looked_at_once_and_not_again_at_once() {
        let memory = RedisMemory::new();
        assert!(memory.is_due());
        assert!(!memory.is_due());
    }
}
