//! When claims are sent: each at once while few are on their way, else those that wait together in one call.
//!
//! A call to the cache costs the edge about as much as passing the request on, whether it carries one claim or many.
//! So under load claims share calls; a lone one queued for nobody.

use std::collections::VecDeque;

use crate::waiting::{Slot, Slots, Waiter};

/// The most claims that one call carries.
pub const CLAIMS_MAX: usize = 64;

/// Calls of a single claim that may be on their way at once.
const SINGLE_CALLS_MAX: usize = 4;

/// The most requests of one worker that wait for a shared call, for its answer, or to be told it: half a second of what
/// a worker can do, which is how long a cache may take by default, at one or two kilobytes each. It also bounds the
/// calls that are on their way, and what is sent in one turn.
const WAITING_MAX: usize = 4_096;

/// The claims of one worker that are not sent yet, and what is on its way.
#[derive(Debug)]
pub struct ClaimCoalescer<T> {
    waiting: VecDeque<Waiter<T>>,
    slots: Slots,
    single_calls: Slots,
    /// Calls of which nobody will hear, since their client has gone, and when they have ended at the latest. At most
    /// [`SINGLE_CALLS_MAX`], since each holds its slot.
    abandoned: VecDeque<(u64, SingleCall)>,
    batches_in_flight: usize,
    is_wake_requested: bool,
}

/// A claim that goes by itself is on its way for as long as this lives.
#[derive(Debug)]
pub struct SingleCall(#[expect(dead_code, reason = "held, not read")] Slot);

/// What becomes of a claim that has just come.
#[derive(Debug)]
pub enum Dispatch<T> {
    /// It is to be sent now, in a call of its own.
    Single(T, SingleCall),
    /// It queued for [`ClaimCoalescer::next_batch`]. If `call`, nobody is about to ask for that: the host has to see to it.
    Queued { wake: bool },
    /// Too many wait already; it is not sent.
    Full,
}

impl<T> Default for ClaimCoalescer<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            slots: Slots::new(WAITING_MAX),
            single_calls: Slots::new(SINGLE_CALLS_MAX),
            abandoned: VecDeque::new(),
            batches_in_flight: 0,
            is_wake_requested: false,
        }
    }
}

impl<T> ClaimCoalescer<T> {
    /// A claim has come at `now_s` (Unix seconds).
    pub fn join(&mut self, claim: T, now_s: u64) -> Dispatch<T> {
        self.abandoned.retain(|(until_s, _)| now_s <= *until_s);
        if self.batches_in_flight == 0
            && self.waiting.is_empty()
            && let Some(slot) = self.single_calls.take()
        {
            return Dispatch::Single(claim, SingleCall(slot));
        }
        let Some(slot) = self.slots.take() else { return Dispatch::Full };
        self.waiting.push_back(slot.hold_for(claim));
        let is_due = self.batches_in_flight == 0 || self.waiting.len() >= CLAIMS_MAX;
        let wake = is_due && !self.is_wake_requested;
        self.is_wake_requested |= wake;
        Dispatch::Queued { wake }
    }

    /// The client of a claim that went single has gone. Its call goes on until it is answered, at the latest at
    /// `until_s` (Unix seconds), and nobody hears of that.
    pub fn abandon(&mut self, single: SingleCall, until_s: u64) {
        self.abandoned.push_back((until_s, single));
    }

    /// The host does what a claim that queued has asked for: [`Self::next_batch`] is asked until it has no more.
    pub const fn woken(&mut self) {
        self.is_wake_requested = false;
    }

    /// Claims to be sent now in one call, which ends with [`Self::answered`] or [`Self::failed`]. Fewer than
    /// [`CLAIMS_MAX`] go only if no such call is on its way: until it ends, more of them gather.
    pub fn next_batch(&mut self) -> Option<Vec<Waiter<T>>> {
        let is_due =
            self.waiting.len() >= CLAIMS_MAX || (self.batches_in_flight == 0 && !self.waiting.is_empty());
        is_due.then(|| {
            self.batches_in_flight += 1;
            self.waiting.drain(..self.waiting.len().min(CLAIMS_MAX)).collect()
        })
    }

    /// A shared call was answered.
    pub const fn batch_answered(&mut self) {
        self.batches_in_flight = self.batches_in_flight.saturating_sub(1);
    }

    /// A shared call was not answered. Those that wait are given back unasked, or a cache that hangs would hold each of
    /// them for as many timeouts as there are calls before it.
    pub fn batch_failed(&mut self) -> Vec<Waiter<T>> {
        self.batch_answered();
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_000_000;

    fn who(waiters: Vec<Waiter<u32>>) -> Vec<u32> {
        waiters.into_iter().map(|waiter| waiter.request).collect()
    }

    fn next_batch(coalescer: &mut ClaimCoalescer<u32>) -> Option<Vec<u32>> {
        coalescer.next_batch().map(who)
    }

    /// So many that go single, kept on their way.
    fn saturate(coalescer: &mut ClaimCoalescer<u32>) -> Vec<SingleCall> {
        let single = (0..4).map(|n| match coalescer.join(n, NOW) {
            Dispatch::Single(claim, single) if claim == n => single,
            way => panic!("{way:?}"),
        });
        single.collect()
    }

    fn queued(coalescer: &mut ClaimCoalescer<u32>, claim: u32) -> bool {
        let Dispatch::Queued { wake } = coalescer.join(claim, NOW) else { panic!("it is not queued") };
        wake
    }

    #[test]
    fn while_few_are_on_their_way_each_goes_alone() {
        let mut coalescer = ClaimCoalescer::default();
        let mut single = saturate(&mut coalescer);
        assert_eq!(next_batch(&mut coalescer), None);
        single.pop();
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Single(9, _)));
    }

    #[test]
    fn what_comes_meanwhile_is_called_for_once_and_goes_together() {
        let mut coalescer = ClaimCoalescer::default();
        let single = saturate(&mut coalescer);
        assert!(queued(&mut coalescer, 5));
        assert!(!queued(&mut coalescer, 6));
        drop(single);
        assert!(!queued(&mut coalescer, 7), "it does not overtake those that wait");
        coalescer.woken();
        assert_eq!(next_batch(&mut coalescer), Some(vec![5, 6, 7]));
        assert_eq!(next_batch(&mut coalescer), None);
    }

    #[test]
    fn what_comes_while_a_shared_call_is_on_its_way_goes_with_the_next() {
        let mut coalescer = ClaimCoalescer::default();
        let _alone = saturate(&mut coalescer);
        queued(&mut coalescer, 5);
        coalescer.woken();
        let _sent = coalescer.next_batch();
        assert!(!queued(&mut coalescer, 6), "the answer is awaited anyway");
        assert_eq!(next_batch(&mut coalescer), None);
        coalescer.batch_answered();
        assert_eq!(next_batch(&mut coalescer), Some(vec![6]));
    }

    #[test]
    fn a_full_call_waits_for_no_answer() {
        let mut coalescer = ClaimCoalescer::default();
        let _alone = saturate(&mut coalescer);
        queued(&mut coalescer, 0);
        coalescer.woken();
        let _sent = coalescer.next_batch();
        let calls: Vec<u32> = (1..=130).filter(|n| queued(&mut coalescer, *n)).collect();
        assert_eq!(calls, [64]);
        coalescer.woken();
        assert_eq!(next_batch(&mut coalescer), Some((1..=64).collect()));
        assert_eq!(next_batch(&mut coalescer), Some((65..=128).collect()));
        assert_eq!(next_batch(&mut coalescer), None);
    }

    #[test]
    fn after_a_call_without_an_answer_nobody_waits_any_longer() {
        let mut coalescer = ClaimCoalescer::default();
        let single = saturate(&mut coalescer);
        queued(&mut coalescer, 5);
        coalescer.woken();
        let _sent = coalescer.next_batch();
        queued(&mut coalescer, 6);
        queued(&mut coalescer, 7);
        assert_eq!(who(coalescer.batch_failed()), [6, 7]);
        drop(single);
        assert!(matches!(coalescer.join(8, NOW), Dispatch::Single(8, _)));
    }

    #[test]
    fn a_call_whose_client_has_gone_counts_until_it_must_have_ended() {
        let mut coalescer = ClaimCoalescer::default();
        for single in saturate(&mut coalescer) {
            coalescer.abandon(single, NOW + 2);
        }
        assert!(queued(&mut coalescer, 5), "four calls are on their way");
        coalescer.woken();
        assert_eq!(next_batch(&mut coalescer), Some(vec![5]));
        coalescer.batch_answered();
        assert!(matches!(coalescer.join(6, NOW + 2), Dispatch::Queued { .. }));
        coalescer.batch_failed();
        assert!(matches!(coalescer.join(7, NOW + 3), Dispatch::Single(7, _)));
        assert!(coalescer.abandoned.is_empty());
    }

    #[test]
    fn more_than_a_worker_can_bear_are_not_taken_until_some_were_told() {
        let mut coalescer = ClaimCoalescer::default();
        let _alone = saturate(&mut coalescer);
        for n in 0..4_096 {
            assert!(matches!(coalescer.join(n, NOW), Dispatch::Queued { .. }));
        }
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Full));
        coalescer.woken();
        let mut sent: Vec<_> = std::iter::from_fn(|| coalescer.next_batch()).collect();
        assert_eq!(sent.len(), 64);
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Full), "they wait for their answers");
        coalescer.batch_answered();
        let answered = sent.pop().unwrap();
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Full), "they wait to be told");
        drop(answered);
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Queued { .. }));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod model;
