//! The life of a process: it ends when it is told to, and when a task dies that it needs as long as it runs.
//!
//! Such a task ends by a defect only, of which nobody knows what it left behind. A process without it would look well
//! and do a part of its work, so it completes what is under way and exits with 1, for its supervisor to start another.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Life {
    stop: CancellationToken,
    /// The first task that died.
    lost: Arc<OnceLock<&'static str>>,
}

/// A life that ends when the token is canceled.
impl From<CancellationToken> for Life {
    fn from(stop: CancellationToken) -> Self {
        Self { stop, lost: Arc::default() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a task died that the process needs: {0}")]
pub(crate) struct TaskDied(&'static str);

impl Life {
    /// Canceled once the process is to end.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Starts a task that the process needs until it ends: if it panics, the process ends.
    pub(crate) fn spawn(
        &self,
        task: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let life = self.clone();
        tokio::spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                life.lose(task);
            }
        })
    }

    /// A task has died: begins the end of the process.
    pub(crate) fn lose(&self, task: &'static str) {
        if self.lost.set(task).is_ok() {
            tracing::error!(task, "a task died that the process needs, which therefore ends");
        }
        self.stop.cancel();
    }

    /// # Errors
    /// A task has died.
    pub(crate) fn outcome(&self) -> Result<(), TaskDied> {
        self.lost.get().map_or(Ok(()), |task| Err(TaskDied(task)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn defect() {
        panic!("a defect")
    }

    #[tokio::test]
    async fn a_task_that_panics_ends_the_process_and_one_that_returns_does_not() {
        let life = Life::default();
        life.spawn("short", async {}).await.unwrap();
        assert!(!life.stop().is_cancelled());
        life.outcome().unwrap();
        life.spawn("first", defect()).await.unwrap();
        life.spawn("second", defect()).await.unwrap();
        assert!(life.stop().is_cancelled());
        assert_eq!(life.outcome().unwrap_err().to_string(), "a task died that the process needs: first");
    }

    #[tokio::test]
    async fn a_task_that_dies_while_the_process_ends_is_lost_too() {
        let stop = CancellationToken::new();
        let life = Life::from(stop.clone());
        stop.cancel();
        life.outcome().unwrap();
        life.spawn("late", defect()).await.unwrap();
        life.outcome().unwrap_err();
    }
}
