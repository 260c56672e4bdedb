//! The changes of concurrent requests share commits: while one commit is being flushed to disk, those that come
//! meanwhile wait, and the next one takes them all. A change that comes alone waits for nobody.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::store::{Change, CommitError, StoreError};

/// Changes in one commit: past this the flush to disk is a small part of the cost, and the first one in waits for
/// the last one's work.
const BATCH_MAX: usize = 256;
/// Changes that wait. At any throughput worth having they are written within a second; more would wait for longer
/// than their clients do.
const WAITING_MAX: usize = 2_048;
/// A change that has not been begun by then is not begun: its client has been told nothing for too long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes batches to one database.
#[async_trait]
pub(super) trait Writer: Send + 'static {
    /// Writes all of it in one commit, except those that conflict: with what is in the database or with one before
    /// them in the batch. One result for each change, in their order.
    async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>>;
}

/// The way to the tasks that write.
pub(super) struct GroupCommit {
    waiting: mpsc::Sender<Waiting>,
    /// A writer has ended: it panicked.
    died: CancellationToken,
}

struct Waiting {
    change: Change,
    since: Instant,
    done: oneshot::Sender<Result<(), CommitError>>,
}

#[derive(Debug, thiserror::Error)]
#[error("a task that writes to the database has died")]
struct Died;

impl GroupCommit {
    /// Starts a task for each writer. They end when this is dropped.
    pub(super) fn start(writers: impl IntoIterator<Item = impl Writer>) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let queue = Arc::new(Mutex::new(queue));
        let died = CancellationToken::new();
        for writer in writers {
            let guard = died.clone().drop_guard();
            let queue = queue.clone();
            tokio::spawn(async move {
                run(writer, &queue).await;
                drop(guard);
            });
        }
        Self { waiting, died }
    }

    /// Waits until the change is on disk or certainly is not. [`StoreError::Unavailable`] leaves open which.
    pub(super) async fn commit(&self, change: Change) -> Result<(), CommitError> {
        self.is_alive()?;
        let (done, result) = oneshot::channel();
        let waiting = Waiting { change, since: Instant::now(), done };
        self.waiting.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => died(),
        })?;
        result.await.unwrap_or_else(|_| Err(died().into()))
    }

    /// Whether changes are still written. A writer that died may have left a commit half way and its reason is not
    /// known, so the process should be replaced.
    pub(super) fn is_alive(&self) -> Result<(), StoreError> {
        if self.died.is_cancelled() { Err(died()) } else { Ok(()) }
    }
}

fn died() -> StoreError {
    StoreError::Unavailable(Box::new(Died))
}

async fn run(mut writer: impl Writer, queue: &Mutex<mpsc::Receiver<Waiting>>) {
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    while queue.lock().await.recv_many(&mut waiting, BATCH_MAX).await > 0 {
        let (mut batch, mut done) = (Vec::new(), Vec::new());
        for one in waiting.drain(..) {
            if one.since.elapsed() > PATIENCE {
                let _ = one.done.send(Err(StoreError::Overloaded.into()));
            } else {
                batch.push(one.change);
                done.push(one.done);
            }
        }
        let results = writer.write(&batch).await;
        for (done, result) in done.into_iter().zip(results) {
            // Whoever asked may be gone; what is written stays written.
            let _ = done.send(result);
        }
    }
}
