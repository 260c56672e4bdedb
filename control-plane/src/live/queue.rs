//! The events that wait for one watcher.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use payments::ports::store::LoggedEvent;
use tokio::sync::Notify;

use super::Interest;

/// Events that may wait. The memory of a watcher that reads nothing is bounded by it: an event is shared by all.
const WAITING_MAX: usize = 256;

/// A queue that keeps only the newest event of each payment or refund once it is full.
pub(super) struct Queue {
    waiting: Mutex<WatcherBacklog>,
    /// There is an event, or the watcher is too slow.
    changed: Notify,
}

struct WatcherBacklog {
    interest: Interest,
    events: VecDeque<Arc<LoggedEvent>>,
    /// Even the newest event of each payment did not fit.
    is_too_slow: bool,
}

/// The watcher reads more slowly than its payments move.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooSlow;

impl Queue {
    pub(super) fn new(interest: Interest) -> Self {
        let waiting = WatcherBacklog { interest, events: VecDeque::new(), is_too_slow: false };
        Self { waiting: Mutex::new(waiting), changed: Notify::new() }
    }

    pub(super) fn push(&self, event: &Arc<LoggedEvent>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.interest.includes(&event.event) {
            waiting.push(event.clone());
            drop(waiting);
            self.changed.notify_one();
        }
    }

    /// Receives other events from now on; those that wait are dropped.
    pub(super) fn change(&self, interest: Interest) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = WatcherBacklog { interest, events: VecDeque::new(), is_too_slow: false };
    }

    /// Drops what waits, which the watcher finds elsewhere.
    pub(super) fn clear(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.events.clear();
        waiting.is_too_slow = false;
    }

    /// Whether nothing waits and nothing was left out.
    pub(super) fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.events.is_empty() && !waiting.is_too_slow
    }

    /// Waits for the next event.
    pub(super) async fn next(&self) -> Result<Arc<LoggedEvent>, TooSlow> {
        loop {
            {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(event) = waiting.events.pop_front() {
                    return Ok(event);
                }
                if waiting.is_too_slow {
                    return Err(TooSlow);
                }
            }
            self.changed.notified().await;
        }
    }
}

impl WatcherBacklog {
    fn push(&mut self, event: Arc<LoggedEvent>) {
        if self.is_too_slow {
            return;
        }
        self.events.push_back(event);
        if self.events.len() > WAITING_MAX {
            self.coalesce();
        }
        if self.events.len() > WAITING_MAX {
            // What waits is still in order, and the watcher continues after it.
            self.events.truncate(WAITING_MAX);
            self.is_too_slow = true;
        }
    }

    /// Keeps the newest event of each payment and refund, in order.
    fn coalesce(&mut self) {
        let mut newest = std::collections::HashSet::new();
        let mut kept = VecDeque::with_capacity(self.events.len());
        for event in self.events.drain(..).rev() {
            if newest.insert((event.event.payment, event.event.refund)) {
                kept.push_front(event);
            }
        }
        self.events = kept;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use edge_core::client::ClientId;
    use jiff::Timestamp;
    use payments::model::event::{Cause, Detail, Event, Note};
    use payments::model::id::{PaymentId, RefundId};
    use payments::model::log::Position;

    use super::*;

    pub(crate) fn interest() -> Interest {
        let client = ClientId::parse("demo").unwrap();
        Interest { client, payments: Vec::new(), types: Vec::new(), is_payers: false }
    }

    pub(crate) fn event(payment: u8, sequence: u64) -> Arc<LoggedEvent> {
        let event = Event {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, [payment; 10]),
            refund: None,
            version: 1,
            from: None,
            to: "completed".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            cause: Cause::follow_up(ClientId::parse("demo").unwrap()),
            detail: Detail::default(),
        };
        Arc::new(LoggedEvent { position: Position { epoch: 0, transaction: 0, sequence }, event })
    }

    async fn drained(queue: &Queue, count: usize) -> Vec<u64> {
        let mut read = Vec::new();
        for _ in 0..count {
            read.push(queue.next().await.unwrap().position.sequence);
        }
        read
    }

    #[tokio::test]
    async fn a_full_queue_keeps_the_newest_event_of_each_payment_in_order() {
        let queue = Queue::new(interest());
        for sequence in 0..256 {
            queue.push(&event(u8::try_from(sequence % 2).unwrap(), sequence));
        }
        queue.push(&event(9, 256));
        assert_eq!(drained(&queue, 3).await, [254, 255, 256]);
    }

    #[tokio::test]
    async fn a_watcher_is_too_slow_once_even_the_newest_events_do_not_fit() {
        let queue = Queue::new(interest());
        for sequence in 0..=256 {
            queue.push(&event(u8::try_from(sequence % 256).unwrap(), sequence));
        }
        queue.push(&event(1, 300));
        assert_eq!(drained(&queue, 256).await.split_off(254), [256, 300], "the newest of each");
        let queue = Queue::new(interest());
        for sequence in 0..=255 {
            queue.push(&event(u8::try_from(sequence).unwrap(), sequence));
        }
        let mut refund = (*event(1, 256)).clone();
        refund.event.refund = Some(RefundId::new(Timestamp::UNIX_EPOCH, [1; 10]));
        queue.push(&Arc::new(refund));
        assert_eq!(drained(&queue, 256).await.len(), 256);
        assert_eq!(queue.next().await, Err(TooSlow));
    }

    #[tokio::test]
    async fn only_what_the_watcher_asked_for_waits() {
        let wanted = event(1, 1);
        let of_type = |kind: &str| Interest { types: vec![kind.to_owned()], ..interest() };
        let foreign = Interest { client: ClientId::parse("other").unwrap(), ..interest() };
        let other = Interest { payments: vec![event(2, 2).event.payment], ..interest() };
        for interest in [foreign, other, of_type("refund.processed")] {
            assert!(!interest.includes(&wanted.event), "{interest:?}");
        }
        assert!(of_type(&wanted.event.kind()).includes(&wanted.event));
        let payers = Interest { payments: vec![wanted.event.payment], is_payers: true, ..interest() };
        assert!(payers.includes(&wanted.event));
        for (note, is_shown) in [(Note::DisputeOpened, false), (Note::CancelRequested, true)] {
            let detail = Detail { note: Some(note), ..Detail::default() };
            let noted = Event { detail, ..wanted.event.clone() };
            assert!(interest().includes(&noted) && payers.includes(&noted) == is_shown, "{note:?}");
        }
    }
}
