//! Past states of objects, for reads that lag behind (the fault `stale_read`).

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::faults::STALE_MS_MAX;

/// No read lags further, so older versions are not needed.
const REACH: SignedDuration = SignedDuration::from_millis(STALE_MS_MAX as i64);

/// Versions kept of one object; a payment passes through far fewer states in [`REACH`].
const VERSIONS_MAX: usize = 64;

/// An object with its creation time.
pub(crate) trait Dated: Clone {
    fn created(&self) -> Timestamp;
}

/// Implements [`Dated`] for objects with a field `created`.
macro_rules! dated {
    ($($object:ty),*) => {$(
        impl $crate::past::Dated for $object {
            fn created(&self) -> jiff::Timestamp {
                self.created
            }
        }
    )*};
}
pub(crate) use dated;

/// The previous versions of the objects of one kind.
#[derive(Debug)]
pub(crate) struct Past<T> {
    /// The time of upcoming changes; absent while no fault needs the past, and then nothing is kept.
    now: Option<Timestamp>,
    /// The time that reads show; absent: the present.
    shown: Option<Timestamp>,
    /// By object: its previous versions with the time of their replacement, oldest first.
    replaced: HashMap<String, VecDeque<(Timestamp, T)>>,
}

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self { now: None, shown: None, replaced: HashMap::new() }
    }
}

impl<T: Dated> Past<T> {
    /// Keeps versions that are replaced from `now` on; `None` forgets all.
    pub(crate) fn keep(&mut self, now: Option<Timestamp>) {
        if now.is_none() && self.now.is_some() {
            self.replaced.clear();
        }
        self.now = now;
    }

    /// Makes reads show a past time, or with `None` the present.
    pub(crate) fn show(&mut self, at: Option<Timestamp>) {
        self.shown = at;
    }

    pub(crate) fn shown(&self) -> Option<Timestamp> {
        self.shown
    }

    /// Keeps the current version of an object before a change.
    pub(crate) fn remember(&mut self, id: &str, current: &T) {
        let Some(now) = self.now else { return };
        let versions = self.replaced.entry(id.to_owned()).or_default();
        // A version that was replaced at the same instant was never visible.
        if versions.back().is_some_and(|(until, _)| *until == now) {
            return;
        }
        versions.push_back((now, current.clone()));
        let is_old = |(until, _): &(Timestamp, T)| now.duration_since(*until) > REACH;
        while versions.len() > VERSIONS_MAX || versions.front().is_some_and(is_old) {
            versions.pop_front();
        }
    }

    /// The version of an object that reads see; `current` is the present one, if the object still exists.
    pub(crate) fn see<'a>(&'a self, id: &str, current: Option<&'a T>) -> Option<&'a T> {
        let Some(at) = self.shown else { return current };
        let versions = self.replaced.get(id);
        let then = versions.and_then(|versions| versions.iter().find(|(until, _)| *until > at));
        then.map(|(_, version)| version).or(current).filter(|object| object.created() <= at)
    }
}

/// Objects of one kind by id, with their past versions.
#[derive(Debug)]
pub(crate) struct Table<T> {
    items: HashMap<String, T>,
    past: Past<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { items: HashMap::new(), past: Past::default() }
    }
}

impl<T: Dated> Table<T> {
    pub(crate) fn insert(&mut self, id: String, item: T) {
        self.items.insert(id, item);
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.past.see(id, self.items.get(id))
    }

    /// The current objects, unordered.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.items.values()
    }

    /// The object, to be changed.
    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let item = self.items.get_mut(id)?;
        self.past.remember(id, item);
        Some(item)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        let item = self.items.remove(id)?;
        self.past.remember(id, &item);
        Some(item)
    }

    pub(crate) fn past(&mut self) -> &mut Past<T> {
        &mut self.past
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Note(Timestamp, &'static str);

    impl Dated for Note {
        fn created(&self) -> Timestamp {
            self.0
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen(table: &mut Table<Note>, second: i64) -> Option<&'static str> {
        table.past().show(Some(at(second)));
        let text = table.get("n").map(|note| note.1);
        table.past().show(None);
        text
    }

    #[test]
    fn an_object_is_shown_as_it_was_and_not_before_its_creation() {
        let mut table = Table::default();
        table.past().keep(Some(at(10)));
        table.insert("n".to_owned(), Note(at(10), "new"));
        for (second, text) in [(20, "paid"), (30, "refunded")] {
            table.past().keep(Some(at(second)));
            table.get_mut("n").unwrap().1 = text;
        }
        table.past().keep(Some(at(40)));
        table.remove("n");
        let states = [9, 10, 19, 20, 29, 30, 39, 40].map(|second| seen(&mut table, second));
        let (new, paid, refunded) = (Some("new"), Some("paid"), Some("refunded"));
        assert_eq!(states, [None, new, new, paid, paid, refunded, refunded, None]);
        assert_eq!(table.get("n"), None);
    }

    #[test]
    fn versions_are_kept_only_while_needed_and_within_a_limit() {
        let mut table = Table::default();
        table.insert("n".to_owned(), Note(at(0), "new"));
        table.get_mut("n").unwrap().1 = "paid";
        assert!(table.past.replaced.is_empty());
        for second in 0..1000 {
            table.past().keep(Some(at(second)));
            table.get_mut("n");
        }
        assert_eq!(table.past.replaced["n"].len(), VERSIONS_MAX);
        table.past().keep(None);
        assert!(table.past.replaced.is_empty());
    }
}
