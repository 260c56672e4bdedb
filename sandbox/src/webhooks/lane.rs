//! One provider's webhooks: its events, its target, and its deliveries.

use std::sync::Arc;

use tokio::{sync::Notify, time::Instant};

use super::{
    event::Event,
    journal::{Attempt, Journal, Planned, Record, Summary},
    queue::{PendingDelivery, Queue},
    settings::{DeliveryConfig, DeliveryTarget},
};
use crate::faults::WebhookInjection;

#[derive(Debug)]
pub(crate) struct Lane {
    target: Arc<DeliveryTarget>,
    delivery: DeliveryConfig,
    journal: Journal,
    queue: Queue,
    /// Deliveries in flight.
    deliveries_in_flight: u32,
    /// Counts the resets: a delivery that was in flight before a reset is not recorded after it.
    epoch: u64,
    wake: Arc<Notify>,
}

/// A delivery to be sent now.
#[derive(Debug)]
pub(crate) struct DeliveryInFlight {
    pub(crate) pending: PendingDelivery,
    pub(crate) target: Arc<DeliveryTarget>,
    epoch: u64,
}

/// What the lane does next.
#[derive(Debug)]
pub(crate) enum LaneAction {
    Send(DeliveryInFlight),
    /// Nothing before this time, unless the lane is woken.
    Wait(Option<Instant>),
}

impl Lane {
    pub(crate) fn new(target: DeliveryTarget, delivery: DeliveryConfig) -> Self {
        Self {
            target: Arc::new(target),
            delivery,
            journal: Journal::default(),
            queue: Queue::default(),
            deliveries_in_flight: 0,
            epoch: 0,
            wake: Arc::default(),
        }
    }

    pub(crate) fn delivers(&self) -> bool {
        self.target.url().is_some()
    }

    pub(crate) fn target(&self) -> &DeliveryTarget {
        &self.target
    }

    pub(crate) fn aim(&mut self, target: DeliveryTarget) {
        self.target = Arc::new(target);
        self.wake.notify_one();
    }

    pub(crate) fn delivery(&self) -> &DeliveryConfig {
        &self.delivery
    }

    /// Notified whenever the result of [`Self::next`] may have changed.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Stores an event; if an injection is given, it is delivered accordingly.
    pub(crate) fn add(&mut self, event: Arc<Event>, injection: Option<WebhookInjection>) {
        let Some(injection) = injection else {
            self.journal.add(event, Planned::None, Vec::new());
            return;
        };
        let planned = if injection.withheld {
            Planned::Withheld(injection.deliveries)
        } else {
            Planned::Open(injection.deliveries)
        };
        let number = self.journal.add(Arc::clone(&event), planned, injection.faults.clone());
        if let Some(dropped) = self.queue.add(PendingDelivery::new(event, number), &injection, Instant::now())
        {
            self.journal.dropped(dropped.number);
        }
        self.wake.notify_one();
    }

    pub(crate) fn next(&mut self, now: Instant) -> LaneAction {
        if !self.delivers() || self.deliveries_in_flight >= self.delivery.concurrency.get() {
            return LaneAction::Wait(None);
        }
        match self.queue.take(now) {
            Some(pending) => {
                self.deliveries_in_flight += 1;
                LaneAction::Send(DeliveryInFlight {
                    pending,
                    target: Arc::clone(&self.target),
                    epoch: self.epoch,
                })
            }
            None => LaneAction::Wait(self.queue.next_due()),
        }
    }

    /// Records the result of a delivery; a failed one is retried later.
    pub(crate) fn finished(&mut self, in_flight: DeliveryInFlight, attempt: Attempt, now: Instant) {
        self.deliveries_in_flight -= 1;
        self.wake.notify_one();
        if in_flight.epoch != self.epoch {
            return;
        }
        let mut pending = in_flight.pending;
        let accepted = attempt.outcome.accepted();
        self.journal.tried(pending.number, attempt);
        pending.tries += 1;
        if pending.tries == 1 {
            self.queue.passed(pending.number, now);
        }
        match self.delivery.wait_after(pending.tries).filter(|_| !accepted && !pending.once) {
            Some(wait) => self.queue.put(pending, now + wait),
            None => self.journal.ended(pending.number, accepted),
        }
    }

    /// Delivers an event once more, immediately and correctly signed; `false` if there is no such event.
    pub(crate) fn redeliver(&mut self, id: &str) -> bool {
        let Some((number, record)) = self.journal.find(id) else { return false };
        let pending =
            PendingDelivery { once: true, ..PendingDelivery::new(Arc::clone(&record.event), number) };
        self.journal.planned_again(number);
        self.queue.put(pending, Instant::now());
        self.wake.notify_one();
        true
    }

    /// Releases withheld and held deliveries; returns the number of withheld ones.
    pub(crate) fn release(&mut self) -> usize {
        let numbers = self.queue.release(Instant::now());
        for number in &numbers {
            self.journal.released(*number);
        }
        self.wake.notify_one();
        numbers.len()
    }

    /// Oldest first.
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.journal.records()
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Record> {
        self.journal.find(id).map(|(_, record)| record)
    }

    pub(crate) fn summary(&self) -> &Summary {
        self.journal.summary()
    }

    /// Forgets events and deliveries; the target stays.
    pub(crate) fn reset(&mut self) {
        self.journal = Journal::default();
        self.queue = Queue::default();
        self.epoch += 1;
    }
}
