//! Polls the database for due work: undecided payments and refunds, and providers' events. Each lane is polled
//! independently: immediately when an event arrives, otherwise every second.

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
/// The largest batch of due work read from a lane at once.
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
    /// Ignores work due later: polling finds it then.
    fn announce(&self, due: Due) {
        // Events are due on arrival; all other work was tried a moment ago.
        if let Work::Event { provider, .. } = due.work {
            self.0.iter().filter(|(name, _)| *name == provider).for_each(|(_, wakeup)| wakeup.notify_one());
        }
    }
}

/// Runs until `stop`; work already begun runs to completion.
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
    /// Begins the lane's due work, within what its provider and retry budget allow. Returns whether more is ready now.
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
                    tracing::error!(error = with_causes(&problem), ?work, "due work cannot be processed now");
                }
            });
        }
        there_is_more
    }
}
