//! The process's single runner of due work, shared by all sources of work.

use std::sync::Arc;

use payments::model::work::{Lane, Work};
use payments::ports::clock::Clock;
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::TaskTracker;

use super::handler::{GatewayJobs, JobHandler, Worked};
use super::worker_pool::{WorkerPermit, WorkerPool};

#[derive(Clone)]
pub struct Runner {
    pub handler: Arc<dyn JobHandler>,
    pub workers: Arc<WorkerPool>,
    /// Work in progress outlives its caller; shutdown waits for it.
    pub tasks: TaskTracker,
    pub clock: Arc<dyn Clock>,
}

impl Runner {
    /// Runs the gateway's due work with up to `workers` at once.
    #[must_use]
    pub fn of(gateway: &Arc<Gateway>, workers: u16) -> Self {
        let handler = Arc::new(GatewayJobs::new(gateway.clone()));
        Self {
            workers: Arc::new(WorkerPool::new(workers, &handler.providers())),
            handler,
            tasks: gateway.tasks.clone(),
            clock: gateway.clock.clone(),
        }
    }

    /// Processes `work` in a separate task and passes the result to `then`. A panic affects only this piece, which is
    /// retried later, and the task survives the end of its caller. Holds `permit` until `then` returns.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        lane: Lane,
        work: Work,
        permit: WorkerPermit,
        then: impl FnOnce(&Work, Result<Worked, StoreError>) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let handler = self.handler.clone();
        self.tasks.spawn(async move {
            let outcome = then(&work, handler.work_off(lane, &work).await);
            drop(permit);
            outcome
        })
    }

    /// Runs `look_after` concurrently for every lane of the handler's providers, until all have ended. Panics if one
    /// does: without it, its provider's work would be left for good.
    pub(super) async fn in_every_lane<F>(&self, look_after: impl Fn(Lane) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let providers = self.handler.providers();
        let mut lanes = JoinSet::new();
        for lane in Lane::all().filter(|lane| providers.contains(&lane.provider)) {
            lanes.spawn(look_after(lane));
        }
        while let Some(ended) = lanes.join_next().await {
            if let Err(died) = ended
                && let Ok(panic) = died.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}
