//! Coalesces claims: while few calls are in flight each claim gets its own; under load, waiting claims share a call.
//!
//! A call to the cache costs the edge about as much as forwarding the request, whether it carries one claim or many. So
//! under load claims share calls, and a lone claim is never delayed.

use std::collections::VecDeque;

use crate::waiting::{Slot, Slots, Waiter};

/// The most claims that one call carries.
pub const CLAIMS_MAX: usize = 64;

/// The most calls with a single claim that are in flight at once.
const SINGLE_CALLS_MAX: usize = 4;

/// The most requests of one worker that wait for a shared call, for its answer, or for their notification: half a
/// second of a worker's throughput, which is the cache's default timeout, at one or two kilobytes each. It also bounds
/// the calls in flight, and how much one callback sends.
const WAITING_MAX: usize = 4_096;

/// The claims of one worker that are not sent yet, and its calls in flight.
#[derive(Debug)]
pub struct ClaimCoalescer<T> {
    waiting: VecDeque<Waiter<T>>,
    slots: Slots,
    single_calls: Slots,
    /// Calls whose client has gone, so their end is never reported, and when they must have ended. At most
    /// [`SINGLE_CALLS_MAX`], because each holds its slot.
    abandoned: VecDeque<(u64, SingleCall)>,
    batches_in_flight: usize,
    is_wake_requested: bool,
}

/// A call with a single claim. It counts as in flight until this is dropped.
#[derive(Debug)]
pub struct SingleCall(#[expect(dead_code, reason = "held, not read")] Slot);

/// How a new claim is sent.
#[derive(Debug)]
pub enum Dispatch<T> {
    /// Send it now, in its own call.
    Single(T, SingleCall),
    /// It waits for [`ClaimCoalescer::next_batch`]. If `wake`, the host has to arrange a wake-up that asks for it.
    Queued { wake: bool },
    /// Too many wait; it is not sent.
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
    /// Adds a claim at `now_s` (Unix seconds).
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

    /// The client of a single call has gone. The call ends unreported, at the latest at `until_s` (Unix seconds).
    pub fn abandon(&mut self, single: SingleCall, until_s: u64) {
        self.abandoned.push_back((until_s, single));
    }

    /// The requested wake-up has come: the host now calls [`Self::next_batch`] until it returns nothing.
    pub const fn woken(&mut self) {
        self.is_wake_requested = false;
    }

    /// The claims to send now in one call, which ends with [`Self::batch_answered`] or [`Self::batch_failed`]. Fewer
    /// than [`CLAIMS_MAX`] are sent only while no shared call is in flight: until it ends, more of them accumulate.
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

    /// A shared call was not answered. The waiting claims are returned unsent: otherwise a hanging cache would hold
    /// each of them for as many timeouts as there are calls before it.
    pub fn batch_failed(&mut self) -> Vec<Waiter<T>> {
        self.batch_answered();
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_764_000_000;

    fn requests(waiters: Vec<Waiter<u32>>) -> Vec<u32> {
        waiters.into_iter().map(|waiter| waiter.request).collect()
    }

    fn next_batch(coalescer: &mut ClaimCoalescer<u32>) -> Option<Vec<u32>> {
        coalescer.next_batch().map(requests)
    }

    /// Fills the single calls and keeps them in flight.
    fn saturate(coalescer: &mut ClaimCoalescer<u32>) -> Vec<SingleCall> {
        let single = (0..4).map(|n| match coalescer.join(n, NOW) {
            Dispatch::Single(claim, single) if claim == n => single,
            other => panic!("{other:?}"),
        });
        single.collect()
    }

    fn queued(coalescer: &mut ClaimCoalescer<u32>, claim: u32) -> bool {
        let Dispatch::Queued { wake } = coalescer.join(claim, NOW) else { panic!("it is not queued") };
        wake
    }

    #[test]
    fn while_few_calls_are_in_flight_each_claim_gets_its_own() {
        let mut coalescer = ClaimCoalescer::default();
        let mut single = saturate(&mut coalescer);
        assert_eq!(next_batch(&mut coalescer), None);
        single.pop();
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Single(9, _)));
    }

    #[test]
    fn further_claims_request_one_wake_up_and_share_a_call() {
        let mut coalescer = ClaimCoalescer::default();
        let single = saturate(&mut coalescer);
        assert!(queued(&mut coalescer, 5));
        assert!(!queued(&mut coalescer, 6));
        drop(single);
        assert!(!queued(&mut coalescer, 7), "it does not overtake the waiting ones");
        coalescer.woken();
        assert_eq!(next_batch(&mut coalescer), Some(vec![5, 6, 7]));
        assert_eq!(next_batch(&mut coalescer), None);
    }

    #[test]
    fn claims_during_a_shared_call_are_sent_with_the_next() {
        let mut coalescer = ClaimCoalescer::default();
        let _alone = saturate(&mut coalescer);
        queued(&mut coalescer, 5);
        coalescer.woken();
        let _sent = coalescer.next_batch();
        assert!(!queued(&mut coalescer, 6), "the answer will trigger the next batch");
        assert_eq!(next_batch(&mut coalescer), None);
        coalescer.batch_answered();
        assert_eq!(next_batch(&mut coalescer), Some(vec![6]));
    }

    #[test]
    fn a_full_batch_is_sent_without_waiting() {
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
    fn a_failed_call_returns_all_waiting_claims() {
        let mut coalescer = ClaimCoalescer::default();
        let single = saturate(&mut coalescer);
        queued(&mut coalescer, 5);
        coalescer.woken();
        let _sent = coalescer.next_batch();
        queued(&mut coalescer, 6);
        queued(&mut coalescer, 7);
        assert_eq!(requests(coalescer.batch_failed()), [6, 7]);
        drop(single);
        assert!(matches!(coalescer.join(8, NOW), Dispatch::Single(8, _)));
    }

    #[test]
    fn an_abandoned_call_counts_until_it_must_have_ended() {
        let mut coalescer = ClaimCoalescer::default();
        for single in saturate(&mut coalescer) {
            coalescer.abandon(single, NOW + 2);
        }
        assert!(queued(&mut coalescer, 5), "four calls are in flight");
        coalescer.woken();
        assert_eq!(next_batch(&mut coalescer), Some(vec![5]));
        coalescer.batch_answered();
        assert!(matches!(coalescer.join(6, NOW + 2), Dispatch::Queued { .. }));
        coalescer.batch_failed();
        assert!(matches!(coalescer.join(7, NOW + 3), Dispatch::Single(7, _)));
        assert!(coalescer.abandoned.is_empty());
    }

    #[test]
    fn a_full_worker_accepts_no_claims_until_some_were_notified() {
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
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Full), "they wait for their notification");
        drop(answered);
        assert!(matches!(coalescer.join(9, NOW), Dispatch::Queued { .. }));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod model;
