//! Group commit: the changes of concurrent requests share commits. Changes that arrive while a commit is flushed to
//! disk wait, and the next commit takes them all. Under load it waits briefly for more; a lone change does not wait.
//!
//! The outcome of recent commits shows whether the database takes writes; without recent commits, a probe write does.

mod queue;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payments::ports::store::{Change, CommitError, StoreError};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::queue::{BATCH_MAX, Died, Queue, QueuedWork, Turn, Unbegun, WAITING_MAX};
use super::proved::Proved;

#[derive(Clone, Copy)]
struct Times {
    /// Maximum wait of a change. An older one is not started, even while all writers are busy: its client has waited too
    /// long for an answer, and the answer is certain.
    patience: Duration,
    /// Maximum age of a commit that proves that the database takes writes. An idle process notices only after this time
    /// that the database takes none.
    proof_fresh: Duration,
    /// Time limit for a probe write.
    proof_max: Duration,
}

const TIMES: Times =
    Times { patience: Duration::from_secs(5), proof_fresh: Duration::from_secs(2), proof_max: PROOF_MAX };

/// Time limit for proving that a database is usable. Envoy waits 2 s for the answer to a health probe.
pub(super) const PROOF_MAX: Duration = Duration::from_millis(1_500);

/// Writes batches to one database.
#[async_trait]
pub(super) trait Writer: Send + 'static {
    /// Writes the batch in as few commits as possible, leaving out changes that conflict with the database or with an
    /// earlier change in the batch. Returns one result per change, in order.
    async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>>;

    /// Makes a probe write by the same path, to check that the database takes writes.
    async fn prove(&mut self) -> Result<(), StoreError>;
}

/// The queue to the writer tasks.
pub(super) struct GroupCommit {
    waiting: mpsc::Sender<QueuedWork>,
    times: Times,
    proved: Arc<Proved>,
    /// Notified after each commit.
    committed: Arc<Notify>,
    /// Canceled once a writer has panicked.
    died: CancellationToken,
}

#[derive(Debug, thiserror::Error)]
#[error("the database accepted no write in time")]
struct Unproved;

impl GroupCommit {
    /// Starts one task per writer. The tasks end when this is dropped.
    pub(super) fn start(writers: impl IntoIterator<Item = impl Writer>) -> Self {
        Self::with(TIMES, writers)
    }

    fn with(times: Times, writers: impl IntoIterator<Item = impl Writer>) -> Self {
        let (waiting, queue) = mpsc::channel(WAITING_MAX);
        let queue = Arc::new(Mutex::new(Queue { waiting: queue, next: Instant::now() }));
        let (died, proved) = (CancellationToken::new(), Arc::new(Proved::new()));
        let committed = Arc::new(Notify::new());
        for writer in writers {
            let guard = died.clone().drop_guard();
            let (queue, proved, committed) = (queue.clone(), proved.clone(), committed.clone());
            tokio::spawn(async move {
                run(writer, &queue, times.patience, &proved, &committed).await;
                drop(guard);
            });
        }
        Self { waiting, times, proved, committed, died }
    }

    /// Waits until the change is on disk or certainly not written. [`StoreError::Unavailable`] leaves the outcome open.
    /// Writers that are left take changes after another one has died, so that payments under way are still recorded.
    pub(super) async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let (done, mut result) = oneshot::channel();
        let turn = Turn::default();
        let unbegun = Unbegun::new(done, turn.clone());
        self.enqueue(QueuedWork::Change { change, since: Instant::now(), done: unbegun })?;
        let told = match timeout(self.times.patience, &mut result).await {
            Ok(told) => told,
            Err(_) if turn.take() => return Err(StoreError::Overloaded.into()),
            // It is being written.
            Err(_) => result.await,
        };
        told.unwrap_or_else(|_| Err(died().into()))
    }

    /// Checks that the database takes writes: it took one within the last seconds, or takes a probe write now. Callers
    /// should not ask continuously.
    pub(super) async fn prove(&self) -> Result<(), StoreError> {
        self.is_alive()?;
        if self.proved.is_within(self.times.proof_fresh) {
            return Ok(());
        }
        let (done, result) = oneshot::channel();
        self.enqueue(QueuedWork::Proof(done))?;
        match timeout(self.times.proof_max, result).await {
            Ok(proof) => proof.unwrap_or_else(|_| Err(died())),
            Err(_) => Err(StoreError::Unavailable(Box::new(Unproved))),
        }
    }

    /// Waits until there was a commit since the last call.
    pub(super) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Waits until a writer has died. It may have left a commit unfinished, for an unknown reason, so the process
    /// should be replaced.
    pub(super) async fn until_dead(&self) {
        self.died.cancelled().await;
    }

    fn enqueue(&self, waiting: QueuedWork) -> Result<(), StoreError> {
        self.waiting.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            // All writers have died.
            mpsc::error::TrySendError::Closed(_) => StoreError::NotWritten(Box::new(Died)),
        })
    }

    /// Fails once a writer has died.
    fn is_alive(&self) -> Result<(), StoreError> {
        if self.died.is_cancelled() { Err(died()) } else { Ok(()) }
    }
}

fn died() -> StoreError {
    StoreError::Unavailable(Box::new(Died))
}

async fn run(
    mut writer: impl Writer,
    queue: &Mutex<Queue>,
    patience: Duration,
    proved: &Proved,
    committed: &Notify,
) {
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    loop {
        queue.lock().await.take(&mut waiting).await;
        if waiting.is_empty() {
            return;
        }
        let (mut batch, mut done, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
        for one in waiting.drain(..) {
            match one {
                QueuedWork::Proof(done) => proofs.push(done),
                QueuedWork::Change { since, mut done, .. } if since.elapsed() > patience => {
                    done.tell(StoreError::Overloaded);
                }
                QueuedWork::Change { change, done: to, .. } => {
                    let Some(to) = to.begin() else { continue };
                    batch.push(change);
                    done.push(to);
                }
            }
        }
        if !batch.is_empty() {
            let results = writer.write(&batch).await;
            proved.note_all(&results);
            committed.notify_one();
            for (done, result) in done.into_iter().zip(results) {
                // The caller may be gone; a written change stays written.
                let _ = done.send(result);
            }
        }
        for proof in proofs.into_iter().filter(|proof| !proof.is_closed()) {
            let outcome = writer.prove().await;
            proved.note(outcome.is_ok());
            let _ = proof.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payments::ports::store::{Conflict, Mutation};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Waits for a permit per batch, then reports a conflict for each change.
    struct GatedWriter {
        gate: Arc<Semaphore>,
        begun: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl Writer for GatedWriter {
        async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            batch.iter().map(|_| Err(CommitError::Conflict(Conflict::Stale))).collect()
        }

        async fn prove(&mut self) -> Result<(), StoreError> {
            self.begun.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            Ok(())
        }
    }

    /// Answers each batch and each probe with the next entry.
    struct Scripted(std::vec::IntoIter<bool>);

    impl Scripted {
        fn next(&mut self) -> Result<(), StoreError> {
            let is_taken = self.0.next().expect("the script has an answer");
            if is_taken { Ok(()) } else { Err(StoreError::NotWritten("read-only".into())) }
        }
    }

    #[async_trait]
    impl Writer for Scripted {
        async fn write(&mut self, _: &[Change]) -> Vec<Result<(), CommitError>> {
            vec![self.next().map_err(CommitError::Store)]
        }

        async fn prove(&mut self) -> Result<(), StoreError> {
            self.next()
        }
    }

    struct Mortal {
        dies: bool,
    }

    #[async_trait]
    impl Writer for Mortal {
        async fn write(&mut self, batch: &[Change]) -> Vec<Result<(), CommitError>> {
            assert!(!self.dies, "a defect");
            batch.iter().map(|_| Ok(())).collect()
        }

        async fn prove(&mut self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    const NOTHING: Change = Change { mutation: Mutation::Nothing, key: None, webhook: None, watch: None };

    fn held() -> (Arc<GroupCommit>, Arc<Semaphore>, Arc<AtomicUsize>) {
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let writer = GatedWriter { gate: gate.clone(), begun: begun.clone() };
        (Arc::new(GroupCommit::start([writer])), gate, begun)
    }

    type Running = tokio::task::JoinHandle<Result<(), CommitError>>;

    fn begin(commits: &Arc<GroupCommit>) -> Running {
        let commits = commits.clone();
        tokio::spawn(async move { commits.commit(NOTHING).await })
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            tokio::task::yield_now().await;
        }
    }

    /// Starts one change that is being written and `n` that wait for it.
    async fn with_waiting(commits: &Arc<GroupCommit>, begun: &AtomicUsize, n: usize) -> Vec<Running> {
        let first = begin(commits);
        until(|| begun.load(Ordering::SeqCst) == 1).await;
        let all = (0..n).map(|_| begin(commits)).chain([first]).collect();
        until(|| commits.waiting.capacity() == WAITING_MAX - n).await;
        all
    }

    #[tokio::test]
    async fn what_comes_during_a_commit_shares_the_next_one() {
        let (commits, gate, begun) = held();
        let all = with_waiting(&commits, &begun, BATCH_MAX).await;
        gate.add_permits(2);
        for one in all {
            assert!(matches!(one.await.unwrap(), Err(CommitError::Conflict(Conflict::Stale))));
        }
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn more_than_may_wait_is_refused_at_once() {
        let (commits, gate, begun) = held();
        let all = with_waiting(&commits, &begun, WAITING_MAX).await;
        let refused = commits.commit(NOTHING).await;
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Overloaded))), "{refused:?}");
        gate.add_permits(WAITING_MAX);
        for one in all {
            assert!(matches!(one.await.unwrap(), Err(CommitError::Conflict(_))));
        }
    }

    #[tokio::test]
    async fn what_has_waited_too_long_is_not_begun() {
        let (gate, begun) = (Arc::new(Semaphore::new(1)), Arc::new(AtomicUsize::new(0)));
        let writer = GatedWriter { gate, begun: begun.clone() };
        let commits = GroupCommit::with(Times { patience: Duration::ZERO, ..TIMES }, [writer]);
        let late = commits.commit(NOTHING).await;
        assert!(matches!(late, Err(CommitError::Store(StoreError::Overloaded))), "{late:?}");
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn what_waits_too_long_is_refused_while_the_writer_is_busy_and_never_begun() {
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let writer = GatedWriter { gate: gate.clone(), begun: begun.clone() };
        let times = Times { patience: Duration::from_millis(200), ..TIMES };
        let commits = Arc::new(GroupCommit::with(times, [writer]));
        let mut all = with_waiting(&commits, &begun, 3).await;
        let first = all.pop().unwrap();
        for late in all {
            let late = late.await.unwrap();
            assert!(matches!(late, Err(CommitError::Store(StoreError::Overloaded))), "{late:?}");
        }
        assert!(!first.is_finished(), "what is begun is waited for");
        gate.add_permits(1);
        assert!(matches!(first.await.unwrap(), Err(CommitError::Conflict(Conflict::Stale))));
        until(|| commits.waiting.capacity() == WAITING_MAX).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_write_is_made_to_find_out_only_where_the_last_one_says_nothing() {
        // Each entry answers one write: a commit, whose proof needs no write; a failed commit; two probes.
        let commits = GroupCommit::start([Scripted(vec![true, false, false, true].into_iter())]);
        commits.commit(NOTHING).await.unwrap();
        commits.prove().await.unwrap();
        commits.commit(NOTHING).await.unwrap_err();
        commits.prove().await.unwrap_err();
        commits.prove().await.unwrap();
        commits.prove().await.unwrap();
    }

    #[tokio::test]
    async fn an_old_commit_proves_nothing() {
        let times = Times { proof_fresh: Duration::ZERO, ..TIMES };
        let commits = GroupCommit::with(times, [Scripted(vec![true, false].into_iter())]);
        commits.commit(NOTHING).await.unwrap();
        commits.prove().await.unwrap_err();
    }

    #[tokio::test]
    async fn a_write_that_takes_too_long_proves_nothing() {
        let begun = Arc::new(AtomicUsize::new(0));
        let writer = GatedWriter { gate: Arc::new(Semaphore::new(0)), begun: begun.clone() };
        let commits = GroupCommit::with(Times { proof_max: Duration::from_millis(50), ..TIMES }, [writer]);
        assert!(matches!(commits.prove().await, Err(StoreError::Unavailable(_))));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn everybody_is_told_when_the_writer_dies_and_certainly_what_was_not_begun() {
        let commits = Arc::new(GroupCommit::start([Mortal { dies: true }]));
        commits.is_alive().unwrap();
        let waiting: Vec<_> = (0..300).map(|_| begin(&commits)).collect();
        let mut open = 0;
        for one in waiting {
            match one.await.unwrap() {
                Err(CommitError::Store(StoreError::Unavailable(_))) => open += 1,
                Err(CommitError::Store(StoreError::NotWritten(_))) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!((1..=BATCH_MAX).contains(&open), "{open} were begun");
        commits.until_dead().await;
        commits.prove().await.unwrap_err();
        assert!(matches!(commits.commit(NOTHING).await, Err(CommitError::Store(StoreError::NotWritten(_)))));
    }

    #[tokio::test]
    async fn what_is_under_way_is_recorded_by_the_writers_that_are_left() {
        let commits = GroupCommit::start([Mortal { dies: true }, Mortal { dies: false }]);
        assert!(matches!(commits.commit(NOTHING).await, Err(CommitError::Store(StoreError::Unavailable(_)))));
        commits.until_dead().await;
        commits.commit(NOTHING).await.unwrap();
        commits.prove().await.unwrap_err();
    }
}
