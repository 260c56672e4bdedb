//! When claims are sent: each at once while few are on their way, else those that wait together in one call.
//!
//! A call to the cache costs the edge about as much as passing the request on, whether it carries one claim or many.
//! So under load claims share calls; a lone one waits for nobody.

use std::collections::VecDeque;

use crate::waiting::{Place, Places, Waiter};

/// The most claims that one call carries.
pub const CLAIMS_MAX: usize = 64;

/// Calls of a single claim that may be on their way at once.
const ALONE_MAX: usize = 4;

/// The most requests of one worker that wait for a shared call, for its answer, or to be told it: half a second of what
/// a worker can do, which is how long a cache may take by default, at one or two kilobytes each. It also bounds the
/// calls that are on their way, and what is sent in one turn.
const WAITING_MAX: usize = 4_096;

/// The claims of one worker that are not sent yet, and what is on its way.
#[derive(Debug)]
pub struct Gathering<T> {
    waiting: VecDeque<Waiter<T>>,
    places: Places,
    alone: Places,
    /// Calls of which nobody will hear, since their client has gone, and when they have ended at the latest. At most
    /// [`ALONE_MAX`], since each holds its place.
    unheard: VecDeque<(u64, Alone)>,
    shared_calls: usize,
    is_called: bool,
}

/// A claim that goes by itself is on its way for as long as this lives.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "held, not read")] Place);

/// What becomes of a claim that has just come.
#[derive(Debug)]
pub enum Way<T> {
    /// It is to be sent now, in a call of its own.
    Alone(T, Alone),
    /// It waits for [`Gathering::due`]. If `call`, nobody is about to ask for that: the host has to see to it.
    Waits { call: bool },
    /// Too many wait already; it is not sent.
    Full,
}

impl<T> Default for Gathering<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            places: Places::new(WAITING_MAX),
            alone: Places::new(ALONE_MAX),
            unheard: VecDeque::new(),
            shared_calls: 0,
            is_called: false,
        }
    }
}

impl<T> Gathering<T> {
    /// A claim has come at `now_s` (Unix seconds).
    pub fn join(&mut self, claim: T, now_s: u64) -> Way<T> {
        self.unheard.retain(|(until_s, _)| now_s <= *until_s);
        if self.shared_calls == 0
            && self.waiting.is_empty()
            && let Some(place) = self.alone.take()
        {
            return Way::Alone(claim, Alone(place));
        }
        let Some(place) = self.places.take() else { return Way::Full };
        self.waiting.push_back(place.of(claim));
        let is_due = self.shared_calls == 0 || self.waiting.len() >= CLAIMS_MAX;
        let call = is_due && !self.is_called;
        self.is_called |= call;
        Way::Waits { call }
    }

    /// The client of a claim that went alone has gone. Its call goes on until it is answered, at the latest at
    /// `until_s` (Unix seconds), and nobody hears of that.
    pub fn left(&mut self, alone: Alone, until_s: u64) {
        self.unheard.push_back((until_s, alone));
    }

    /// The host does what a claim that waits has asked for: [`Self::due`] is asked until it has no more.
    pub const fn called(&mut self) {
        self.is_called = false;
    }

    /// Statement to be sent now in one call, which ends with [`Self::answered`] or [`Self::failed`]. Fewer than
    /// [`CLAIMS_MAX`] go only if no such call is on its way: until it ends, more of them gather.
    pub fn due(&mut self) -> Option<Vec<Waiter<T>>> {
        let is_due = self.waiting.len() >= CLAIMS_MAX || (self.shared_calls == 0 && !self.waiting.is_empty());
        is_due.then(|| {
            self.shared_calls += 1;
            self.waiting.drain(..self.waiting.len().min(CLAIMS_MAX)).collect()
        })
    }

    /// A shared call was answered.
    pub const fn answered(&mut self) {
        self.shared_calls = self.shared_calls.saturating_sub(1);
    }

    /// A shared call was not answered. Those that wait are given back unasked, or a cache that hangs would hold each of
    /// them for as many timeouts as there are calls before it.
    pub fn failed(&mut self) -> Vec<Waiter<T>> {
        self.answered();
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_000_000;

    fn who(waiters: Vec<Waiter<u32>>) -> Vec<u32> {
        waiters.into_iter().map(|waiter| waiter.who).collect()
    }

    fn due(gathering: &mut Gathering<u32>) -> Option<Vec<u32>> {
        gathering.due().map(who)
    }

    /// So many that go alone, kept on their way.
    fn busy(gathering: &mut Gathering<u32>) -> Vec<Alone> {
        let alone = (0..4).map(|n| match gathering.join(n, NOW) {
            Way::Alone(claim, alone) if claim == n => alone,
            way => panic!("{way:?}"),
        });
        alone.collect()
    }

    fn waits(gathering: &mut Gathering<u32>, claim: u32) -> bool {
        let Way::Waits { call } = gathering.join(claim, NOW) else { panic!("it does not wait") };
        call
    }

    #[test]
    fn while_few_are_on_their_way_each_goes_alone() {
        let mut gathering = Gathering::default();
        let mut alone = busy(&mut gathering);
        assert_eq!(due(&mut gathering), None);
        alone.pop();
        assert!(matches!(gathering.join(9, NOW), Way::Alone(9, _)));
    }

    #[test]
    fn what_comes_meanwhile_is_called_for_once_and_goes_together() {
        let mut gathering = Gathering::default();
        let alone = busy(&mut gathering);
        assert!(waits(&mut gathering, 5));
        assert!(!waits(&mut gathering, 6));
        drop(alone);
        assert!(!waits(&mut gathering, 7), "it does not overtake those that wait");
        gathering.called();
        assert_eq!(due(&mut gathering), Some(vec![5, 6, 7]));
        assert_eq!(due(&mut gathering), None);
    }

    #[test]
    fn what_comes_while_a_shared_call_is_on_its_way_goes_with_the_next() {
        let mut gathering = Gathering::default();
        let _alone = busy(&mut gathering);
        waits(&mut gathering, 5);
        gathering.called();
        let _sent = gathering.due();
        assert!(!waits(&mut gathering, 6), "the answer is awaited anyway");
        assert_eq!(due(&mut gathering), None);
        gathering.answered();
        assert_eq!(due(&mut gathering), Some(vec![6]));
    }

    #[test]
    fn a_full_call_waits_for_no_answer() {
        let mut gathering = Gathering::default();
        let _alone = busy(&mut gathering);
        waits(&mut gathering, 0);
        gathering.called();
        let _sent = gathering.due();
        let calls: Vec<u32> = (1..=130).filter(|n| waits(&mut gathering, *n)).collect();
        assert_eq!(calls, [64]);
        gathering.called();
        assert_eq!(due(&mut gathering), Some((1..=64).collect()));
        assert_eq!(due(&mut gathering), Some((65..=128).collect()));
        assert_eq!(due(&mut gathering), None);
    }

    #[test]
    fn after_a_call_without_an_answer_nobody_waits_any_longer() {
        let mut gathering = Gathering::default();
        let alone = busy(&mut gathering);
        waits(&mut gathering, 5);
        gathering.called();
        let _sent = gathering.due();
        waits(&mut gathering, 6);
        waits(&mut gathering, 7);
        assert_eq!(who(gathering.failed()), [6, 7]);
        drop(alone);
        assert!(matches!(gathering.join(8, NOW), Way::Alone(8, _)));
    }

    #[test]
    fn a_call_whose_client_has_gone_counts_until_it_must_have_ended() {
        let mut gathering = Gathering::default();
        for alone in busy(&mut gathering) {
            gathering.left(alone, NOW + 2);
        }
        assert!(waits(&mut gathering, 5), "four calls are on their way");
        gathering.called();
        assert_eq!(due(&mut gathering), Some(vec![5]));
        gathering.answered();
        assert!(matches!(gathering.join(6, NOW + 2), Way::Waits { .. }));
        gathering.failed();
        assert!(matches!(gathering.join(7, NOW + 3), Way::Alone(7, _)));
        assert!(gathering.unheard.is_empty());
    }

    #[test]
    fn more_than_a_worker_can_bear_are_not_taken_until_some_were_told() {
        let mut gathering = Gathering::default();
        let _alone = busy(&mut gathering);
        for n in 0..4_096 {
            assert!(matches!(gathering.join(n, NOW), Way::Waits { .. }));
        }
        assert!(matches!(gathering.join(9, NOW), Way::Full));
        gathering.called();
        let mut sent: Vec<_> = std::iter::from_fn(|| gathering.due()).collect();
        assert_eq!(sent.len(), 64);
        assert!(matches!(gathering.join(9, NOW), Way::Full), "they wait for their answers");
        gathering.answered();
        let answered = sent.pop().unwrap();
        assert!(matches!(gathering.join(9, NOW), Way::Full), "they wait to be told");
        drop(answered);
        assert!(matches!(gathering.join(9, NOW), Way::Waits { .. }));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod model;
