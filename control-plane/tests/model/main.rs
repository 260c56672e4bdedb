//! Payments and refunds against a provider that has a truth of its own: calls that are executed or not and answered
//! or not, or arrive when nobody waits for them any more; errors that the provider keeps under the key; crashes, reads
//! that lag, keys that are forgotten, payers and a dashboard that act on the provider's side. Pure: no store, and the
//! time is the model's.
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

mod calls;
mod checks;
mod examples;
mod happenings;
mod keys;
mod names;
mod provider;
mod provider_status;
mod refunds;
mod resolve;
mod returns;
mod simulation;
mod steps;
mod transitions;
mod wire;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use happenings::Happening;
use provider::{Decision, Mishap};
use simulation::Simulation;
use steps::{Hearing, Step};

const SEQUENCES: u32 = 4_000;
const STEPS: usize = 60;
/// Fewer sequences need not meet every documented row.
const ENOUGH: u32 = 300_000;

/// The money moves at once; a capture is refused where nothing is held.
const PAID: &[Step] = &[
    Step::Execute(Decision::Done, Mishap::None),
    Step::Hear(Hearing::Answer),
    Step::Capture { amount: 0 },
    Step::Execute(Decision::Done, Mishap::None),
    Step::Hear(Hearing::Answer),
];
/// Where a sequence begins; chance alone is seldom there.
const BEGINNINGS: [&[Step]; 14] = [
    PAID,
    &[],
    // The money moves, and nobody hears of it.
    &[Step::Execute(Decision::Done, Mishap::None), Step::Hear(Hearing::Nothing)],
    &[Step::Execute(Decision::AskPayer, Mishap::None), Step::Hear(Hearing::Answer)],
    // It is held, and released before we hear of it.
    &[
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Nothing),
        Step::Happens(Happening::CanceledInDashboard),
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Answer),
    ],
    // It moves, and the provider keeps an error under the key.
    &[
        Step::Execute(Decision::Done, Mishap::FailsAfter),
        Step::Hear(Hearing::Answer),
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Answer),
    ],
    // The same of a capture.
    &[
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Capture { amount: 0 },
        Step::Execute(Decision::Done, Mishap::FailsAfter),
        Step::Hear(Hearing::Answer),
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Answer),
    ],
    // The payer comes back, and the provider cannot be reached.
    &[
        Step::Execute(Decision::AskPayer, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Resume,
        Step::Hear(Hearing::NotSent),
    ],
    // The gateway takes the order, and the payer comes back in the midst of it.
    &[
        Step::Execute(Decision::AskPayer, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::ResumeByGateway,
        Step::Resume,
    ],
    // The payer comes back, and we hear nothing of what is denied then.
    &[
        Step::Execute(Decision::AskPayer, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Resume,
        Step::Execute(Decision::Later, Mishap::None),
        Step::Crash,
        Step::Happens(Happening::Denied),
    ],
    // An order is approved, taken, and approved in vain before the call arrives.
    &[
        Step::Execute(Decision::AskPayer, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Happens(Happening::Approves),
        Step::Resume,
        Step::Happens(Happening::ApprovesInVain),
        Step::Crash,
    ],
    // The provider takes it, and a second call for the same is on its way.
    &[
        Step::Execute(Decision::Later, Mishap::None),
        Step::Hear(Hearing::Nothing),
        Step::Repeat,
        Step::Read { lag: 0 },
    ],
    // The same, after the payer came back.
    &[
        Step::Execute(Decision::AskPayer, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Resume,
        Step::Execute(Decision::Later, Mishap::None),
        Step::Hear(Hearing::Nothing),
        Step::Repeat,
        Step::Read { lag: 0 },
    ],
    // The same of a capture.
    &[
        Step::Execute(Decision::Done, Mishap::None),
        Step::Hear(Hearing::Answer),
        Step::Capture { amount: 0 },
        Step::Execute(Decision::Later, Mishap::None),
        Step::Hear(Hearing::Nothing),
        Step::Repeat,
        Step::Repeat,
        Step::Execute(Decision::Later, Mishap::None),
        Step::Hear(Hearing::Answer),
    ],
];

/// Mostly about the payment, or mostly about its refunds.
fn sequence() -> impl Strategy<Value = (&'static [Step], Vec<Step>)> {
    let steps = |refunds| proptest::collection::vec(steps::step(refunds), 1..STEPS);
    prop_oneof![
        2 => (proptest::sample::select(&BEGINNINGS[..]), steps(4)),
        1 => (Just(PAID), steps(100)),
    ]
}

fn sequences() -> u32 {
    let wanted = std::env::var("MODEL_SEQUENCES").ok().and_then(|number| number.parse().ok());
    wanted.unwrap_or(SEQUENCES)
}

#[test]
fn money_is_conserved_and_only_documented_transitions_are_made() {
    let seen = RefCell::new(BTreeSet::new());
    let cases = (any::<[bool; 2]>(), sequence());
    let config = Config { cases: sequences(), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases, |([is_manual, replays], (beginning, steps))| {
        let mut simulation = Simulation::new(is_manual, replays);
        for step in beginning.iter().copied().chain(steps) {
            simulation.take(step)?;
            simulation.check()?;
        }
        simulation.resolve()?;
        seen.borrow_mut().append(&mut simulation.moves);
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
