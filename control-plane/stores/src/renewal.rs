//! Replacement of all connections to a database, once one of them shows that its server is no longer the one to write
//! to: the others lead to the same place.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Minimum time between renewals. While no server takes writes, each refused write would otherwise cut all connections
/// that read.
const PAUSE: Duration = Duration::from_secs(1);

/// The time of the last renewal; connections opened before it are outdated.
#[derive(Debug)]
pub(super) struct Renewal {
    began: Instant,
    /// Milliseconds since `began`; 0 if never.
    at_ms: AtomicU64,
    /// Whether the last reason was a server that takes no writes: it answers, unlike one that went silent.
    of_read_only: AtomicBool,
}

impl Default for Renewal {
    fn default() -> Self {
        Self { began: Instant::now(), at_ms: AtomicU64::new(0), of_read_only: AtomicBool::new(false) }
    }
}

impl Renewal {
    /// Marks all open connections as outdated, unless that happened within the last [`PAUSE`].
    pub(super) fn ask(&self) {
        self.of_read_only.store(false, Ordering::Release);
        self.mark();
    }

    /// The same, because the server takes no writes.
    pub(super) fn ask_for_another_server(&self) {
        self.of_read_only.store(true, Ordering::Release);
        self.mark();
    }

    /// Whether a connection of this age must be replaced and leads to a server that takes no writes.
    pub(super) fn is_misled(&self, age: Duration) -> bool {
        self.is_outdated(age) && self.of_read_only.load(Ordering::Acquire)
    }

    fn mark(&self) {
        let now = self.now_ms();
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let due = |last: u64| (last == 0 || now.saturating_sub(last) >= pause).then_some(now);
        if self.at_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, due).is_ok() {
            tracing::warn!("replacing all connections to the database");
        }
    }

    /// Whether a connection of this age must be replaced.
    pub(super) fn is_outdated(&self, age: Duration) -> bool {
        let at = self.at_ms.load(Ordering::Acquire);
        let opened = self.now_ms().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        at > 0 && opened <= at
    }

    /// Never 0.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    #[test]
    fn what_was_open_when_a_renewal_was_asked_for_is_replaced_once() {
        let renewal = Renewal::default();
        assert!(!renewal.is_outdated(Duration::ZERO) && !renewal.is_outdated(Duration::from_secs(9)));
        sleep(Duration::from_millis(2));
        renewal.ask();
        assert!(renewal.is_outdated(Duration::from_secs(1)));
        sleep(Duration::from_millis(5));
        assert!(!renewal.is_outdated(Duration::from_millis(2)), "it was opened since");
        renewal.ask();
        assert!(!renewal.is_outdated(Duration::from_millis(2)), "one renewal a second");
        sleep(PAUSE);
        renewal.ask();
        assert!(renewal.is_outdated(PAUSE));
    }

    #[test]
    fn only_the_connections_to_a_server_without_writes_are_misled() {
        let renewal = Renewal::default();
        sleep(Duration::from_millis(2));
        renewal.ask_for_another_server();
        assert!(renewal.is_misled(Duration::from_secs(1)));
        sleep(Duration::from_millis(5));
        assert!(!renewal.is_misled(Duration::from_millis(2)), "it was opened since");
        renewal.ask();
        assert!(!renewal.is_misled(Duration::from_secs(1)), "its server may be silent");
        assert!(renewal.is_outdated(Duration::from_secs(1)));
    }
}
