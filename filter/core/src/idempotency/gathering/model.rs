//! A gathering in random order, against lists that say where each claim is.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::waiting::Untold;

const NOW_S: u64 = 1_764_000_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join,
    /// The first of those that went alone is answered.
    EndAlone,
    /// Its client has gone.
    Left,
    /// The calls of those have ended.
    Later,
    /// The first of those whose call has ended is told.
    Told,
    Called,
    Answered,
    Failed,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => Just(Step::Join),
        2 => Just(Step::EndAlone),
        1 => Just(Step::Left),
        1 => Just(Step::Later),
        3 => Just(Step::Told),
        2 => Just(Step::Called),
        2 => Just(Step::Answered),
        1 => Just(Step::Failed),
    ]
}

/// More than one call carries.
const PLACES: usize = 100;

/// What a host does with a gathering, and where each claim is by its own account.
struct World {
    gathering: Gathering<usize>,
    now_s: u64,
    alone: VecDeque<Alone>,
    waiting: VecDeque<usize>,
    sent: VecDeque<Vec<Waiter<usize>>>,
    untold: Untold<Waiter<usize>>,
    /// How many of the untold there are.
    ended: usize,
    is_called: bool,
}

impl World {
    fn new() -> Self {
        let gathering = Gathering { places: Places::new(PLACES), ..Gathering::default() };
        Self {
            gathering,
            now_s: NOW_S,
            alone: VecDeque::new(),
            waiting: VecDeque::new(),
            sent: VecDeque::new(),
            untold: Untold::default(),
            ended: 0,
            is_called: false,
        }
    }

    fn in_places(&self) -> usize {
        self.waiting.len() + self.sent.iter().map(Vec::len).sum::<usize>() + self.ended
    }

    fn join(&mut self, claim: usize) -> Result<(), TestCaseError> {
        match self.gathering.join(claim, self.now_s) {
            Way::Alone(same, on_its_way) => {
                prop_assert_eq!(same, claim);
                prop_assert!(self.waiting.is_empty() && self.sent.is_empty());
                self.alone.push_back(on_its_way);
            }
            Way::Waits { call } => {
                prop_assert!(!(call && self.is_called), "called for twice");
                self.is_called |= call;
                self.waiting.push_back(claim);
            }
            Way::Full => prop_assert_eq!(self.in_places(), PLACES),
        }
        Ok(())
    }

    fn send_all(&mut self) -> Result<(), TestCaseError> {
        while let Some(sent) = self.gathering.due() {
            prop_assert!((1..=CLAIMS_MAX).contains(&sent.len()));
            let claims: Vec<usize> = sent.iter().map(|waiter| waiter.who).collect();
            let expected: Vec<usize> = self.waiting.drain(..sent.len()).collect();
            prop_assert_eq!(claims, expected);
            self.sent.push_back(sent);
        }
        Ok(())
    }

    fn end(&mut self, waiters: Vec<Waiter<usize>>) {
        self.ended += waiters.len();
        self.untold.add(waiters);
    }

    fn step(&mut self, n: usize, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Join => self.join(n)?,
            Step::EndAlone => drop(self.alone.pop_front()),
            Step::Left => {
                if let Some(alone) = self.alone.pop_front() {
                    self.gathering.left(alone, self.now_s + 1);
                }
            }
            Step::Later => self.now_s += 2,
            Step::Told => self.ended -= self.untold.turn().len(),
            Step::Called if self.is_called => {
                self.is_called = false;
                self.gathering.called();
                self.send_all()?;
            }
            Step::Called => {}
            Step::Answered => {
                if let Some(answered) = self.sent.pop_front() {
                    self.gathering.answered();
                    self.end(answered);
                    self.send_all()?;
                }
            }
            Step::Failed => {
                if let Some(failed) = self.sent.pop_front() {
                    self.end(failed);
                    let unasked = self.gathering.failed();
                    let claims: Vec<usize> = unasked.iter().map(|waiter| waiter.who).collect();
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
    fn every_claim_is_sent_or_given_back_once_in_its_order_and_none_is_too_many(
        steps in proptest::collection::vec(step(), 1..600),
    ) {
        let mut world = World::new();
        for (n, step) in steps.into_iter().enumerate() {
            world.step(n, step)?;
            prop_assert_eq!(world.gathering.places.taken(), world.in_places());
            prop_assert!(world.in_places() <= PLACES);
            prop_assert!(world.alone.len() + world.gathering.unheard.len() <= ALONE_MAX);
            let comes = world.is_called || !world.sent.is_empty();
            prop_assert!(world.waiting.is_empty() || comes, "nobody comes for them");
        }
    }
}
