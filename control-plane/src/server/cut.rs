//! Ends an answer from outside of it. hyper asks a body for more only once the peer has read what came before, so a body
//! whose peer reads nothing cannot end by itself.

use hyper::rt::Executor;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    /// Ends what this task answers.
    static CUT: CancellationToken;
}

/// Runs the answers of HTTP/2 connections, each as a task that can be cut. Its stream is reset then; others on the
/// connection go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers;

impl<F> Executor<F> for Answers
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, answer: F) {
        let cut = CancellationToken::new();
        let task = cut.clone();
        tokio::spawn(CUT.scope(cut, async move {
            let _over = task.clone().drop_guard();
            let _ = task.run_until_cancelled(answer).await;
        }));
    }
}

/// Cuts the answer that this task is about to give, unless it is over by `end`. An answer over HTTP/1.1 is not cut: Envoy
/// speaks HTTP/2.
pub(crate) fn cut_answer_at(end: Instant) {
    let Ok(cut) = CUT.try_with(CancellationToken::clone) else { return };
    tokio::spawn(async move {
        // Canceled, too, when the answer is over.
        let _ = timeout_at(end, cut.cancelled()).await;
        cut.cancel();
    });
}
