//! When claims are sent: each at once while few are on their way, else those that wait together in one call.
//!
//! A call to the cache costs the edge about as much as passing the request on, whether it carries one claim or many.
//! So under load claims share calls; a lone one waits for nobody.

use std::collections::VecDeque;
use std::rc::Rc;

/// The most claims that one call carries.
pub const CLAIMS_MAX: usize = 64;

/// Calls of a single claim that may be on their way at once.
const ALONE_MAX: usize = 4;

/// The claims of one worker that are not sent yet, and what is on its way.
#[derive(Debug)]
pub struct Gathering<T> {
    waiting: VecDeque<T>,
    alone: Rc<()>,
    shared_calls: usize,
    is_called: bool,
}

/// A claim that goes by itself is on its way for as long as this lives.
#[derive(Debug)]
pub struct Alone(#[expect(dead_code, reason = "counted, not read")] Rc<()>);

/// What becomes of a claim that has just come.
#[derive(Debug)]
pub enum Way<T> {
    /// It is to be sent now, in a call of its own.
    Alone(T, Alone),
    /// It waits for [`Gathering::due`]. If `call`, nobody is about to ask for that: the host has to see to it.
    Waits { call: bool },
}

impl<T> Default for Gathering<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), alone: Rc::default(), shared_calls: 0, is_called: false }
    }
}

impl<T> Gathering<T> {
    /// A claim has come.
    pub fn join(&mut self, claim: T) -> Way<T> {
        let others = Rc::strong_count(&self.alone) - 1;
        if others < ALONE_MAX && self.shared_calls == 0 && self.waiting.is_empty() {
            return Way::Alone(claim, Alone(self.alone.clone()));
        }
        self.waiting.push_back(claim);
        let is_due = self.shared_calls == 0 || self.waiting.len() >= CLAIMS_MAX;
        let call = is_due && !self.is_called;
        self.is_called |= call;
        Way::Waits { call }
    }

    /// The host does what a claim that waits has asked for: [`Self::due`] is asked until it has no more.
    pub const fn called(&mut self) {
        self.is_called = false;
    }

    /// Claims to be sent now in one call, which ends with [`Self::answered`] or [`Self::failed`]. Fewer than
    /// [`CLAIMS_MAX`] go only if no such call is on its way: until it ends, more of them gather.
    pub fn due(&mut self) -> Option<Vec<T>> {
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
    pub fn failed(&mut self) -> Vec<T> {
        self.answered();
        self.waiting.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many that go alone, kept on their way.
    fn busy(gathering: &mut Gathering<u32>) -> Vec<Alone> {
        let alone = (0..4).map(|n| match gathering.join(n) {
            Way::Alone(claim, alone) if claim == n => alone,
            way => panic!("{way:?}"),
        });
        alone.collect()
    }

    fn waits(gathering: &mut Gathering<u32>, claim: u32) -> bool {
        let Way::Waits { call } = gathering.join(claim) else { panic!("it does not wait") };
        call
    }

    #[test]
    fn while_few_are_on_their_way_each_goes_alone() {
        let mut gathering = Gathering::default();
        let mut alone = busy(&mut gathering);
        assert_eq!(gathering.due(), None);
        alone.pop();
        assert!(matches!(gathering.join(9), Way::Alone(9, _)));
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
        assert_eq!(gathering.due(), Some(vec![5, 6, 7]));
        assert_eq!(gathering.due(), None);
    }

    #[test]
    fn what_comes_while_a_shared_call_is_on_its_way_goes_with_the_next() {
        let mut gathering = Gathering::default();
        let _alone = busy(&mut gathering);
        waits(&mut gathering, 5);
        gathering.called();
        gathering.due();
        assert!(!waits(&mut gathering, 6), "the answer is awaited anyway");
        assert_eq!(gathering.due(), None);
        gathering.answered();
        assert_eq!(gathering.due(), Some(vec![6]));
    }

    #[test]
    fn a_full_call_waits_for_no_answer() {
        let mut gathering = Gathering::default();
        let _alone = busy(&mut gathering);
        waits(&mut gathering, 0);
        gathering.called();
        gathering.due();
        let calls: Vec<u32> = (1..=130).filter(|n| waits(&mut gathering, *n)).collect();
        assert_eq!(calls, [64]);
        gathering.called();
        assert_eq!(gathering.due(), Some((1..=64).collect()));
        assert_eq!(gathering.due(), Some((65..=128).collect()));
        assert_eq!(gathering.due(), None);
    }

    #[test]
    fn after_a_call_without_an_answer_nobody_waits_any_longer() {
        let mut gathering = Gathering::default();
        let alone = busy(&mut gathering);
        waits(&mut gathering, 5);
        gathering.called();
        gathering.due();
        waits(&mut gathering, 6);
        waits(&mut gathering, 7);
        assert_eq!(gathering.failed(), [6, 7]);
        drop(alone);
        assert!(matches!(gathering.join(8), Way::Alone(8, _)));
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod model {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Join,
        /// The first of those that went alone is answered, or its client has gone.
        EndAlone,
        Called,
        Answered,
        Failed,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => Just(Step::Join),
            2 => Just(Step::EndAlone),
            2 => Just(Step::Called),
            2 => Just(Step::Answered),
            1 => Just(Step::Failed),
        ]
    }

    proptest! {
        #[test]
        fn every_claim_is_sent_or_given_back_once_and_in_its_order(
            steps in proptest::collection::vec(step(), 1..400),
        ) {
            let mut gathering = Gathering::default();
            let (mut alone, mut shared) = (VecDeque::new(), VecDeque::new());
            let (mut is_called, mut waiting) = (false, VecDeque::new());
            for (n, step) in steps.into_iter().enumerate() {
                let mut send_all = false;
                match step {
                    Step::Join => match gathering.join(n) {
                        Way::Alone(claim, on_its_way) => {
                            prop_assert_eq!(claim, n);
                            prop_assert!(waiting.is_empty());
                            alone.push_back(on_its_way);
                        }
                        Way::Waits { call } => {
                            prop_assert!(!(call && is_called), "called for twice");
                            is_called |= call;
                            waiting.push_back(n);
                        }
                    },
                    Step::EndAlone => drop(alone.pop_front()),
                    Step::Called if is_called => {
                        is_called = false;
                        gathering.called();
                        send_all = true;
                    }
                    Step::Answered if shared.pop_front().is_some() => {
                        gathering.answered();
                        send_all = true;
                    }
                    Step::Failed if shared.pop_front().is_some() => {
                        prop_assert_eq!(gathering.failed(), Vec::from(std::mem::take(&mut waiting)));
                    }
                    Step::Called | Step::Answered | Step::Failed => {}
                }
                while let Some(sent) = send_all.then(|| gathering.due()).flatten() {
                    prop_assert!((1..=CLAIMS_MAX).contains(&sent.len()));
                    let expected: Vec<usize> = waiting.drain(..sent.len()).collect();
                    prop_assert_eq!(&sent, &expected);
                    shared.push_back(());
                }
                prop_assert!(alone.len() <= ALONE_MAX);
                prop_assert!(waiting.is_empty() || is_called || !shared.is_empty(), "nobody comes for them");
            }
        }
    }
}
