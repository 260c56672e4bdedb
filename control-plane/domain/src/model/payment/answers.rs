//! Transitions on the provider's answer, or when no answer will come.

use jiff::Timestamp;

use super::{Authorization, CancelReason, Failure, InFlightOperation, Operation, Payment, Session, State};
use crate::model::in_flight::InProgress;
use crate::model::provider::{Captured, Charged, Outcome, Refusal, RefusalKind, Uncertainty};
use crate::model::transition::InvalidTransition;

impl Payment {
    /// Applies the provider's answer to a charge, including a resumed one.
    pub fn charge_answered(self, answer: Outcome<Charged>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let in_flight =
            self.in_flight_of("charged", |o| matches!(o, Operation::Charge | Operation::Resume(_)))?;
        let heard = self.heard(answer);
        let told = match &heard {
            Outcome::Done(charged) => charged.paid_with().cloned(),
            _ => None,
        };
        let (state, reference) = match heard {
            Outcome::Done(Charged::Completed { payment, charge, .. }) => {
                (State::Completed { charge, to_refund: false, resumed_by: None }, Some(payment))
            }
            Outcome::Done(Charged::Authorized { payment, authorization, .. }) => {
                (State::Authorized(Authorization::new(authorization)), Some(payment))
            }
            Outcome::Done(Charged::RequiresAction { payment, action, declined }) => {
                // The provider's object keeps showing an earlier decline.
                let declined = declined || in_flight.operation.is_after_a_decline();
                (State::RequiresAction(Session::new(payment.clone(), action, declined)), Some(payment))
            }
            Outcome::Done(Charged::Pending { payment }) => {
                (State::Processing { in_flight, accepted: true }, Some(payment))
            }
            Outcome::Refused(refusal) => (Self::charge_refused(in_flight, &refusal), refusal.reference),
            Outcome::NotSent(uncertainty) => {
                (State::Queued { in_flight, reason: uncertainty.reason }, uncertainty.reference)
            }
            Outcome::Unknown(uncertainty) => {
                let reference = uncertainty.reference.clone();
                (self.in_doubt(in_flight, uncertainty, at), reference)
            }
        };
        Ok(self.enter(state, reference, at).paid_by(told))
    }

    fn charge_refused(in_flight: InFlightOperation, refusal: &Refusal) -> State {
        match (in_flight.operation, &refusal.kind) {
            // The payer was not declined and can still pay once the account is fixed. On a state mismatch, the snapshot
            // of the provider's object decides.
            (Operation::Resume(session), RefusalKind::Configuration | RefusalKind::State) => {
                State::RequiresAction(session)
            }
            (Operation::Resume(_), RefusalKind::Expired) => {
                State::Canceled { reason: Some(CancelReason::Expired), resumed_by: None }
            }
            _ => State::Failed { failure: Failure::Refused(refusal.clone()), resumed_by: None },
        }
    }

    /// Applies the answer to a capture. A refused capture leaves the amount authorized, unless the authorization has
    /// expired.
    pub fn capture_answered(
        self,
        answer: Outcome<Captured>,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        let in_flight = self.in_flight_of("captured", |o| matches!(o, Operation::Capture { .. }))?;
        let Operation::Capture { of, amount } = &in_flight.operation else {
            return Err(self.refuse("captured"));
        };
        let state = match self.heard(answer) {
            Outcome::Done(Captured::Completed { charge }) => {
                State::Captured { charge, captured: *amount, to_refund: false }
            }
            Outcome::Done(Captured::Pending) => State::Processing { in_flight, accepted: true },
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Expired => {
                State::Canceled { reason: Some(CancelReason::Expired), resumed_by: None }
            }
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Declined => {
                State::Authorized(of.clone().after_a_decline())
            }
            Outcome::Refused(_) => State::Authorized(of.clone()),
            Outcome::NotSent(uncertainty) => State::Queued { in_flight, reason: uncertainty.reason },
            Outcome::Unknown(uncertainty) => self.in_doubt(in_flight, uncertainty, at),
        };
        Ok(self.enter(state, None, at))
    }

    /// Applies the answer to a cancellation. A refused cancellation changes nothing, unless the authorization has
    /// expired.
    pub fn cancel_answered(self, answer: Outcome<()>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let in_flight = self.in_flight_of("canceled", |o| matches!(o, Operation::Cancel(_)))?;
        let Operation::Cancel(before) = &in_flight.operation else {
            return Err(self.refuse("canceled"));
        };
        let state = match self.heard(answer) {
            Outcome::Done(()) => State::Canceled { reason: None, resumed_by: None },
            Outcome::Refused(refusal) if refusal.kind == RefusalKind::Expired => {
                State::Canceled { reason: Some(CancelReason::Expired), resumed_by: None }
            }
            Outcome::Refused(_) => before.clone().into(),
            Outcome::NotSent(uncertainty) => State::Queued { in_flight, reason: uncertainty.reason },
            Outcome::Unknown(uncertainty) => self.in_doubt(in_flight, uncertainty, at),
        };
        Ok(self.enter(state, None, at))
    }

    /// If an earlier call of the attempt may have been executed, a refusal of this one does not rule that out.
    fn heard<T>(&self, answer: Outcome<T>) -> Outcome<T> {
        match self.state {
            State::Unknown { .. } | State::Processing { accepted: true, .. } => answer.of_a_repeat(),
            _ => answer,
        }
    }

    /// An operation that the provider accepted stays accepted, whatever the outcome of a later call.
    fn in_doubt(&self, in_flight: InFlightOperation, uncertainty: Uncertainty, at: Timestamp) -> State {
        let in_flight = InFlightOperation { call: in_flight.call.noting(&uncertainty, at), ..in_flight };
        match self.state {
            State::Processing { accepted: true, .. } => State::Processing { in_flight, accepted: true },
            _ => State::Unknown { in_flight, reason: uncertainty.reason },
        }
    }

    fn in_flight_of(
        &self,
        wanted: &'static str,
        fits: impl Fn(&Operation) -> bool,
    ) -> Result<InFlightOperation, InvalidTransition> {
        self.state.in_flight().filter(|f| fits(&f.operation)).cloned().ok_or_else(|| self.refuse(wanted))
    }
}

impl InProgress for Payment {
    fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.state.clone() {
            State::Processing { in_flight, accepted: false } => {
                let reason = "the call was begun and its answer was never recorded".to_owned();
                Ok(self.enter(State::Unknown { in_flight, reason }, None, at))
            }
            _ => Err(self.refuse("lost")),
        }
    }

    fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { in_flight, .. } = self.state.clone() else {
            return Err(self.refuse("asked for"));
        };
        let in_flight = InFlightOperation { call: in_flight.call.asked_again(at), ..in_flight };
        Ok(self.enter(State::Processing { in_flight, accepted: false }, None, at))
    }

    fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let State::Queued { in_flight, reason } = self.state.clone() else {
            return Err(self.refuse("given up"));
        };
        let is_expired = in_flight.call.expires_at.is_some_and(|until| at > until);
        let state = match in_flight.operation {
            Operation::Charge if is_expired => {
                let reason = format!("its time ran out before the provider could be asked: {reason}");
                State::Failed {
                    failure: Failure::NotSent(Uncertainty { is_expired, ..Uncertainty::new(reason) }),
                    resumed_by: None,
                }
            }
            _ => in_flight.undone(reason),
        };
        Ok(self.enter(state, None, at))
    }
}
