//! Limits concurrent due work: a slow provider delays neither the other provider's work nor its own events.

use std::collections::HashMap;
use std::sync::Arc;

use edge_core::provider::Provider;
use payments::model::work::{Lane, WorkKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The workers of one process. Some are reserved for the other provider and, among those one provider may use, some for
/// its events.
pub struct WorkerPool {
    number: u16,
    all: Arc<Semaphore>,
    of_providers: HashMap<Provider, OfProvider>,
}

struct OfProvider {
    all: Arc<Semaphore>,
    for_events: Arc<Semaphore>,
    for_others: Arc<Semaphore>,
}

/// Reserves a worker for one piece of work until dropped.
pub struct WorkerPermit {
    _permits: [OwnedSemaphorePermit; 3],
}

impl WorkerPool {
    /// A pool of `workers` for these providers. Fewer than four workers are too few to reserve some for each.
    #[must_use]
    pub fn new(workers: u16, providers: &[Provider]) -> Self {
        let of_one = if providers.len() > 1 { most_of(workers) } else { workers };
        let slots = |number: u16| Arc::new(Semaphore::new(number.into()));
        let of_provider = || OfProvider {
            all: slots(of_one),
            for_events: slots(most_of(of_one)),
            for_others: slots(most_of(of_one)),
        };
        Self {
            number: workers,
            all: slots(workers),
            of_providers: providers.iter().map(|provider| (*provider, of_provider())).collect(),
        }
    }

    /// The number of workers.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Waits for a worker that this lane may use. `None` if the pool does not serve the provider.
    pub async fn take(&self, lane: Lane) -> Option<WorkerPermit> {
        let of = self.of_providers.get(&lane.provider)?;
        let of_kind = if lane.kind == WorkKind::Event { &of.for_events } else { &of.for_others };
        // From the narrowest limit to the widest: a waiting lane holds no worker that others could use.
        let kind = of_kind.clone().acquire_owned().await.ok()?;
        let provider = of.all.clone().acquire_owned().await.ok()?;
        let any = self.all.clone().acquire_owned().await.ok()?;
        Some(WorkerPermit { _permits: [kind, provider, any] })
    }
}

/// All but a quarter, and at least one.
const fn most_of(workers: u16) -> u16 {
    let most = workers - workers.div_ceil(4);
    if most == 0 { 1 } else { most }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const BOTH: [Provider; 2] = [Provider::Stripe, Provider::Paypal];

    fn taken(pool: &WorkerPool, kind: WorkKind, provider: Provider) -> Vec<WorkerPermit> {
        let lane = Lane { kind, provider };
        std::iter::from_fn(|| pool.take(lane).now_or_never().flatten()).collect()
    }

    #[test]
    fn a_slow_provider_leaves_workers_for_its_events_and_for_the_other_provider() {
        let pool = WorkerPool::new(16, &BOTH);
        let slow = taken(&pool, WorkKind::Payment, Provider::Stripe);
        assert_eq!(slow.len(), 9);
        assert!(
            taken(&pool, WorkKind::Refund, Provider::Stripe).is_empty(),
            "they share the workers of payments"
        );
        let events = taken(&pool, WorkKind::Event, Provider::Stripe);
        assert_eq!((events.len(), taken(&pool, WorkKind::Event, Provider::Paypal).len()), (3, 4));
    }

    #[test]
    fn every_provider_has_a_worker_as_long_as_there_are_four() {
        for workers in 4..=64 {
            let pool = WorkerPool::new(workers, &BOTH);
            let slow: Vec<_> = [WorkKind::Event, WorkKind::Payment]
                .map(|kind| taken(&pool, kind, Provider::Stripe))
                .into_iter()
                .flatten()
                .collect();
            assert!(slow.len() < workers.into(), "{workers}");
            assert!(!taken(&pool, WorkKind::Event, Provider::Paypal).is_empty(), "{workers}");
        }
    }

    #[test]
    fn a_provider_that_is_alone_has_all_workers() {
        let pool = WorkerPool::new(8, &[Provider::Stripe]);
        let others = taken(&pool, WorkKind::Payment, Provider::Stripe);
        let events = taken(&pool, WorkKind::Event, Provider::Stripe);
        assert_eq!((others.len(), events.len()), (6, 2));
        assert!(taken(&pool, WorkKind::Event, Provider::Paypal).is_empty());
    }

    #[test]
    fn even_one_worker_is_enough() {
        let pool = WorkerPool::new(1, &BOTH);
        for kind in WorkKind::ALL {
            assert_eq!(taken(&pool, kind, Provider::Paypal).len(), 1, "{kind:?}");
        }
    }
}
