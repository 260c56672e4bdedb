//! The faults are over: what can be decided is, and is what the provider has.

use payments::model::refund::RefundStatus;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::steps::{Action, RefundStep};
use crate::provider::{Decision, Mishap};
use crate::simulation::Simulation;
use crate::steps::{Hearing, Pause};

const DOINGS: [Action; 9] = [
    Action::Arrive(Decision::Done),
    Action::Crash,
    Action::Lost,
    Action::BeginAgain,
    Action::GiveBackTheRest,
    Action::Execute(Decision::Done, Mishap::None),
    Action::Hear(Hearing::Answer),
    Action::Happens(Decision::Done),
    Action::Read { lag: 0 },
];
const ROUNDS: [Pause; 5] = [Pause::Seconds, Pause::Seconds, Pause::Hours, Pause::Hours, Pause::Hours];

pub(crate) fn resolve(simulation: &mut Simulation) -> Result<(), TestCaseError> {
    for pause in ROUNDS {
        simulation.take(crate::steps::Step::Pass(pause))?;
        for action in DOINGS {
            let all =
                simulation.refunds.ours.len().max(simulation.refunds.provider_refunds.made.len()).max(1);
            for which in 0..u8::try_from(all).unwrap() {
                simulation.take(crate::steps::Step::Refund(RefundStep { which, action }))?;
                simulation.check()?;
            }
        }
    }
    for ours in &simulation.refunds.ours {
        let state = &ours.refund.state;
        prop_assert!(state.status() != RefundStatus::Pending, "{state:?} could be known");
    }
    let given_back = simulation.refunds.provider_refunds.given_back();
    prop_assert_eq!(simulation.payment.refunded, given_back, "what was given back is what is recorded");
    Ok(())
}
