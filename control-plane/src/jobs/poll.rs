//! Works off what is due: payments and refunds that are not decided, providers' events. Each lane is polled by
//! itself: at once when an event arrives, and otherwise every second.

use std::sync::Arc;
use std::time::Duration;

use edge_core::provider::Provider;
use payments::causes::with_causes;
use payments::model::work::{Due, Lane, Work, WorkKind};
use payments::ports::queue::Queue;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::runner::Runner;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How much of a lane is looked up at a time.
const BATCH: u32 = 64;

/// The queue of a process that polls the database: it wakes its own poller.
pub struct LocalWakeup([(Provider, Notify); Provider::ALL.len()]);

impl Default for LocalWakeup {
    fn default() -> Self {
        Self(Provider::ALL.map(|provider| (provider, Notify::new())))
    }
}

impl LocalWakeup {
    async fn woken(&self, lane: Lane) {
        let of_lane = self.0.iter().find(|(provider, _)| *provider == lane.provider);
        match of_lane.filter(|_| lane.kind == WorkKind::Event) {
            Some((_, wakeup)) => wakeup.notified().await,
            None => std::future::pending().await,
        }
    }
}

impl Queue for LocalWakeup {
    /// What is due later is found when it is due.
    fn announce(&self, due: Due) {
        // Events are due when they arrive; everything else was tried a moment ago.
        if let Work::Event { provider, .. } = due.work {
            self.0.iter().filter(|(name, _)| *name == provider).for_each(|(_, wakeup)| wakeup.notify_one());
        }
    }
}

/// Runs until `stop`; what is begun by then ends.
pub async fn run(runner: Runner, wakeup: Arc<LocalWakeup>, stop: CancellationToken) {
    runner.in_every_lane(|lane| look_after(runner.clone(), lane, wakeup.clone(), stop.clone())).await;
}

async fn look_after(runner: Runner, lane: Lane, wakeup: Arc<LocalWakeup>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let there_is_more = runner.turn(lane, &stop).await;
        if there_is_more {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = wakeup.woken(lane) => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Runner {
    /// Begins what is due in the lane, as far as its provider and its budget allow; whether more can be begun at once.
    async fn turn(&self, lane: Lane, stop: &CancellationToken) -> bool {
        let room = self.handler.room(lane).await;
        if room == 0 {
            return false;
        }
        let found = match self.handler.overdue(lane, self.clock.now(), room.min(BATCH)).await {
            Ok(found) => found,
            Err(problem) => {
                tracing::error!(error = with_causes(&problem), "due work cannot be read");
                return false;
            }
        };
        let there_is_more = found.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
        for Due { work, .. } in found {
            let Some(Some(permit)) = stop.run_until_cancelled(self.workers.take(lane)).await else {
                return false;
            };
            self.begin(lane, work, permit, |work, worked| {
                if let Err(problem) = worked {
                    tracing::error!(error = with_causes(&problem), ?work, "cannot be worked off now");
                }
            });
        }
        there_is_more
    }
}
