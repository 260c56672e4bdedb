//! The faults are over: what can be decided is, and is what the provider has.

use payments::model::refund::RefundStatus;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::steps::{Doing, Step};
use crate::provider::{Decision, Mishap};
use crate::steps::{Hearing, Pause};
use crate::world::World;

const DOINGS: [Doing; 9] = [
    Doing::Arrive(Decision::Done),
    Doing::Crash,
    Doing::Lost,
    Doing::BeginAgain,
    Doing::GiveBackTheRest,
    Doing::Execute(Decision::Done, Mishap::None),
    Doing::Hear(Hearing::Answer),
    Doing::Happens(Decision::Done),
    Doing::Read { lag: 0 },
];
const ROUNDS: [Pause; 5] = [Pause::Seconds, Pause::Seconds, Pause::Hours, Pause::Hours, Pause::Hours];

pub(crate) fn resolve(world: &mut World) -> Result<(), TestCaseError> {
    for pause in ROUNDS {
        world.take(crate::steps::Step::Pass(pause))?;
        for doing in DOINGS {
            let all = world.refunds.ours.len().max(world.refunds.books.made.len()).max(1);
            for which in 0..u8::try_from(all).unwrap() {
                world.take(crate::steps::Step::Refund(Step { which, doing }))?;
                world.check()?;
            }
        }
    }
    for ours in &world.refunds.ours {
        let state = &ours.refund.state;
        prop_assert!(state.status() != RefundStatus::Pending, "{state:?} could be known");
    }
    let given_back = world.refunds.books.given_back();
    prop_assert_eq!(world.payment.refunded, given_back, "what was given back is what is recorded");
    Ok(())
}
