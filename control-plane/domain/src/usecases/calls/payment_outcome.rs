//! The outcome of a client's request, derived from the recorded payment.

use crate::model::idempotency::Subject;
use crate::model::payment::{Failure, Payment, State, Status};
use crate::model::provider::OperationKind;
use crate::usecases::OperationError;
use crate::usecases::call::{Decided, RequestedOperation};

impl Decided for Payment {
    fn subject(&self) -> Subject {
        Subject::Payment(self.id)
    }

    fn is_decided(&self) -> bool {
        self.state.status() != Status::Pending
    }

    /// An answer with a client secret, alone or in a page's URL, is not kept, neither in the database nor at the edge:
    /// the secret is shown while the payment waits, and a repeat after that gets the outcome.
    fn has_lasting_answer(&self) -> bool {
        let shows_secret =
            matches!(&self.state, State::RequiresAction(session) if session.action.holds_secret());
        self.is_decided() && !shows_secret
    }

    fn outcome_of(self, asked: RequestedOperation) -> Result<Self, OperationError> {
        use OperationKind::{Cancel, Capture, Charge, Refund, Resume};
        let payment = self.id;
        let wanted = asked.amount.unwrap_or(self.request.amount);
        match (&self.state, asked.operation) {
            (_, Capture | Cancel) if !self.is_decided() => Ok(self),
            (State::Captured { captured, .. }, Capture) if *captured == wanted => Ok(self),
            (State::Captured { captured, .. }, Capture) => {
                let (captured, currency) = (captured.minor(), self.request.currency);
                let problem =
                    format!("{captured} {currency} of it, in minor units, were captured by another request");
                Err(OperationError::Superseded { payment, problem })
            }
            (State::Canceled { .. }, Cancel) => Ok(self),
            (state, Cancel) if state.is_to_be_refunded() => Ok(self),
            (State::Authorized(_) | State::RequiresAction(_), Capture | Cancel) => {
                Err(OperationError::GivenUp { payment, operation: asked.operation.name() })
            }
            (state @ State::Canceled { .. }, _) | (state, Capture | Cancel) => {
                let reason = match state {
                    State::Canceled { reason: Some(reason), .. } => format!(" ({})", reason.name()),
                    _ => String::new(),
                };
                let not = match asked.operation {
                    Capture => "captured",
                    Cancel => "canceled",
                    Charge | Resume | Refund => "charged",
                };
                let problem = format!("the payment is {}{reason}, so it was not {not}", state.name());
                Err(OperationError::Superseded { payment, problem })
            }
            (State::Failed { failure: Failure::Refused(refusal), .. }, _) => {
                Err(OperationError::Refused { payment, refusal: Box::new(refusal.clone()) })
            }
            (State::Failed { failure: Failure::NotSent(uncertainty), .. }, _) => {
                Err(OperationError::NotSent { payment, uncertainty: uncertainty.clone() })
            }
            _ => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_core::money::Amount;
    use edge_core::request::CaptureMode;
    use jiff::Timestamp;

    use super::*;
    use crate::model::id::AttemptId;
    use crate::model::payer_action::{ClientSecret, PayerAction};
    use crate::model::provider::{Captured, Charged, Outcome, ProviderRef, Uncertainty};
    use crate::model::samples::{authorized, charge};

    #[test]
    fn a_capture_of_another_amount_elsewhere_is_no_success_of_this_one() {
        let attempt = AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        let captured = authorized()
            .begin_capture(Amount::new(40), attempt, None, Timestamp::UNIX_EPOCH)
            .unwrap()
            .capture_answered(
                Outcome::Done(Captured::Completed { charge: ProviderRef::new("pi_1") }),
                Timestamp::UNIX_EPOCH,
            )
            .unwrap();
        let told = |amount| {
            let asked = RequestedOperation { operation: OperationKind::Capture, amount };
            captured.clone().outcome_of(asked)
        };
        assert!(told(Amount::new(40)).is_ok());
        for other in [Amount::new(30), None] {
            assert!(matches!(told(other), Err(OperationError::Superseded { .. })), "{other:?}");
        }
    }

    #[test]
    fn a_charge_that_was_canceled_first_is_no_success() {
        let queued = charge(CaptureMode::Automatic)
            .charge_answered(Outcome::NotSent(Uncertainty::new("away")), Timestamp::UNIX_EPOCH);
        let attempt = AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]);
        let canceled = queued.unwrap().begin_cancel(attempt, None, Timestamp::UNIX_EPOCH).unwrap();
        let told = canceled.outcome_of(OperationKind::Charge.into());
        assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    }

    #[test]
    fn a_capture_that_was_given_up_is_never_told_as_a_success() {
        let told = authorized().outcome_of(OperationKind::Capture.into());
        assert!(matches!(told, Err(OperationError::GivenUp { .. })), "{told:?}");
    }

    #[test]
    fn an_answer_with_a_secret_is_not_kept_and_one_without_is() {
        let waiting = |action| {
            let answer =
                Charged::RequiresAction { payment: ProviderRef::new("pi_1"), action, declined: false };
            let at = Timestamp::UNIX_EPOCH;
            charge(CaptureMode::Automatic).charge_answered(Outcome::Done(answer), at).unwrap()
        };
        let page = |url: &str| PayerAction::Page(url.to_owned());
        for action in [
            PayerAction::Script(ClientSecret::new("pi_1_secret_2")),
            page("https://hooks.stripe.com/3ds?payment_intent_client_secret=pi_1_secret_2"),
            page("https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=src_client_secret_2"),
        ] {
            let secret = waiting(action);
            assert!(secret.is_decided() && !secret.has_lasting_answer(), "{secret:?}");
        }
        for action in [PayerAction::ConfirmOrder, page("https://pay.example/checkoutnow?token=O1")] {
            assert!(waiting(action).has_lasting_answer());
        }
    }
}
