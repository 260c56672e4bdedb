//! How many requests of a worker may wait, and how many of them one turn of the worker lets go on.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

/// The most requests that one callback of the host lets go on.
///
/// Envoy carries out what a callback has decided once that has returned, and what ends a request there calls the
/// filter again from within the last such call. Some 290 answers in one callback fill the stack of V8, and the filter
/// dies; this leaves room for answers that take up several times as much of it.
pub const NOTIFIED_MAX: usize = 32;

/// The most requests that one worker has at once, those that the control plane works on among them: the clusters behind
/// take fewer, and at some two kilobytes each they are a small part of what the filter's memory may grow to.
pub const REQUESTS_MAX: usize = 16_384;

/// A number of slots for requests that wait.
#[derive(Debug)]
pub struct Slots {
    taken: Rc<()>,
    max: usize,
}

/// One of [`Slots`]; free again when this is dropped.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "counted, not read")] Rc<()>);

/// A request that waits, and its slot.
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

/// What is known of each client, or of each address.
///
/// What is idle is forgotten now and then, so that as many keys are known as are busy, or twice as many, or
/// [`KEYS_KEPT`].
#[derive(Debug)]
pub(crate) struct PerKey<K, V> {
    by_key: HashMap<K, V>,
    /// With so many keys, it is time to forget some.
    forget_at: usize,
}

/// So many keys cost little, so they are kept: a client that comes again costs no memory of its own.
pub(crate) const KEYS_KEPT: usize = 1_024;

impl<K: Hash + Eq + Clone, V> PerKey<K, V> {
    pub(crate) fn new() -> Self {
        Self { by_key: HashMap::new(), forget_at: KEYS_KEPT }
    }

    /// `new`: what is known of a key that comes for the first time, or was forgotten.
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

    /// `None` if all of the key's are taken.
    pub fn take(&mut self, key: &K) -> Option<Slot> {
        self.by_key.with(key, |slots| slots.taken() == 0, || Slots::new(self.max), |slots| slots.take())
    }
}

/// What is known and still to be told, the oldest first. Each request in it holds a slot meanwhile, so it is as bounded
/// as the slots are.
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

    /// What this turn tells: at most [`NOTIFIED_MAX`]. What is left then is for another turn.
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
    fn a_place_is_free_again_when_its_waiter_is_gone() {
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
    fn each_key_has_its_own_places() {
        let mut slots = SlotsPer::new(2);
        let (first, second) = (slots.take(&'a').unwrap(), slots.take(&'a').unwrap());
        assert!(slots.take(&'a').is_none());
        let other = slots.take(&'b').unwrap();
        drop(first);
        assert!(slots.take(&'a').is_some());
        drop((second, other));
    }

    #[test]
    fn keys_without_a_place_are_forgotten_and_those_with_one_never() {
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
    fn one_turn_tells_some_and_all_are_told_in_their_order() {
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
