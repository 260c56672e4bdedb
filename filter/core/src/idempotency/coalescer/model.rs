//! A coalescer under random actions, against lists that track each claim.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::waiting::Notifications;

const NOW_S: u64 = 1_764_000_000;

#[derive(Clone, Copy, Debug)]
enum CoalescerAction {
    Join,
    /// The oldest single call is answered.
    AnswerSingle,
    /// The client of the oldest single call has gone.
    Abandon,
    /// Abandoned calls have ended.
    PassTime,
    /// The next batch of requests is notified.
    Notify,
    Wake,
    AnswerBatch,
    FailBatch,
}

fn action() -> impl Strategy<Value = CoalescerAction> {
    prop_oneof![
        16 => Just(CoalescerAction::Join),
        2 => Just(CoalescerAction::AnswerSingle),
        1 => Just(CoalescerAction::Abandon),
        1 => Just(CoalescerAction::PassTime),
        3 => Just(CoalescerAction::Notify),
        2 => Just(CoalescerAction::Wake),
        2 => Just(CoalescerAction::AnswerBatch),
        1 => Just(CoalescerAction::FailBatch),
    ]
}

/// More than one call can carry.
const SLOTS: usize = 100;

/// A host that drives a coalescer, and its own account of each claim.
struct Simulation {
    coalescer: ClaimCoalescer<usize>,
    now_s: u64,
    single: VecDeque<SingleCall>,
    waiting: VecDeque<usize>,
    sent: VecDeque<Vec<Waiter<usize>>>,
    notifications: Notifications<Waiter<usize>>,
    /// How many notifications are pending.
    ended: usize,
    is_wake_requested: bool,
}

impl Simulation {
    fn new() -> Self {
        let coalescer = ClaimCoalescer { slots: Slots::new(SLOTS), ..ClaimCoalescer::default() };
        Self {
            coalescer,
            now_s: NOW_S,
            single: VecDeque::new(),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            notifications: Notifications::default(),
            ended: 0,
            is_wake_requested: false,
        }
    }

    fn in_slots(&self) -> usize {
        self.waiting.len() + self.sent.iter().map(Vec::len).sum::<usize>() + self.ended
    }

    fn join(&mut self, claim: usize) -> Result<(), TestCaseError> {
        match self.coalescer.join(claim, self.now_s) {
            Dispatch::Single(same, on_its_way) => {
                prop_assert_eq!(same, claim);
                prop_assert!(self.waiting.is_empty() && self.sent.is_empty());
                self.single.push_back(on_its_way);
            }
            Dispatch::Queued { wake } => {
                prop_assert!(!(wake && self.is_wake_requested), "woken twice");
                self.is_wake_requested |= wake;
                self.waiting.push_back(claim);
            }
            Dispatch::Full => prop_assert_eq!(self.in_slots(), SLOTS),
        }
        Ok(())
    }

    fn send_all(&mut self) -> Result<(), TestCaseError> {
        while let Some(sent) = self.coalescer.next_batch() {
            prop_assert!((1..=CLAIMS_MAX).contains(&sent.len()));
            let claims: Vec<usize> = sent.iter().map(|waiter| waiter.request).collect();
            let expected: Vec<usize> = self.waiting.drain(..sent.len()).collect();
            prop_assert_eq!(claims, expected);
            self.sent.push_back(sent);
        }
        Ok(())
    }

    fn end(&mut self, waiters: Vec<Waiter<usize>>) {
        self.ended += waiters.len();
        self.notifications.add(waiters);
    }

    fn run(&mut self, n: usize, action: CoalescerAction) -> Result<(), TestCaseError> {
        match action {
            CoalescerAction::Join => self.join(n)?,
            CoalescerAction::AnswerSingle => drop(self.single.pop_front()),
            CoalescerAction::Abandon => {
                if let Some(single) = self.single.pop_front() {
                    self.coalescer.abandon(single, self.now_s + 1);
                }
            }
            CoalescerAction::PassTime => self.now_s += 2,
            CoalescerAction::Notify => self.ended -= self.notifications.next_batch().len(),
            CoalescerAction::Wake if self.is_wake_requested => {
                self.is_wake_requested = false;
                self.coalescer.woken();
                self.send_all()?;
            }
            CoalescerAction::Wake => {}
            CoalescerAction::AnswerBatch => {
                if let Some(answered) = self.sent.pop_front() {
                    self.coalescer.batch_answered();
                    self.end(answered);
                    self.send_all()?;
                }
            }
            CoalescerAction::FailBatch => {
                if let Some(failed) = self.sent.pop_front() {
                    self.end(failed);
                    let unasked = self.coalescer.batch_failed();
                    let claims: Vec<usize> = unasked.iter().map(|waiter| waiter.request).collect();
                    prop_assert_eq!(claims, Vec::from(std::mem::take(&mut self.waiting)));
                    self.end(unasked);
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_claim_is_sent_or_returned_once_in_order_within_the_limits(
        actions in proptest::collection::vec(action(), 1..600),
    ) {
        let mut simulation = Simulation::new();
        for (n, action) in actions.into_iter().enumerate() {
            simulation.run(n, action)?;
            prop_assert_eq!(simulation.coalescer.slots.taken(), simulation.in_slots());
            prop_assert!(simulation.in_slots() <= SLOTS);
            prop_assert!(simulation.single.len() + simulation.coalescer.abandoned.len() <= SINGLE_CALLS_MAX);
            let comes = simulation.is_wake_requested || !simulation.sent.is_empty();
            prop_assert!(simulation.waiting.is_empty() || comes, "nothing will send them");
        }
    }
}
