//! All that working off takes in one process.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::crew::{Crew, GatewayCrew};
use super::hands::Hands;
use crate::domain::clock::Clock;
use crate::domain::gateway::Gateway;

#[derive(Clone)]
pub struct Shift {
    pub crew: Arc<dyn Crew>,
    pub hands: Arc<Hands>,
    /// What is begun outlives its caller, and shutting down waits for it.
    pub tasks: TaskTracker,
    pub clock: Arc<dyn Clock>,
}

impl Shift {
    /// The gateway's own, of so many hands.
    #[must_use]
    pub fn of(gateway: &Arc<Gateway>, workers: u16) -> Self {
        let crew = Arc::new(GatewayCrew::new(gateway.clone()));
        Self {
            hands: Arc::new(Hands::new(workers, &crew.providers())),
            crew,
            tasks: gateway.tasks.clone(),
            clock: gateway.clock.clone(),
        }
    }
}
