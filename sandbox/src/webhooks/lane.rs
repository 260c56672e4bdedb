//! One provider's webhooks: its events, its target, and the deliveries between them.

use std::sync::Arc;

use tokio::{sync::Notify, time::Instant};

use super::{
    event::Event,
    journal::{Attempt, Journal, Planned, Record, Summary},
    queue::{Job, Queue},
    settings::{DeliveryConfig, Target},
};
use crate::faults::WebhookStrike;

#[derive(Debug)]
pub(crate) struct Lane {
    target: Arc<Target>,
    delivery: DeliveryConfig,
    journal: Journal,
    queue: Queue,
    /// Deliveries under way.
    flying: u32,
    /// Counts the resets: what was under way before one is not recorded after it.
    epoch: u64,
    wake: Arc<Notify>,
}

/// A delivery to be made now.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) job: Job,
    pub(crate) target: Arc<Target>,
    epoch: u64,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    Send(Flight),
    /// Nothing before this time, unless the lane is woken.
    Wait(Option<Instant>),
}

impl Lane {
    pub(crate) fn new(target: Target, delivery: DeliveryConfig) -> Self {
        Self {
            target: Arc::new(target),
            delivery,
            journal: Journal::default(),
            queue: Queue::default(),
            flying: 0,
            epoch: 0,
            wake: Arc::default(),
        }
    }

    pub(crate) fn delivers(&self) -> bool {
        self.target.url().is_some()
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn aim(&mut self, target: Target) {
        self.target = Arc::new(target);
        self.wake.notify_one();
    }

    pub(crate) fn delivery(&self) -> &DeliveryConfig {
        &self.delivery
    }

    /// Told whenever [`Self::next`] may have another answer.
    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Keeps an event; with a strike it is to be delivered as that says.
    pub(crate) fn add(&mut self, event: Arc<Event>, strike: Option<WebhookStrike>) {
        let Some(strike) = strike else {
            self.journal.add(event, Planned::None, Vec::new());
            return;
        };
        let planned = if strike.withheld {
            Planned::Withheld(strike.deliveries)
        } else {
            Planned::Open(strike.deliveries)
        };
        let number = self.journal.add(Arc::clone(&event), planned, strike.faults.clone());
        if let Some(dropped) = self.queue.add(Job::new(event, number), &strike, Instant::now()) {
            self.journal.dropped(dropped.number);
        }
        self.wake.notify_one();
    }

    pub(crate) fn next(&mut self, now: Instant) -> Step {
        if !self.delivers() || self.flying >= self.delivery.concurrency.get() {
            return Step::Wait(None);
        }
        match self.queue.take(now) {
            Some(job) => {
                self.flying += 1;
                Step::Send(Flight { job, target: Arc::clone(&self.target), epoch: self.epoch })
            }
            None => Step::Wait(self.queue.next_due()),
        }
    }

    /// Records how a delivery went; one that failed is made again, later.
    pub(crate) fn landed(&mut self, flight: Flight, attempt: Attempt, now: Instant) {
        self.flying -= 1;
        self.wake.notify_one();
        if flight.epoch != self.epoch {
            return;
        }
        let mut job = flight.job;
        let accepted = attempt.outcome.accepted();
        self.journal.tried(job.number, attempt);
        job.tries += 1;
        if job.tries == 1 {
            self.queue.passed(job.number, now);
        }
        match self.delivery.wait_after(job.tries).filter(|_| !accepted && !job.once) {
            Some(wait) => self.queue.put(job, now + wait),
            None => self.journal.ended(job.number, accepted),
        }
    }

    /// Delivers an event once more, now and well signed; `false` if there is no such event.
    pub(crate) fn redeliver(&mut self, id: &str) -> bool {
        let Some((number, record)) = self.journal.find(id) else { return false };
        let job = Job { once: true, ..Job::new(Arc::clone(&record.event), number) };
        self.journal.planned_again(number);
        self.queue.put(job, Instant::now());
        self.wake.notify_one();
        true
    }

    /// Lets go what was withheld or held back; returns how many deliveries were withheld.
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
