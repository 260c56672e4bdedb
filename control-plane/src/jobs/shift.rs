//! The one runner of due work in a process: whatever brings a piece of it has it worked off here.

use std::sync::Arc;

use payments::model::work::{Lane, Work};
use payments::ports::clock::Clock;
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::task::TaskTracker;

use super::handler::{GatewayJobs, JobHandler, Worked};
use super::hands::{Hand, Hands};

#[derive(Clone)]
pub struct Shift {
    pub handler: Arc<dyn JobHandler>,
    pub hands: Arc<Hands>,
    /// What is begun outlives its caller, and shutting down waits for it.
    pub tasks: TaskTracker,
    pub clock: Arc<dyn Clock>,
}

impl Shift {
    /// The gateway's own, of so many hands.
    #[must_use]
    pub fn of(gateway: &Arc<Gateway>, workers: u16) -> Self {
        let handler = Arc::new(GatewayJobs::new(gateway.clone()));
        Self {
            hands: Arc::new(Hands::new(workers, &handler.providers())),
            handler,
            tasks: gateway.tasks.clone(),
            clock: gateway.clock.clone(),
        }
    }

    /// Works it off with this hand, and says how it went to `then`. On a task of its own: what crashes it, or ends who
    /// brought it, ends no more than that, and is taken up again later.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        lane: Lane,
        work: Work,
        hand: Hand,
        then: impl FnOnce(&Work, Result<Worked, StoreError>) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let handler = self.handler.clone();
        self.tasks.spawn(async move {
            let outcome = then(&work, handler.work_off(lane, &work).await);
            drop(hand);
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
