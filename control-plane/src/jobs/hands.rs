//! How much is worked off at the same time, and by whom: a provider that is slow keeps neither the other nor its own
//! events waiting.

use std::collections::HashMap;
use std::sync::Arc;

use edge_core::provider::Provider;
use payments::model::work::{Lane, WorkKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The hands of one process. Of what one provider may have, a part is left for its events, and of all hands a part for
/// the other provider.
pub struct Hands {
    number: u16,
    all: Arc<Semaphore>,
    of_providers: HashMap<Provider, OfProvider>,
}

struct OfProvider {
    all: Arc<Semaphore>,
    for_events: Arc<Semaphore>,
    for_others: Arc<Semaphore>,
}

/// A piece of work is held by it. Dropped when that ends.
pub struct Hand {
    _permits: [OwnedSemaphorePermit; 3],
}

impl Hands {
    /// `workers` hands for these providers. With fewer than four they are not enough to leave some for each.
    #[must_use]
    pub fn new(workers: u16, providers: &[Provider]) -> Self {
        let of_one = if providers.len() > 1 { most_of(workers) } else { workers };
        let hands = |number: u16| Arc::new(Semaphore::new(number.into()));
        let of_provider = || OfProvider {
            all: hands(of_one),
            for_events: hands(most_of(of_one)),
            for_others: hands(most_of(of_one)),
        };
        Self {
            number: workers,
            all: hands(workers),
            of_providers: providers.iter().map(|provider| (*provider, of_provider())).collect(),
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// Waits for a hand that is free for this lane. `None`: the provider has none.
    pub async fn take(&self, lane: Lane) -> Option<Hand> {
        let of = self.of_providers.get(&lane.provider)?;
        let of_kind = if lane.kind == WorkKind::Event { &of.for_events } else { &of.for_others };
        // From the narrowest to the widest: what waits here keeps no hand from others that they could use.
        let kind = of_kind.clone().acquire_owned().await.ok()?;
        let provider = of.all.clone().acquire_owned().await.ok()?;
        let any = self.all.clone().acquire_owned().await.ok()?;
        Some(Hand { _permits: [kind, provider, any] })
    }
}

/// All but a quarter, and at least one.
const fn most_of(hands: u16) -> u16 {
    let most = hands - hands.div_ceil(4);
    if most == 0 { 1 } else { most }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const BOTH: [Provider; 2] = [Provider::Stripe, Provider::Paypal];

    fn taken(hands: &Hands, kind: WorkKind, provider: Provider) -> Vec<Hand> {
        let lane = Lane { kind, provider };
        std::iter::from_fn(|| hands.take(lane).now_or_never().flatten()).collect()
    }

    #[test]
    fn a_slow_provider_leaves_hands_for_its_events_and_for_the_other_provider() {
        let hands = Hands::new(16, &BOTH);
        let slow = taken(&hands, WorkKind::Payment, Provider::Stripe);
        assert_eq!(slow.len(), 9);
        assert!(taken(&hands, WorkKind::Refund, Provider::Stripe).is_empty(), "they share the others' hands");
        let events = taken(&hands, WorkKind::Event, Provider::Stripe);
        assert_eq!((events.len(), taken(&hands, WorkKind::Event, Provider::Paypal).len()), (3, 4));
    }

    #[test]
    fn every_provider_has_a_hand_as_long_as_there_are_four() {
        for workers in 4..=64 {
            let hands = Hands::new(workers, &BOTH);
            let slow: Vec<_> = [WorkKind::Event, WorkKind::Payment]
                .map(|kind| taken(&hands, kind, Provider::Stripe))
                .into_iter()
                .flatten()
                .collect();
            assert!(slow.len() < workers.into(), "{workers}");
            assert!(!taken(&hands, WorkKind::Event, Provider::Paypal).is_empty(), "{workers}");
        }
    }

    #[test]
    fn a_provider_that_is_alone_has_all_hands() {
        let hands = Hands::new(8, &[Provider::Stripe]);
        let others = taken(&hands, WorkKind::Payment, Provider::Stripe);
        let events = taken(&hands, WorkKind::Event, Provider::Stripe);
        assert_eq!((others.len(), events.len()), (6, 2));
        assert!(taken(&hands, WorkKind::Event, Provider::Paypal).is_empty());
    }

    #[test]
    fn even_one_hand_works() {
        let hands = Hands::new(1, &BOTH);
        for kind in WorkKind::ALL {
            assert_eq!(taken(&hands, kind, Provider::Paypal).len(), 1, "{kind:?}");
        }
    }
}
