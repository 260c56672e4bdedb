//! The provider's answer to a payment's call, and its effect.

use jiff::Timestamp;

use crate::model::id::AttemptId;
use crate::model::payment::{Payment, State, Status};
use crate::model::provider::{Captured, Charged, Outcome, Refusal, RefusalKind, Uncertainty};
use crate::model::snapshot::{Applied, OwnCall, ProviderSnapshot, ProviderStatus};
use crate::model::transition::InvalidTransition;
use crate::usecases::OperationError;
use crate::usecases::call::{Decided as _, RequestedOperation};
use crate::usecases::calls::resolvable::Answered;

/// The provider's answer and the attempt that it belongs to. It applies to no other attempt: a caller that was paused
/// may find another operation of the payment in flight.
pub(crate) struct PaymentAnswer {
    pub(crate) attempt: AttemptId,
    pub(crate) said: ProviderAnswer,
    /// A snapshot of the provider's object, read because the refusal contradicts the recorded state.
    pub(crate) seen: Option<ProviderSnapshot>,
}

pub(crate) enum ProviderAnswer {
    Charged(Outcome<Charged>),
    Captured(Outcome<Captured>),
    Canceled(Outcome<()>),
}

impl ProviderAnswer {
    pub(crate) const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Charged(Outcome::Refused(refusal))
            | Self::Captured(Outcome::Refused(refusal))
            | Self::Canceled(Outcome::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the payment is in the state that this refusal leads to.
    fn stands_refused(&self, refusal: &Refusal, state: &State) -> bool {
        if refusal.kind == RefusalKind::Expired {
            return matches!(state, State::Canceled { .. });
        }
        match self {
            Self::Charged(_) => {
                // The snapshot read for the refusal may show that the payment has ended.
                let is_over = refusal.kind == RefusalKind::State && matches!(state, State::Canceled { .. });
                // Only a refusal of these kinds leaves the payer's step open: others may have been overtaken by it.
                let is_open = matches!(refusal.kind, RefusalKind::Configuration | RefusalKind::State)
                    && matches!(state, State::RequiresAction(_));
                is_over || is_open || matches!(state, State::Failed { .. })
            }
            Self::Captured(_) => matches!(state, State::Authorized(_)),
            Self::Canceled(_) => matches!(state, State::Authorized(_) | State::RequiresAction(_)),
        }
    }
}

impl Answered<Payment> for PaymentAnswer {
    fn moves(&self, payment: Payment, at: Timestamp) -> Result<Payment, InvalidTransition> {
        if payment.state.in_flight().is_none_or(|in_flight| in_flight.call.attempt != self.attempt) {
            return Err(InvalidTransition {
                from: payment.state.name(),
                wanted: "answered for that attempt",
            });
        }
        let moved = match &self.said {
            ProviderAnswer::Charged(answer) => payment.charge_answered(answer.clone(), at),
            ProviderAnswer::Captured(answer) => payment.capture_answered(answer.clone(), at),
            ProviderAnswer::Canceled(answer) => payment.cancel_answered(answer.clone(), at),
        }?;
        Ok(match &self.seen {
            Some(seen) => with_snapshot(moved, seen, at),
            None => moved,
        })
    }

    fn revives(&self, payment: &Payment, at: Timestamp) -> Option<Payment> {
        let (reference, paid_with, provider_status) = match &self.said {
            ProviderAnswer::Charged(Outcome::Done(Charged::Completed {
                payment: reference,
                charge,
                paid_with,
            })) => {
                let (charge, money) = (charge.clone(), payment.money());
                (reference, paid_with, ProviderStatus::Captured { charge, money })
            }
            ProviderAnswer::Charged(Outcome::Done(Charged::Authorized {
                payment: reference,
                authorization,
                paid_with,
            })) => {
                let authorization = authorization.clone();
                (reference, paid_with, ProviderStatus::Authorized { authorization, expires: None })
            }
            _ => return None,
        };
        let seen = ProviderSnapshot {
            reference: reference.clone(),
            payment: Some(payment.id),
            money: Some(payment.money()),
            paid_with: paid_with.clone(),
            provider_status,
        };
        match payment.apply(&seen, OwnCall::IsOver, false, at) {
            Applied::Surprising(revived) => Some(revived),
            _ => None,
        }
    }

    /// The provider's refusal if the recorded payment reflects it, otherwise the recorded outcome: other evidence may
    /// have moved the payment on, and may have been a refusal too.
    fn client_outcome(&self, payment: Payment, asked: RequestedOperation) -> Result<Payment, OperationError> {
        match self.said.refusal() {
            Some(refusal) if self.said.stands_refused(refusal, &payment.state) => {
                Err(OperationError::Refused { payment: payment.id, refusal: Box::new(refusal.clone()) })
            }
            _ => payment.outcome_of(asked),
        }
    }

    fn uncertainty(&self) -> Option<&Uncertainty> {
        match &self.said {
            ProviderAnswer::Charged(answer) => answer.uncertainty(),
            ProviderAnswer::Captured(answer) => answer.uncertainty(),
            ProviderAnswer::Canceled(answer) => answer.uncertainty(),
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(
            self.said,
            ProviderAnswer::Charged(Outcome::Unknown(_))
                | ProviderAnswer::Captured(Outcome::Unknown(_))
                | ProviderAnswer::Canceled(Outcome::Unknown(_))
        )
    }
}

/// Restores the state before the refused operation and applies the snapshot to it, in one transition.
fn with_snapshot(refused: Payment, seen: &ProviderSnapshot, at: Timestamp) -> Payment {
    if refused.state.status() == Status::Pending {
        return refused;
    }
    match refused.apply(seen, OwnCall::IsOver, false, at) {
        Applied::Moved(moved) | Applied::Surprising(moved) => Payment { version: refused.version, ..moved },
        Applied::Known | Applied::Wait | Applied::Refused(_) => refused,
    }
}

#[cfg(test)]
mod tests {
    use edge_core::request::CaptureMode;

    use super::*;
    use crate::model::payer_action::PayerAction;
    use crate::model::provider::{OperationKind, ProviderRef};
    use crate::model::samples::{authorized, charge, refusal};

    /// A webhook reported the decline while the call's own answer was lost.
    #[test]
    fn a_decline_that_others_heard_of_is_told_as_a_decline() {
        let at = Timestamp::UNIX_EPOCH;
        let failed = charge(CaptureMode::Automatic)
            .charge_answered(Outcome::Refused(refusal(RefusalKind::Declined)), at)
            .unwrap();
        let said = ProviderAnswer::Charged(Outcome::Unknown(Uncertainty::new("cut")));
        let lost = PaymentAnswer { attempt: AttemptId::new(at, [1; 10]), said, seen: None };
        let told = lost.client_outcome(failed, OperationKind::Charge.into());
        assert!(matches!(told, Err(OperationError::Refused { .. })), "{told:?}");
    }

    /// A webhook found the step that the payer has to take, while the provider's answer to a repeat was a refusal.
    #[test]
    fn a_refusal_is_not_told_of_a_payment_that_waits_for_its_payer() {
        let at = Timestamp::UNIX_EPOCH;
        let action = PayerAction::Page("https://pay.example".to_owned());
        let asks = Charged::RequiresAction { payment: ProviderRef::new("pi_1"), action, declined: false };
        let waiting = charge(CaptureMode::Automatic).charge_answered(Outcome::Done(asks), at).unwrap();
        let told = |kind| {
            let said = ProviderAnswer::Charged(Outcome::Refused(refusal(kind)));
            let answer = PaymentAnswer { attempt: AttemptId::new(at, [1; 10]), said, seen: None };
            answer.client_outcome(waiting.clone(), OperationKind::Charge.into())
        };
        assert_eq!(told(RefusalKind::Invalid { param: None }).unwrap(), waiting);
        assert!(told(RefusalKind::Configuration).is_err(), "a return that the provider does not take");
    }

    /// A process that was frozen before its call may make it after others have recorded a refusal.
    #[test]
    fn money_that_moved_for_a_payment_that_failed_meanwhile_is_recorded() {
        let at = Timestamp::UNIX_EPOCH;
        let failed = charge(CaptureMode::Automatic)
            .charge_answered(Outcome::Refused(refusal(RefusalKind::State)), at)
            .unwrap();
        let (payment, charge) = (ProviderRef::new("pi_1"), ProviderRef::new("ch_1"));
        let done = Charged::Completed { payment, charge, paid_with: None };
        let said = ProviderAnswer::Charged(Outcome::Done(done));
        let late = PaymentAnswer { attempt: AttemptId::new(at, [1; 10]), said, seen: None };
        assert!(late.moves(failed.clone(), at).is_err());
        let revived = late.revives(&failed, at).unwrap();
        assert_eq!((revived.state.name(), revived.version), ("completed", failed.version + 1));
        assert!(late.revives(&revived, at).is_none(), "once");
    }

    #[test]
    fn a_late_answer_to_an_earlier_capture_decides_nothing_about_the_next_one() {
        let at = Timestamp::UNIX_EPOCH;
        let [earlier, later] = [2, 3].map(|n| AttemptId::new(at, [n; 10]));
        let payment = authorized().begin_capture(None, later, None, at).unwrap();
        let done = || {
            ProviderAnswer::Captured(Outcome::Done(Captured::Completed { charge: ProviderRef::new("pi_1") }))
        };
        let answer = |attempt| PaymentAnswer { attempt, said: done(), seen: None };
        assert!(answer(earlier).moves(payment.clone(), at).is_err());
        assert!(answer(later).moves(payment, at).is_ok());
    }

    #[test]
    fn a_refused_capture_adopts_what_the_provider_shows_in_the_same_move() {
        let at = Timestamp::UNIX_EPOCH;
        let attempt = AttemptId::new(at, [2; 10]);
        let payment = authorized().begin_capture(None, attempt, None, at).unwrap();
        let seen = ProviderSnapshot {
            reference: ProviderRef::new("pi_1"),
            payment: Some(payment.id),
            money: Some(payment.money()),
            paid_with: None,
            provider_status: ProviderStatus::Canceled { is_expired: true },
        };
        let said = ProviderAnswer::Captured(Outcome::Refused(refusal(RefusalKind::State)));
        let answer = PaymentAnswer { attempt, said, seen: Some(seen) };
        let moved = answer.moves(payment.clone(), at).unwrap();
        assert_eq!(moved.version, payment.version + 1);
        assert_eq!(moved.state.name(), "canceled");
        let told = answer.client_outcome(moved, OperationKind::Capture.into());
        assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    }
}
