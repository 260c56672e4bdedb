//! A provider's outstanding deliveries, and their order.

use std::{collections::BTreeMap, sync::Arc};

use tokio::time::Instant;

use super::event::Event;
use crate::faults::WebhookInjection;

/// More deliveries than this are dropped: a receiver that is down for long must not exhaust the memory.
const WAITING_MAX: usize = 100_000;

/// An outstanding delivery.
#[derive(Debug, Clone)]
pub(crate) struct PendingDelivery {
    pub(crate) event: Arc<Event>,
    /// The event's number in the journal.
    pub(crate) number: u64,
    /// Attempts so far.
    pub(crate) tries: u32,
    pub(crate) forged: bool,
    /// Not retried if it fails.
    pub(crate) once: bool,
}

impl PendingDelivery {
    pub(crate) fn new(event: Arc<Event>, number: u64) -> Self {
        Self { event, number, tries: 0, forged: false, once: false }
    }
}

/// A delivery that is held until others have overtaken it.
#[derive(Debug)]
struct HeldDelivery {
    pending: PendingDelivery,
    others: u32,
    until: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// By due time; deliveries that are due at the same time keep their order of arrival.
    waiting: BTreeMap<(Instant, u64), PendingDelivery>,
    held: Vec<HeldDelivery>,
    withheld: Vec<PendingDelivery>,
    arrivals: u64,
}

impl Queue {
    /// Adds the deliveries of a new event, with its injected faults. Returns the delivery that is dropped if too many
    /// wait.
    pub(crate) fn add(
        &mut self,
        pending: PendingDelivery,
        injection: &WebhookInjection,
        now: Instant,
    ) -> Option<PendingDelivery> {
        let pending = PendingDelivery { forged: injection.forged, once: injection.forged, ..pending };
        for _ in 0..injection.deliveries {
            let pending = pending.clone();
            if injection.withheld {
                self.withheld.push(pending);
            } else if let Some(hold) = injection.held {
                self.held.push(HeldDelivery {
                    pending,
                    others: hold.others,
                    until: now + injection.delay + hold.at_most,
                });
            } else {
                self.put(pending, now + injection.delay);
            }
        }
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first().map(|(_, pending)| pending)
        } else {
            None
        }
    }

    pub(crate) fn put(&mut self, pending: PendingDelivery, due: Instant) {
        self.arrivals += 1;
        self.waiting.insert((due, self.arrivals), pending);
    }

    /// The next delivery that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<PendingDelivery> {
        self.let_go(now, |held| held.until <= now);
        let next = self.waiting.first_entry()?;
        if next.key().0 <= now { Some(next.remove()) } else { None }
    }

    /// When the next delivery is due, if nothing changes before.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let waiting = self.waiting.first_key_value().map(|((due, _), _)| *due);
        self.held.iter().map(|held| held.until).chain(waiting).min()
    }

    /// The event with this number was delivered: earlier ones that it was to overtake may follow.
    pub(crate) fn passed(&mut self, number: u64, now: Instant) {
        for held in self.held.iter_mut().filter(|held| held.pending.number < number) {
            held.others = held.others.saturating_sub(1);
        }
        self.let_go(now, |held| held.others == 0);
    }

    fn let_go(&mut self, now: Instant, when: impl Fn(&HeldDelivery) -> bool) {
        let (free, held): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(when);
        self.held = held;
        for HeldDelivery { pending, .. } in free {
            self.put(pending, now);
        }
    }

    /// Releases all withheld and held deliveries; returns the numbers of the withheld ones.
    pub(crate) fn release(&mut self, now: Instant) -> Vec<u64> {
        self.let_go(now, |_| true);
        let withheld = std::mem::take(&mut self.withheld);
        let numbers = withheld.iter().map(|pending| pending.number).collect();
        for pending in withheld {
            self.put(pending, now);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::value::RawValue;

    use super::*;
    use crate::{
        faults::{Faults, Rule},
        provider::Provider,
        webhooks::{Content, Given},
    };

    fn pending(number: u64) -> PendingDelivery {
        let text = RawValue::from_string("{}".to_owned()).unwrap();
        let content = Content::Given(Given { provider: Provider::Stripe, id: None, text });
        PendingDelivery::new(Arc::new(Event::new("x".into(), content, Timestamp::UNIX_EPOCH)), number)
    }

    fn injection(rule: &str) -> WebhookInjection {
        let mut faults = Faults::default();
        faults.add(Rule::parse(rule.as_bytes()).unwrap());
        faults.inject_in_webhook(Provider::Stripe)
    }

    fn take_all(queue: &mut Queue, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.take(now)).map(|pending| pending.number).collect()
    }

    #[test]
    fn due_deliveries_are_taken_in_order_and_the_rest_waits() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let spared = WebhookInjection::default();
        let delayed = injection(r#"{"operation":"webhook","fault":"delay","delayMs":1000}"#);
        queue.add(pending(1), &delayed, now);
        queue.add(pending(2), &spared, now);
        queue.add(pending(3), &spared, now);
        assert_eq!(take_all(&mut queue, now), [2, 3]);
        let later = queue.next_due().unwrap();
        assert_eq!(later, now + Duration::from_secs(1));
        assert_eq!(take_all(&mut queue, later), [1]);
    }

    #[test]
    fn a_reordered_event_follows_the_next_one_or_its_timeout() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let reordered = injection(r#"{"operation":"webhook","fault":"reorder"}"#);
        queue.add(pending(1), &reordered, now);
        queue.add(pending(2), &WebhookInjection::default(), now);
        assert_eq!(take_all(&mut queue, now), [2]);
        queue.passed(2, now);
        assert_eq!(take_all(&mut queue, now), [1]);
        queue.add(pending(3), &reordered, now);
        assert_eq!(take_all(&mut queue, now), [0; 0]);
        let later = queue.next_due().unwrap();
        assert_eq!(take_all(&mut queue, later), [3]);
    }

    #[test]
    fn a_withheld_event_waits_for_its_release() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add(pending(1), &injection(r#"{"operation":"webhook","fault":"withhold"}"#), now);
        queue.add(pending(2), &injection(r#"{"operation":"webhook","fault":"duplicate","count":3}"#), now);
        assert_eq!(take_all(&mut queue, now), [2, 2, 2]);
        assert_eq!((queue.next_due(), queue.release(now)), (None, vec![1]));
        assert_eq!(take_all(&mut queue, now), [1]);
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let spared = WebhookInjection::default();
        let first = pending(0);
        for number in 0..u64::try_from(WAITING_MAX).unwrap() {
            assert!(queue.add(PendingDelivery { number, ..first.clone() }, &spared, now).is_none());
        }
        assert_eq!(queue.add(pending(u64::MAX), &spared, now).unwrap().number, 0);
    }
}
