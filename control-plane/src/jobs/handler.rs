//! Processes due work and limits how much may begin: work that the provider would only refuse is not claimed.

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::work::{Claimed, Due, Lane, Work, WorkCapacity, WorkKind};
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use payments::usecases::resolve;

/// Processes due work.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The providers whose work this handler processes.
    fn providers(&self) -> Vec<Provider>;

    /// The number of pieces of work that may begin in a lane now.
    async fn room(&self, lane: Lane) -> u32;

    /// Lists the lane's work that was due before `before`, oldest first, at most `limit`. Claims nothing.
    async fn overdue(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError>;

    /// The lane of a piece of work; `None` if there is nothing left to do.
    async fn lane_of(&self, work: &Work) -> Result<Option<Lane>, StoreError>;

    /// Claims the work, so that no other process does it concurrently, and processes it.
    async fn work_off(&self, lane: Lane, work: &Work) -> Result<Worked, StoreError>;
}

/// The outcome of a piece of due work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worked {
    Claimed(Claimed),
    /// The provider's circuit is open or its retry budget is spent. The work is unchanged and stays due.
    LeftAlone,
}

/// Processes the gateway's due work.
pub struct GatewayJobs {
    gateway: Arc<Gateway>,
    by_kind: [Gateway; WorkKind::ALL.len()],
}

impl GatewayJobs {
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        let by_kind = WorkKind::ALL.map(|kind| gateway.in_background(kind));
        Self { gateway, by_kind }
    }

    fn of(&self, kind: WorkKind) -> &Gateway {
        let mut all = WorkKind::ALL.into_iter().zip(&self.by_kind);
        all.find(|(one, _)| *one == kind).map_or(&self.gateway, |(_, gateway)| gateway)
    }

    async fn open(&self, lane: Lane) -> WorkCapacity {
        match self.of(lane.kind).providers.get(&lane.provider) {
            Some(provider) => provider.room().await,
            None => WorkCapacity::None,
        }
    }
}

#[async_trait]
impl JobHandler for GatewayJobs {
    fn providers(&self) -> Vec<Provider> {
        self.gateway.providers.keys().copied().collect()
    }

    async fn room(&self, lane: Lane) -> u32 {
        let most = match self.open(lane).await {
            WorkCapacity::Any => u32::MAX,
            WorkCapacity::One => 1,
            WorkCapacity::None => return 0,
        };
        most.min(self.gateway.retries.left_for(lane.kind, lane.provider, self.gateway.now()))
    }

    async fn overdue(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        self.gateway.store.overdue_in(lane, before, limit).await
    }

    async fn lane_of(&self, work: &Work) -> Result<Option<Lane>, StoreError> {
        let provider = self.gateway.store.provider_of(work).await?;
        Ok(provider.map(|provider| Lane { kind: work.kind(), provider }))
    }

    async fn work_off(&self, lane: Lane, work: &Work) -> Result<Worked, StoreError> {
        let Lane { kind, provider } = lane;
        if self.open(lane).await == WorkCapacity::None
            || !self.gateway.retries.take_for(kind, provider, self.gateway.now())
        {
            return Ok(Worked::LeftAlone);
        }
        let claimed = resolve::work_off(self.of(kind), work).await;
        if !matches!(claimed, Ok(Claimed::Taken)) {
            self.gateway.retries.give_back(kind, provider);
        }
        claimed.map(Worked::Claimed)
    }
}
