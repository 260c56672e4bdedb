//! How many requests of a worker may wait, and how many of them one turn of the worker lets go on.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

/// The most requests that one callback of the host lets go on.
///
/// Envoy carries out what a callback has decided once that has returned, and what ends a request there calls the
/// filter again from within the last such call. Some 290 answers in one callback fill the stack of V8, and the filter
/// dies; this leaves room for answers that take up several times as much of it.
pub const TOLD_MAX: usize = 32;

/// The most requests that one worker has at once, those that the control plane works on among them: the clusters behind
/// take fewer, and at some two kilobytes each they are a small part of what the filter's memory may grow to.
pub const REQUESTS_MAX: usize = 16_384;

/// A number of places for requests that wait.
#[derive(Debug)]
pub struct Places {
    taken: Rc<()>,
    max: usize,
}

/// One of [`Places`]; free again when this is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "counted, not read")] Rc<()>);

/// A request that waits, and its place.
#[derive(Debug)]
pub struct Waiter<T> {
    pub who: T,
    _place: Place,
}

impl Places {
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { taken: Rc::default(), max }
    }

    /// `None` if all are taken.
    #[must_use]
    pub fn take(&self) -> Option<Place> {
        (self.taken() < self.max).then(|| Place(self.taken.clone()))
    }

    #[must_use]
    pub fn taken(&self) -> usize {
        Rc::strong_count(&self.taken) - 1
    }
}

impl Place {
    pub(crate) const fn of<T>(self, who: T) -> Waiter<T> {
        Waiter { who, _place: self }
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

/// The same number of places for each key.
#[derive(Debug)]
pub struct PlacesPer<K> {
    max: usize,
    by_key: PerKey<K, Places>,
}

impl<K: Hash + Eq + Clone> PlacesPer<K> {
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, by_key: PerKey::new() }
    }

    /// `None` if all of the key's are taken.
    pub fn take(&mut self, key: &K) -> Option<Place> {
        self.by_key.with(key, |places| places.taken() == 0, || Places::new(self.max), |places| places.take())
    }
}

/// What is known and still to be told, the oldest first. Each request in it holds a place meanwhile, so it is as bounded
/// as the places are.
#[derive(Debug)]
pub struct Untold<T>(VecDeque<T>);

impl<T> Default for Untold<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Untold<T> {
    pub fn add(&mut self, told: impl IntoIterator<Item = T>) {
        self.0.extend(told);
    }

    /// What this turn tells: at most [`TOLD_MAX`]. What is left then is for another turn.
    pub fn turn(&mut self) -> Vec<T> {
        self.0.drain(..self.0.len().min(TOLD_MAX)).collect()
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
        let places = Places::new(2);
        let first = places.take().unwrap().of('a');
        let second = places.take().unwrap();
        assert!(places.take().is_none());
        drop(first);
        assert_eq!(places.taken(), 1);
        assert!(places.take().is_some());
        drop(second);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn each_key_has_its_own_places() {
        let mut places = PlacesPer::new(2);
        let (first, second) = (places.take(&'a').unwrap(), places.take(&'a').unwrap());
        assert!(places.take(&'a').is_none());
        let other = places.take(&'b').unwrap();
        drop(first);
        assert!(places.take(&'a').is_some());
        drop((second, other));
    }

    #[test]
    fn keys_without_a_place_are_forgotten_and_those_with_one_never() {
        let mut places = PlacesPer::new(1);
        let held: Vec<_> = (0..3 * KEYS_KEPT).map(|key| places.take(&key).unwrap()).collect();
        for key in 3 * KEYS_KEPT..100 * KEYS_KEPT {
            assert!(places.take(&key).is_some());
            assert!(places.by_key.len() <= 6 * KEYS_KEPT, "{}", places.by_key.len());
        }
        assert!((0..3 * KEYS_KEPT).all(|key| places.take(&key).is_none()));
        drop(held);
        for key in 0..10 * KEYS_KEPT {
            assert!(places.take(&key).is_some());
        }
        assert!(places.by_key.len() <= 6 * KEYS_KEPT, "{}", places.by_key.len());
    }

    #[test]
    fn one_turn_tells_some_and_all_are_told_in_their_order() {
        let mut untold = Untold::default();
        untold.add(0..50);
        let mut told = untold.turn();
        assert_eq!(told.len(), TOLD_MAX);
        untold.add(50..100);
        while !untold.is_empty() {
            let turn = untold.turn();
            assert!((1..=TOLD_MAX).contains(&turn.len()));
            told.extend(turn);
        }
        assert_eq!(told, (0..100).collect::<Vec<_>>());
        assert_eq!(untold.turn(), [0; 0]);
    }
}
