//! Changes that wait for a commit, and when the next batch of them is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payments::ports::store::{Change, CommitError, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Maximum changes in one commit. Beyond this, the flush to disk is a small part of the cost, and the first change
/// waits for the work of the last.
pub(super) const BATCH_MAX: usize = 256;
/// Maximum changes that wait. At any useful throughput they are written within a second; more would wait longer than
/// their clients do.
pub(super) const WAITING_MAX: usize = 2_048;

/// Delay of the next commit for each change in the last one but the first: the size of a commit predicts how many
/// changes are on their way. A statement costs the database about as much as several changes.
const GATHERING: Duration = Duration::from_millis(1);
/// Upper limit of the delay, too short for a client to notice.
const GATHERING_MAX: Duration = Duration::from_millis(4);

type Done = oneshot::Sender<Result<(), CommitError>>;

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are changes, and a box for each would be an allocation"
)]
pub(super) enum QueuedWork {
    Change { change: Change, since: Instant, done: Unbegun },
    Proof(oneshot::Sender<Result<(), StoreError>>),
}

/// The caller of a change that no writer has begun. If it is dropped, the caller is told that nothing was written.
pub(super) struct Unbegun {
    done: Option<Done>,
    turn: Turn,
}

/// A writer begins a change or its caller withdraws it, whoever is first.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Whether the caller of this function is the first.
    pub(super) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Unbegun {
    pub(super) fn new(done: Done, turn: Turn) -> Self {
        Self { done: Some(done), turn }
    }

    /// `None`: the change was withdrawn. From now on, an end without a result leaves the outcome open.
    pub(super) fn begin(mut self) -> Option<Done> {
        let done = self.done.take();
        done.filter(|_| self.turn.take())
    }

    pub(super) fn tell(&mut self, problem: StoreError) {
        if let Some(done) = self.done.take() {
            // The caller may be gone.
            let _ = done.send(Err(problem.into()));
        }
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        self.tell(StoreError::NotWritten(Box::new(Died)));
    }
}

pub(super) struct Queue {
    pub(super) waiting: mpsc::Receiver<QueuedWork>,
    /// The earliest time to take the next batch.
    pub(super) next: Instant,
}

impl Queue {
    /// Waits for changes. Leaves `batch` empty once all senders are gone.
    pub(super) async fn take(&mut self, batch: &mut Vec<QueuedWork>) {
        if self.next > Instant::now() {
            sleep_until(self.next).await;
        }
        let taken = self.waiting.recv_many(batch, BATCH_MAX).await;
        let others = u32::try_from(taken.saturating_sub(1)).unwrap_or(u32::MAX);
        self.next = Instant::now() + GATHERING.saturating_mul(others).min(GATHERING_MAX);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a task that writes to the database has died")]
pub(super) struct Died;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_either_begun_or_withdrawn() {
        let (turn, (done, _told)) = (Turn::default(), oneshot::channel());
        assert!(Unbegun::new(done, turn.clone()).begin().is_some());
        assert!(!turn.take(), "what is begun cannot be withdrawn");
        let (turn, (done, _told)) = (Turn::default(), oneshot::channel());
        assert!(turn.take());
        assert!(Unbegun::new(done, turn).begin().is_none());
    }
}
