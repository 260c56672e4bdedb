//! The calls of a payment, and the reads of it.

use payments::model::payment::State;
use payments::model::provider::{Outcome, RefusalKind, Uncertainty};
use payments::model::snapshot::{Absence, Applied, OwnCall, ProviderSnapshot};
use proptest::test_runner::TestCaseError;

use crate::keys::HORIZON;
use crate::provider::{Answer, Decision, Mishap, no, reference};
use crate::simulation::Simulation;
use crate::steps::Hearing;
use crate::transitions::By;

impl Simulation {
    /// Whether the call that is recorded as in flight may still bring its answer.
    pub(crate) fn is_answer_awaited(&self) -> bool {
        let in_flight = self.payment.state.in_flight();
        let is_calling = matches!(self.payment.state, State::Processing { accepted: false, .. });
        is_calling && self.wire.awaits(|request| Some(request) == in_flight)
    }

    /// A client that comes back and a worker may do so at the same time.
    pub(crate) fn repeat(&mut self) {
        if let State::Unknown { in_flight, .. } = &self.payment.state
            && in_flight.call.may_be_repeated(HORIZON, self.now())
        {
            let in_flight = in_flight.clone();
            self.wire.send(in_flight, self.second());
        }
    }

    /// What nobody has asked for yet is asked for.
    pub(crate) fn execute(&mut self, decision: Decision, mishap: Mishap) {
        let second = self.second();
        if self.wire.newest(second).is_none() {
            self.repeat();
        }
        if let Some(call) = self.wire.newest(second) {
            call.answer = Some(self.provider.execute(&call.request, decision, mishap, second));
        }
    }

    pub(crate) fn arrive(&mut self, which: u8, decision: Decision) {
        let second = self.second();
        if let Some(call) = self.wire.stray(which, second) {
            call.answer = Some(self.provider.execute(&call.request, decision, Mishap::None, second));
        }
    }

    /// The oldest call ends.
    pub(crate) fn hear(&mut self, hearing: Hearing) -> Result<(), TestCaseError> {
        let heard =
            self.wire.hear(hearing, |in_flight, hearing| Answer::without(in_flight, silence(hearing)));
        let Some((in_flight, heard)) = heard else { return Ok(()) };
        let under_way = self.payment.state.in_flight().map(|in_flight| in_flight.call.attempt);
        if under_way != Some(in_flight.call.attempt) {
            return Ok(());
        }
        let (payment, now) = (self.payment.clone(), self.now());
        let moved = match heard {
            Answer::Charge(answer) => payment.charge_answered(answer, now),
            Answer::Capture(answer) => payment.capture_answered(answer, now),
            Answer::Cancel(answer) => payment.cancel_answered(answer, now),
        };
        match moved {
            Ok(moved) => self.enter(moved, By::Answer),
            Err(_) => Ok(()),
        }
    }

    /// The provider's records are read completely, as they were `lag` seconds ago.
    pub(crate) fn read(&mut self, lag: u8) -> Result<(), TestCaseError> {
        let in_flight = self.payment.state.in_flight();
        let is_left =
            in_flight.is_some_and(|in_flight| in_flight.call.is_left_to_records(HORIZON, self.now()));
        let shown = self.provider.history.read(self.second(), lag, self.oldest).cloned();
        let applied = match shown {
            Some(provider_status) => {
                let (payment, money) = (Some(self.payment.id), Some(self.payment.money()));
                let seen = ProviderSnapshot {
                    reference: reference(),
                    payment,
                    money,
                    paid_with: None,
                    provider_status,
                };
                let call = if self.is_answer_awaited() { OwnCall::MayAnswer } else { OwnCall::IsOver };
                self.payment.apply(&seen, call, is_left, self.now())
            }
            None => match (self.payment.reference.is_some(), self.provider.replays) {
                (true, _) => self.payment.apply_absence(Absence::Gone, is_left, self.now()),
                (false, true) => self.payment.apply_absence(Absence::NotListed, is_left, self.now()),
                // Without a name there is nothing to ask for.
                (false, false) => Applied::Known,
            },
        };
        match applied {
            Applied::Known | Applied::Wait => Ok(()),
            Applied::Moved(moved) | Applied::Surprising(moved) => self.enter(moved, By::Read),
            Applied::Refused(problem) => Err(TestCaseError::fail(problem)),
        }
    }
}

/// What becomes known about a call without an answer.
pub(crate) fn silence<T>(hearing: Hearing) -> Outcome<T> {
    match hearing {
        Hearing::NotSent => Outcome::NotSent(Uncertainty::new("refused")),
        Hearing::TurnedAway => no(RefusalKind::Configuration),
        Hearing::Answer | Hearing::Nothing => Outcome::Unknown(Uncertainty::new("cut")),
    }
}
