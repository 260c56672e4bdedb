//! The progress of searches through Stripe's list. The list may be longer than one look-up can read, so a search
//! continues where the last look-up ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use payments::model::id::PaymentId;
use payments::model::provider::ProviderRef;

/// The first window, in which the call searched for was most likely made.
const NARROWEST: SignedDuration = SignedDuration::from_mins(10);
/// Each window is wider than the one before by this factor.
const WIDER: i32 = 6;
const WIDEST: SignedDuration = SignedDuration::from_hours(24);
/// Maximum searches remembered. A forgotten one starts over.
const SEARCHES_MAX: usize = 1_000;

/// The unfinished searches.
#[derive(Default)]
pub(super) struct Searches(Mutex<HashMap<PaymentId, Search>>);

impl Searches {
    /// The search for this payment, or a new one from `from` on.
    pub(super) fn take(&self, payment: PaymentId, from: Timestamp) -> Search {
        let mut searches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        searches.remove(&payment).filter(|search| search.from == from).unwrap_or_else(|| Search::new(from))
    }

    pub(super) fn keep(&self, payment: PaymentId, search: Search) {
        let mut searches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if searches.len() >= SEARCHES_MAX
            && let Some(one) = searches.keys().next().copied()
        {
            searches.remove(&one);
        }
        searches.insert(payment, search);
    }
}

/// One search. Everything that Stripe made from `from` up to `read_to` has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Search {
    from: Timestamp,
    read_to: Timestamp,
    width: SignedDuration,
    has_read: bool,
    /// The end of the window being read, and the object to continue after.
    open: Option<(Timestamp, Option<ProviderRef>)>,
}

/// The next page to read: a window, both ends included, and the object to continue after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SearchPage {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) after: Option<ProviderRef>,
}

impl Search {
    const fn new(from: Timestamp) -> Self {
        Self { from, read_to: from, width: NARROWEST, has_read: false, open: None }
    }

    /// `None` if everything up to `to` has been read. `to` may grow between look-ups: what was made since the last one
    /// is read before a search ends.
    pub(super) fn place(&mut self, to: Timestamp) -> Option<SearchPage> {
        if self.open.is_none() && self.has_read && self.read_to >= to {
            return None;
        }
        let (end, after) = self.open.get_or_insert_with(|| ((self.read_to + self.width).min(to), None));
        Some(SearchPage { from: self.read_to, to: *end, after: after.clone() })
    }

    /// Notes that the page was read. `next`: the object after which the window continues, if it does.
    pub(super) fn read(&mut self, next: Option<ProviderRef>) {
        let Some((end, after)) = &mut self.open else { return };
        if next.is_some() {
            *after = next;
            return;
        }
        self.read_to = *end;
        self.has_read = true;
        self.width = (self.width * WIDER).min(WIDEST);
        self.open = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    fn place(from: i64, to: i64) -> Option<SearchPage> {
        Some(SearchPage { from: at(from), to: at(to), after: None })
    }

    fn payment(n: u8) -> PaymentId {
        PaymentId::new(at(0), [n; 10])
    }

    #[test]
    fn windows_grow_from_the_time_of_the_call_to_the_end() {
        let (mut search, end) = (Search::new(at(0)), at(500));
        for (from, to) in [(0, 10), (10, 70), (70, 430), (430, 500)] {
            assert_eq!(search.place(end), place(from, to));
            search.read(None);
        }
        assert_eq!(search.place(end), None);
    }

    #[test]
    fn a_window_of_many_pages_is_read_to_its_end() {
        let mut search = Search::new(at(0));
        search.place(at(5));
        search.read(Some(ProviderRef::new("pi_1")));
        let next = search.place(at(5)).unwrap();
        assert_eq!((next.to, next.after), (at(5), Some(ProviderRef::new("pi_1"))));
        search.read(None);
        assert_eq!(search.place(at(5)), None);
    }

    #[test]
    fn nothing_is_missing_before_what_was_made_meanwhile_is_read() {
        let mut search = Search::new(at(0));
        search.place(at(5));
        search.read(Some(ProviderRef::new("pi_1")));
        // The next look-up is an hour later.
        assert_eq!(search.place(at(65)).unwrap().to, at(5), "the window that was begun stays as it is");
        search.read(None);
        assert_eq!(search.place(at(65)), place(5, 65));
    }

    #[test]
    fn a_search_goes_on_where_it_was_and_others_begin_again() {
        let searches = Searches::default();
        let mut search = searches.take(payment(1), at(0));
        search.place(at(5));
        search.read(None);
        searches.keep(payment(1), search.clone());
        assert_eq!(searches.take(payment(2), at(0)), Search::new(at(0)));
        assert_eq!(searches.take(payment(1), at(0)), search);
        assert_eq!(searches.take(payment(1), at(0)), Search::new(at(0)), "it is taken once");
    }

    #[test]
    fn no_more_searches_are_remembered_than_fit() {
        let searches = Searches::default();
        for n in 0..2_500_u16 {
            let [a, b] = n.to_be_bytes();
            searches.keep(PaymentId::new(at(0), [a, b, 0, 0, 0, 0, 0, 0, 0, 0]), Search::new(at(0)));
        }
        assert!(searches.0.lock().unwrap().len() <= SEARCHES_MAX);
    }
}
