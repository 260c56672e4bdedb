//! An operator's decision about a payment or refund that neither the provider's answers nor its records decide.

use edge_core::provider::Provider;
use edge_core::request::CaptureMode;
use jiff::Timestamp;

use crate::model::payment::{Authorization, CancelReason, Failure, Operation, Payment, State, Status};
use crate::model::provider::{ProviderRef, Refusal, RefusalKind};
use crate::model::refund::{Refund, RefundState, RefundStatus};

/// How the undecided operation ended, as the operator saw it in the provider's dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorDecision {
    /// The money moved. `charge` is the reference for refunds at the provider.
    Paid { charge: ProviderRef },
    /// The amount is held. `authorization` is the reference for captures.
    Authorized { authorization: ProviderRef },
    /// No money is held or moved, and none will be.
    Canceled,
    /// The provider did not execute the operation and will not: a charge or refund failed; a capture or cancellation
    /// left the payment unchanged.
    NotDone,
    /// The refund was made. `refund` is its reference at the provider.
    Refunded { refund: ProviderRef },
}

impl OperatorDecision {
    const fn name(&self) -> &'static str {
        match self {
            Self::Paid { .. } => "paid",
            Self::Authorized { .. } => "authorized",
            Self::Canceled => "canceled",
            Self::NotDone => "not-done",
            Self::Refunded { .. } => "refunded",
        }
    }
}

/// The decision contradicts the recorded state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("the state is {state}, so there is nothing to decide")]
    Decided { state: &'static str },
    #[error("{decision} is not a possible outcome of a {operation}")]
    Operation { decision: &'static str, operation: &'static str },
    #[error("{decision} is not a possible outcome of a charge with capture {mode}")]
    Mode { decision: &'static str, mode: &'static str },
    #[error("the operation was certainly never sent, so {decision} cannot be its outcome; cancel it instead")]
    NeverAsked { decision: &'static str },
}

impl Payment {
    /// Returns the decided payment. The caller records the operator's reason.
    ///
    /// # Errors
    /// If nothing is undecided, or the decision is not a possible outcome of the undecided operation.
    pub fn decided(&self, decision: &OperatorDecision, reason: &str, at: Timestamp) -> Result<Self, Unfit> {
        let in_flight = self.state.in_flight().filter(|_| self.state.status() == Status::Pending);
        let Some(in_flight) = in_flight else { return Err(Unfit::Decided { state: self.state.name() }) };
        let operation = in_flight.operation.kind().name();
        let mode = self.request.capture;
        let state = match (&in_flight.operation, decision) {
            (_, OperatorDecision::Paid { .. } | OperatorDecision::Authorized { .. })
                if matches!(self.state, State::Queued { .. }) =>
            {
                return Err(Unfit::NeverAsked { decision: decision.name() });
            }
            (Operation::Charge | Operation::Resume(_), OperatorDecision::Paid { charge }) => {
                let (charge, captured) = (charge.clone(), self.request.amount);
                match mode {
                    CaptureMode::Automatic => State::Completed { charge, to_refund: false, resumed_by: None },
                    CaptureMode::Manual => State::Captured { charge, captured, to_refund: false },
                }
            }
            (Operation::Charge | Operation::Resume(_), OperatorDecision::Authorized { authorization }) => {
                match mode {
                    CaptureMode::Automatic => {
                        return Err(Unfit::Mode { decision: decision.name(), mode: "automatic" });
                    }
                    CaptureMode::Manual => State::Authorized(Authorization::new(authorization.clone())),
                }
            }
            (Operation::Capture { amount, .. }, OperatorDecision::Paid { charge }) => {
                State::Captured { charge: charge.clone(), captured: *amount, to_refund: false }
            }
            (_, OperatorDecision::Canceled) => {
                State::Canceled { reason: Some(CancelReason::AtProvider), resumed_by: None }
            }
            (_, OperatorDecision::NotDone) => in_flight.clone().undone(reason.to_owned()),
            _ => return Err(Unfit::Operation { decision: decision.name(), operation }),
        };
        let reference = match decision {
            // At PayPal a payment's reference is its order, not a capture or authorization.
            OperatorDecision::Paid { charge: named }
            | OperatorDecision::Authorized { authorization: named }
                if self.request.provider == Provider::Stripe =>
            {
                self.reference.is_none().then(|| named.clone())
            }
            _ => None,
        };
        Ok(self.clone().enter(state, reference, at))
    }
}

impl Refund {
    /// Returns the decided refund.
    ///
    /// # Errors
    /// As for [`Payment::decided`].
    pub fn decided(&self, decision: &OperatorDecision, reason: &str, at: Timestamp) -> Result<Self, Unfit> {
        if self.state.status() != RefundStatus::Pending {
            return Err(Unfit::Decided { state: self.state.name() });
        }
        let state = match decision {
            OperatorDecision::Refunded { refund } => RefundState::Processed { refund: refund.clone() },
            OperatorDecision::NotDone => RefundState::Failed {
                failure: Failure::Refused(Refusal {
                    kind: RefusalKind::State,
                    code: None,
                    decline_code: None,
                    message: reason.to_owned(),
                    reference: self.state.reference().cloned(),
                }),
            },
            _ => return Err(Unfit::Operation { decision: decision.name(), operation: "refund" }),
        };
        Ok(self.clone().enter(state, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provider::{Outcome, Uncertainty};
    use crate::model::samples::charge;

    fn unknown() -> Payment {
        let at = Timestamp::UNIX_EPOCH;
        charge(CaptureMode::Automatic).charge_answered(Outcome::Unknown(Uncertainty::new("cut")), at).unwrap()
    }

    #[test]
    fn a_person_decides_a_charge_whose_outcome_is_unknown() {
        let at = Timestamp::UNIX_EPOCH;
        let charge = ProviderRef::new("pi_1");
        let paid = unknown().decided(&OperatorDecision::Paid { charge: charge.clone() }, "seen", at).unwrap();
        assert_eq!((paid.state.name(), paid.reference), ("completed", Some(charge)));
        let failed = unknown().decided(&OperatorDecision::NotDone, "not in the dashboard", at).unwrap();
        assert_eq!((failed.state.name(), failed.follow_up), ("failed", None));
    }

    #[test]
    fn what_was_never_asked_for_cannot_have_moved_money() {
        let at = Timestamp::UNIX_EPOCH;
        let State::Unknown { in_flight, reason } = unknown().state else { panic!("not unknown") };
        let queued = unknown().enter(State::Queued { in_flight, reason }, None, at);
        let paid = OperatorDecision::Paid { charge: ProviderRef::new("pi_1") };
        assert!(matches!(queued.decided(&paid, "no", at), Err(Unfit::NeverAsked { .. })));
        let held = OperatorDecision::Authorized { authorization: ProviderRef::new("pi_1") };
        assert!(matches!(unknown().decided(&held, "no", at), Err(Unfit::Mode { .. })));
    }

    #[test]
    fn what_is_decided_stays_so() {
        let at = Timestamp::UNIX_EPOCH;
        let failed = unknown().decided(&OperatorDecision::NotDone, "no", at).unwrap();
        let again = failed.decided(&OperatorDecision::Canceled, "no", at);
        assert_eq!(again, Err(Unfit::Decided { state: "failed" }));
        let refunded = OperatorDecision::Refunded { refund: ProviderRef::new("re_1") };
        assert!(matches!(unknown().decided(&refunded, "no", at), Err(Unfit::Operation { .. })));
    }
}
