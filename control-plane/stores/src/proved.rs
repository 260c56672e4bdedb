//! What the last writes say about whether the database takes writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use payments::ports::store::{CommitError, StoreError};
use tokio::time::Instant;

/// When the database last took a write, unless it has failed to take one since.
pub(super) struct Proved {
    began: Instant,
    /// In milliseconds from `began`; 0: there is no proof.
    at_ms: AtomicU64,
}

impl Proved {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), at_ms: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, is_taken: bool) {
        self.at_ms.store(if is_taken { self.now_ms() } else { 0 }, Ordering::Relaxed);
    }

    /// Takes in what became of a batch. Conflicts and overloads say nothing of the database.
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
