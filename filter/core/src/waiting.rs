//! Limits on the requests of a worker: how many it holds, and how many one callback resumes.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

/// The most requests that one callback of the host resumes.
///
/// Envoy applies a callback's decisions after it returns, and a request that ends there calls the filter recursively.
/// About 290 responses in one callback overflow the stack of V8, and the filter dies; this leaves room for responses
/// that need several times as much of it.
pub const NOTIFIED_MAX: usize = 32;

/// The most requests that one worker holds at once, including those in progress at the control plane. The clusters
/// behind accept fewer, and at about two kilobytes each they are a small part of the filter's memory limit.
pub const REQUESTS_MAX: usize = 16_384;

/// A fixed number of slots for requests.
#[derive(Debug)]
pub struct Slots {
    taken: Rc<()>,
    max: usize,
}

/// One of [`Slots`]; free again when this is dropped.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "counted, not read")] Rc<()>);

/// A waiting request and its slot.
#[derive(Debug)]
pub struct Waiter<T> {
    pub request: T,
    _slot: Slot,
}

impl Slots {
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { taken: Rc::default(), max }
    }

    /// `None` if all are taken.
    #[must_use]
    pub fn take(&self) -> Option<Slot> {
        (self.taken() < self.max).then(|| Slot(self.taken.clone()))
    }

    #[must_use]
    pub fn taken(&self) -> usize {
        Rc::strong_count(&self.taken) - 1
    }
}

impl Slot {
    pub(crate) const fn hold_for<T>(self, request: T) -> Waiter<T> {
        Waiter { request, _slot: self }
    }
}

/// State per client or per address.
///
/// Idle entries are dropped from time to time: at most twice as many keys are kept as are busy, or [`KEYS_KEPT`].
#[derive(Debug)]
pub(crate) struct PerKey<K, V> {
    by_key: HashMap<K, V>,
    /// The number of keys at which idle ones are dropped.
    forget_at: usize,
}

/// This many keys are always kept: they cost little, and a returning client needs no new memory.
pub(crate) const KEYS_KEPT: usize = 1_024;

impl<K: Hash + Eq + Clone, V> PerKey<K, V> {
    pub(crate) fn new() -> Self {
        Self { by_key: HashMap::new(), forget_at: KEYS_KEPT }
    }

    /// `new`: the state of a key that is new, or was dropped.
    pub(crate) fn with<T>(
        &mut self,
        key: &K,
        is_idle: impl Fn(&V) -> bool,
        new: impl FnOnce() -> V,
        act: impl FnOnce(&mut V) -> T,
    ) -> T {
        if let Some(known) = self.by_key.get_mut(key) {
            return act(known);
        }
        if self.by_key.len() >= self.forget_at {
            self.by_key.retain(|_, known| !is_idle(known));
            self.forget_at = KEYS_KEPT.max(2 * self.by_key.len());
        }
        act(self.by_key.entry(key.clone()).or_insert_with(new))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

/// The same number of slots for each key.
#[derive(Debug)]
pub struct SlotsPer<K> {
    max: usize,
    by_key: PerKey<K, Slots>,
}

impl<K: Hash + Eq + Clone> SlotsPer<K> {
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, by_key: PerKey::new() }
    }

    /// `None` if all slots of the key are taken.
    pub fn take(&mut self, key: &K) -> Option<Slot> {
        self.by_key.with(key, |slots| slots.taken() == 0, || Slots::new(self.max), |slots| slots.take())
    }
}

/// Pending notifications, oldest first. Each request in it holds its slot, so the queue is bounded by the slots.
#[derive(Debug)]
pub struct Notifications<T>(VecDeque<T>);

impl<T> Default for Notifications<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Notifications<T> {
    pub fn add(&mut self, requests: impl IntoIterator<Item = T>) {
        self.0.extend(requests);
    }

    /// The notifications for this callback: at most [`NOTIFIED_MAX`]. The rest is for the next one.
    pub fn next_batch(&mut self) -> Vec<T> {
        self.0.drain(..self.0.len().min(NOTIFIED_MAX)).collect()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_slot_is_free_again_when_its_waiter_is_dropped() {
        let slots = Slots::new(2);
        let first = slots.take().unwrap().hold_for('a');
        let second = slots.take().unwrap();
        assert!(slots.take().is_none());
        drop(first);
        assert_eq!(slots.taken(), 1);
        assert!(slots.take().is_some());
        drop(second);
        assert_eq!(slots.taken(), 0);
    }

    #[test]
    fn each_key_has_its_own_slots() {
        let mut slots = SlotsPer::new(2);
        let (first, second) = (slots.take(&'a').unwrap(), slots.take(&'a').unwrap());
        assert!(slots.take(&'a').is_none());
        let other = slots.take(&'b').unwrap();
        drop(first);
        assert!(slots.take(&'a').is_some());
        drop((second, other));
    }

    #[test]
    fn only_keys_without_a_taken_slot_are_dropped() {
        let mut slots = SlotsPer::new(1);
        let held: Vec<_> = (0..3 * KEYS_KEPT).map(|key| slots.take(&key).unwrap()).collect();
        for key in 3 * KEYS_KEPT..100 * KEYS_KEPT {
            assert!(slots.take(&key).is_some());
            assert!(slots.by_key.len() <= 6 * KEYS_KEPT, "{}", slots.by_key.len());
        }
        assert!((0..3 * KEYS_KEPT).all(|key| slots.take(&key).is_none()));
        drop(held);
        for key in 0..10 * KEYS_KEPT {
            assert!(slots.take(&key).is_some());
        }
        assert!(slots.by_key.len() <= 6 * KEYS_KEPT, "{}", slots.by_key.len());
    }

    #[test]
    fn notifications_come_in_order_and_in_bounded_batches() {
        let mut notifications = Notifications::default();
        notifications.add(0..50);
        let mut notified = notifications.next_batch();
        assert_eq!(notified.len(), NOTIFIED_MAX);
        notifications.add(50..100);
        while !notifications.is_empty() {
            let batch = notifications.next_batch();
            assert!((1..=NOTIFIED_MAX).contains(&batch.len()));
            notified.extend(batch);
        }
        assert_eq!(notified, (0..100).collect::<Vec<_>>());
        assert_eq!(notifications.next_batch(), [0; 0]);
    }
}
