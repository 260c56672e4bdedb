//! Works off what is due: payments and refunds that are not decided, providers' events. Woken when something becomes
//! due at once, and otherwise looks every second, in the database.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::domain::gateway::Gateway;
use crate::domain::operations::settle::work_off;
use crate::domain::queue::{Claimed, Due, Queue, Work};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How much is looked up at a time.
const BATCH: u32 = 64;

/// The queue of a process that looks into the database itself.
#[derive(Default)]
pub struct Bell(Notify);

impl Queue for Bell {
    /// What is due later is found when it is due.
    fn announce(&self, due: Due) {
        // Events are due when they arrive; of everything else somebody has just tried.
        if matches!(due.work, Work::Event { .. }) {
            self.0.notify_one();
        }
    }
}

/// Runs until `stop`, `at_once` pieces of work at the same time; what is begun by then ends.
pub async fn run(gateway: Arc<Gateway>, bell: Arc<Bell>, at_once: usize, stop: CancellationToken) {
    let hands = Arc::new(Semaphore::new(at_once));
    while !stop.is_cancelled() {
        let all_taken = turn(&gateway, &hands, &stop).await;
        if all_taken {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = bell.0.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Begins all that is due; whether there may be more.
async fn turn(gateway: &Arc<Gateway>, hands: &Arc<Semaphore>, stop: &CancellationToken) -> bool {
    let found = match gateway.store.overdue(gateway.now(), BATCH).await {
        Ok(found) => found,
        Err(problem) => {
            tracing::error!(error = %problem, error.source = ?std::error::Error::source(&problem), "due work cannot be read");
            return false;
        }
    };
    let more = found.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
    for Due { work, .. } in found {
        let Some(Ok(hand)) = stop.run_until_cancelled(hands.clone().acquire_owned()).await else {
            return false;
        };
        let gateway = gateway.clone();
        // On a task of its own: what crashes it is taken up again later, and the rest goes on.
        gateway.tasks.clone().spawn(async move {
            match work_off(&gateway, &work).await {
                Ok(Claimed::Taken | Claimed::NotDue(_) | Claimed::Settled) => {}
                Err(problem) => {
                    tracing::error!(error = %problem, error.source = ?std::error::Error::source(&problem), ?work, "cannot be worked off now");
                }
            }
            drop(hand);
        });
    }
    more
}
