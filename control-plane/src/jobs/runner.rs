//! The one runner of due work in a process: each source of work has it worked off here.

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
    /// What is begun outlives its caller, and shutting down waits for it.
    pub tasks: TaskTracker,
    pub clock: Arc<dyn Clock>,
}

impl Runner {
    /// Runs the gateway's own due work with so many workers.
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

    /// Works it off and passes the result to `then`, on a task of its own: a panic in it, or the end of what brought it,
    /// ends no more than this piece, which is taken up again later. `permit` is held until then.
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

    /// Looks after every lane of its providers at once, each by itself, until all have ended.
    pub(super) async fn in_every_lane<F>(&self, look_after: impl Fn(Lane) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let providers = self.handler.providers();
        let mut lanes = JoinSet::new();
        for lane in Lane::all().filter(|lane| providers.contains(&lane.provider)) {
            lanes.spawn(look_after(lane));
        }
        while lanes.join_next().await.is_some() {}
    }
}
