//! Tracks whether the database takes writes, by the outcome of the last ones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payments::ports::store::{CommitError, StoreError};
use tokio::time::Instant;

/// The time of the last successful write, unless a later one failed.
pub(super) struct Proved {
    began: Instant,
    /// Milliseconds since `began`; 0 if there is no proof.
    at_ms: AtomicU64,
}

impl Proved {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), at_ms: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, is_taken: bool) {
        self.at_ms.store(if is_taken { self.now_ms() } else { 0 }, Ordering::Relaxed);
    }

    /// Notes the results of a batch. Conflicts and overload say nothing about the database.
    pub(super) fn note_all(&self, results: &[Result<(), CommitError>]) {
        let failed = |result: &_| {
            matches!(result, Err(CommitError::Store(StoreError::Unavailable(_) | StoreError::NotWritten(_))))
        };
        if results.iter().any(Result::is_ok) {
            self.note(true);
        } else if results.iter().any(failed) {
            self.note(false);
        }
    }

    pub(super) fn is_within(&self, fresh: Duration) -> bool {
        let at = self.at_ms.load(Ordering::Relaxed);
        at > 0 && u128::from(self.now_ms().saturating_sub(at)) < fresh.as_millis()
    }

    /// Never 0.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }
}
