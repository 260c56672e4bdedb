//! The transition that follows from a snapshot, by the recorded state.

use edge_core::money::Money;
use edge_core::request::CaptureMode;
use jiff::Timestamp;

use crate::model::in_flight::READS_LAG;
use crate::model::payment::{Authorization, CancelReason, Failure, Payment, State};
use crate::model::provider::{ProviderRef, Refusal};
use crate::model::snapshot::{OwnCall, ProviderSnapshot, ProviderStatus};

/// The transition that follows from a snapshot.
pub(super) enum Next {
    Known,
    Wait,
    State(State),
    Surprise(State),
    Refused(&'static str),
}

impl Next {
    fn surprise(self) -> Self {
        match self {
            Self::State(state) => Self::Surprise(state),
            other => other,
        }
    }
}

pub(super) fn failed(refusal: &Refusal) -> State {
    State::Failed { failure: Failure::Refused(refusal.clone()), resumed_by: None }
}

pub(super) const fn ended(is_expired: bool) -> State {
    let reason = if is_expired { CancelReason::Expired } else { CancelReason::AtProvider };
    State::Canceled { reason: Some(reason), resumed_by: None }
}

pub(super) const NOT_DONE: &str =
    "the provider's records show that it was not done, and no request for it is left";

impl Payment {
    pub(super) fn next(
        &self,
        seen: &ProviderSnapshot,
        call: OwnCall,
        is_left_to_records: bool,
        at: Timestamp,
    ) -> Next {
        let provider_status = &seen.provider_status;
        if let ProviderStatus::Captured { charge, money } = provider_status {
            return self.captured_at(charge, *money);
        }
        match &self.state {
            // After a cancellation, a stale read may still show the hold.
            State::Completed { .. } | State::Captured { .. } | State::Canceled { .. } => Next::Known,
            State::Failed { .. } => match provider_status {
                // Retention ends terms only of payments for which nothing is left to do; this one cannot be done again.
                ProviderStatus::Authorized { .. } if self.is_erased => {
                    Next::Refused("an amount is held for a failed payment whose terms have ended")
                }
                ProviderStatus::Authorized { authorization, .. } => {
                    self.authorized_at(authorization).surprise()
                }
                _ => Next::Known,
            },
            State::Authorized(_) => match provider_status {
                ProviderStatus::Canceled { is_expired } => Next::State(ended(*is_expired)),
                // PayPal keeps showing an expired authorization unchanged. If its clock is behind ours, the hold ends
                // here slightly early, and a capture made there meanwhile is still applied.
                ProviderStatus::Authorized { expires: Some(expires), .. } if at >= *expires => {
                    Next::State(ended(true))
                }
                _ => Next::Known,
            },
            State::RequiresAction(_) => match provider_status {
                ProviderStatus::Authorized { authorization, .. } => self.authorized_at(authorization),
                ProviderStatus::Declined(refusal) => Next::State(failed(refusal)),
                ProviderStatus::Canceled { is_expired } => Next::State(ended(*is_expired)),
                _ => Next::Known,
            },
            // While a call is in flight, only a movement of money is certain.
            State::Created => Next::Wait,
            State::Processing { accepted: false, .. } if call == OwnCall::MayAnswer => Next::Wait,
            State::Processing { in_flight, accepted } => {
                let has_caught_up = *accepted && at.duration_since(self.updated_at) >= READS_LAG;
                self.landed(in_flight, *accepted, has_caught_up, seen)
            }
            State::Queued { in_flight, .. } => self.landed(in_flight, false, false, seen),
            State::Unknown { in_flight, .. } => match self.landed(in_flight, false, false, seen) {
                Next::Known if is_left_to_records => self.not_done(in_flight, provider_status),
                next => next,
            },
        }
    }

    /// The money moved, whatever the recorded state.
    pub(super) fn captured_at(&self, charge: &ProviderRef, money: Money) -> Next {
        if money.currency != self.request.currency {
            return Next::Refused("another currency was captured");
        }
        if let Some((_, captured)) = self.captured() {
            let same = captured == money.amount;
            return if same { Next::Known } else { Next::Refused("another amount was captured") };
        }
        let charge = charge.clone();
        let state = match self.request.capture {
            CaptureMode::Automatic if money.amount == self.request.amount => {
                State::Completed { charge, to_refund: false, resumed_by: None }
            }
            CaptureMode::Manual if money.amount <= self.request.amount => {
                State::Captured { charge, captured: money.amount, to_refund: false }
            }
            _ => return Next::Refused("another amount was captured than was asked for"),
        };
        match self.state {
            State::Failed { .. } | State::Canceled { .. } => Next::Surprise(state),
            _ => Next::State(state),
        }
    }

    pub(super) fn authorized_at(&self, authorization: &ProviderRef) -> Next {
        match self.request.capture {
            CaptureMode::Manual => Next::State(State::Authorized(Authorization::new(authorization.clone()))),
            CaptureMode::Automatic => Next::Refused("the amount is held, though it was to be taken"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provider::{Outcome, RefusalKind};
    use crate::model::samples::{charge, refusal};
    use crate::model::snapshot::Applied;

    #[test]
    fn a_failed_payment_whose_terms_have_ended_is_not_authorized_again() {
        let at = Timestamp::UNIX_EPOCH;
        let refused = Outcome::Refused(refusal(RefusalKind::Declined));
        let failed = charge(CaptureMode::Manual).charge_answered(refused, at).unwrap();
        let reference = ProviderRef::new("pi_1");
        let seen = ProviderSnapshot {
            reference: reference.clone(),
            payment: Some(failed.id),
            money: None,
            paid_with: None,
            provider_status: ProviderStatus::Authorized { authorization: reference, expires: None },
        };
        let applied = failed.apply(&seen, OwnCall::IsOver, false, at);
        assert!(matches!(applied, Applied::Surprising(_)), "{applied:?}");
        let applied = Payment { is_erased: true, ..failed }.apply(&seen, OwnCall::IsOver, false, at);
        assert!(matches!(applied, Applied::Refused(_)), "{applied:?}");
    }
}
