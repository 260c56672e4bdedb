//! Payments and refunds against a provider that has a truth of its own: calls that are executed or not and answered
//! or not, crashes, reads that lag, payers and a dashboard that act on the provider's side. Pure: no store, no time.
//!
//! `MODEL_SEQUENCES` says how many sequences are tried (`make model`). A new state has its place in
//! [`transitions`]; the test says if it is never reached.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod names;
mod provider;
mod refunds;
mod transitions;
mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use provider::Decision;
use world::World;

const SEQUENCES: u32 = 4_000;
const STEPS: usize = 50;
/// Fewer sequences need not meet every documented row.
const ENOUGH: u32 = 300_000;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A client wants something of the payment.
    Resume,
    Capture {
        amount: u8,
    },
    Cancel,
    /// Its call reaches the provider, which decides. Repeated where the outcome is unknown.
    Execute(Decision),
    /// The call ends at ours: with the answer, if there is one.
    Hear(Hearing),
    /// The process that calls is gone.
    Crash,
    /// What nobody works on any more is taken up.
    Lost,
    BeginAgain,
    GiveUp,
    /// Something happens at the provider by itself.
    Happens(Decision),
    /// The provider is read, as it was so many changes ago.
    Read {
        lag: u8,
    },
    Refund(refunds::Step),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hearing {
    Answer,
    /// The answer is lost on the way.
    Nothing,
    /// Certainly not sent. Only if it was not.
    NotSent,
    /// Turned away: our account is at fault.
    TurnedAway,
}

pub(crate) fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        4 => Just(Decision::Done),
        2 => Just(Decision::Later),
        2 => Just(Decision::AskPayer),
        1 => Just(Decision::Decline),
    ]
}

pub(crate) fn hearing() -> impl Strategy<Value = Hearing> {
    prop_oneof![
        4 => Just(Hearing::Answer),
        2 => Just(Hearing::Nothing),
        1 => Just(Hearing::NotSent),
        1 => Just(Hearing::TurnedAway),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Resume),
        2 => (0..=100_u8).prop_map(|amount| Step::Capture { amount }),
        1 => Just(Step::Cancel),
        6 => decision().prop_map(Step::Execute),
        6 => hearing().prop_map(Step::Hear),
        1 => Just(Step::Crash),
        2 => Just(Step::Lost),
        2 => Just(Step::BeginAgain),
        1 => Just(Step::GiveUp),
        3 => decision().prop_map(Step::Happens),
        4 => prop_oneof![2 => Just(0_u8), 1 => 0..6_u8].prop_map(|lag| Step::Read { lag }),
        8 => refunds::step().prop_map(Step::Refund),
    ]
}

/// What makes the money move at once; a capture is refused where nothing is held.
const PAID: [Step; 5] = [
    Step::Execute(Decision::Done),
    Step::Hear(Hearing::Answer),
    Step::Capture { amount: 0 },
    Step::Execute(Decision::Done),
    Step::Hear(Hearing::Answer),
];

fn sequences() -> u32 {
    let wanted = std::env::var("MODEL_SEQUENCES").ok().and_then(|number| number.parse().ok());
    wanted.unwrap_or(SEQUENCES)
}

#[test]
fn money_is_conserved_and_only_documented_transitions_are_made() {
    let seen = RefCell::new(BTreeSet::new());
    let cases = (any::<[bool; 3]>(), proptest::collection::vec(step(), 1..STEPS));
    let config = Config { cases: sequences(), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases, |([is_manual, replays, is_paid], steps)| {
        let mut world = World::new(is_manual, replays);
        let first = if is_paid { &PAID[..] } else { &[] };
        for step in first.iter().copied().chain(steps) {
            world.take(step)?;
            world.check()?;
        }
        world.settle()?;
        seen.borrow_mut().append(&mut world.moves);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    if sequences() >= ENOUGH {
        let unused = transitions::unused(&seen.borrow());
        assert!(unused.is_empty(), "documented, and never met: {unused:?}");
    }
}
