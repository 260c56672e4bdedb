//! The end of a sequence: the faults are over, and everything that can be decided is, and is what the provider has.

use payments::model::payment::{Operation, State, Status};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::happenings::Happening;
use crate::keys::HORIZON;
use crate::provider::{Decision, Mishap, Truth};
use crate::refunds;
use crate::simulation::Simulation;
use crate::steps::{Hearing, Pause, Step};

/// At first the keys decide, then the records.
const ROUNDS: [Pause; 4] = [Pause::Seconds, Pause::Seconds, Pause::Hours, Pause::Hours];
/// What is still in flight arrives.
const STRAYS: usize = 8;

impl Simulation {
    pub(crate) fn resolve(&mut self) -> Result<(), TestCaseError> {
        let arrivals = [Step::Arrive { which: 0, decision: Decision::Done }; STRAYS];
        let rounds = ROUNDS.into_iter().flat_map(|pause| {
            [
                Step::Crash,
                Step::Lost,
                Step::BeginAgain,
                Step::Execute(Decision::Done, Mishap::None),
                Step::Hear(Hearing::Answer),
                Step::Happens(Happening::Pays),
                Step::Pass(pause),
                Step::Read { lag: 0 },
            ]
        });
        for step in arrivals.into_iter().chain(rounds) {
            self.take(step)?;
            self.check()?;
        }
        self.is_decided()?;
        refunds::resolve(self)?;
        self.is_every_late_client_told()?;
        self.is_canceled_if_wanted()
    }

    fn is_decided(&self) -> Result<(), TestCaseError> {
        if !self.is_for_people() {
            prop_assert_ne!(self.payment.state.status(), Status::Pending, "{:?}", self.payment.state);
        }
        match (self.provider.truth, &self.payment.state) {
            (Truth::Captured(captured), _) => {
                prop_assert_eq!(self.payment.captured().map(|(_, amount)| amount), Some(captured));
            }
            (Truth::Held, state) => prop_assert!(matches!(state, State::Authorized(_)), "{:?}", state),
            (truth, state) => prop_assert!(self.payment.captured().is_none(), "{:?}, {:?}", truth, state),
        }
        Ok(())
    }

    /// The provider never named what it was asked to make, cannot be asked by our name, and has forgotten the key.
    fn is_for_people(&self) -> bool {
        let State::Unknown { in_flight, .. } = &self.payment.state else { return false };
        let is_nameless = self.payment.reference.is_none() && !self.provider.replays;
        let is_forgotten = !in_flight.call.may_be_repeated(HORIZON, self.now());
        matches!(in_flight.operation, Operation::Charge) && is_nameless && is_forgotten
    }

    /// Where a cancellation was promised, nothing is held, and what was captured has gone back.
    fn is_canceled_if_wanted(&self) -> Result<(), TestCaseError> {
        let captured = self.payment.captured().map(|(_, captured)| captured.minor());
        if self.is_to_cancel {
            prop_assert!(self.provider.truth != Truth::Held, "canceled, and the amount is held");
            prop_assert!(captured.is_none() || self.payment.state.is_to_be_refunded());
        }
        if self.payment.state.is_to_be_refunded() {
            prop_assert_eq!(captured, Some(self.payment.refunded), "to be refunded, and kept");
        }
        Ok(())
    }
}
