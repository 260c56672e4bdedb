//! Applies a snapshot to a payment. Forward only: a stale read never undoes a movement of money.
//!
//! ```text
//! processing, unknown → completed, captured, authorized, requires_action, canceled, failed
//! unknown             → processing (the provider accepted it)
//! requires_action     → completed, captured, authorized, canceled, failed
//! authorized          → captured, canceled
//! unknown             → as before the operation, or failed: once its key reveals nothing more and the provider's
//!                       records show that it was not executed
//! failed              → completed, captured, authorized   and an operator is alerted
//! canceled            → completed, captured               and an operator is alerted
//! ```
//!
//! While one of our calls may still return an answer, only `completed` and `captured` are entered.

use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata};
use jiff::{SignedDuration, Timestamp};

use super::{Absence, Applied, Origin, OwnCall, ProviderSnapshot, ProviderStatus};
use crate::model::in_flight::READS_LAG;
use crate::model::payer_action::PayerAction;
use crate::model::payment::{
    Authorization, CancelReason, Cancelable, ChargeTerms, Failure, InFlightOperation, Operation, Payment,
    Session, State,
};
use crate::model::provider::{ProviderRef, Refusal};

/// How long a payer can approve an order of PayPal, unless the account has a longer time (developer.paypal.com, "Orders
/// v2").
const ORDER_LIFE: SignedDuration = SignedDuration::from_hours(3);

/// The transition that follows from a snapshot.
enum Next {
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

fn failed(refusal: &Refusal) -> State {
    State::Failed { failure: Failure::Refused(refusal.clone()) }
}

const fn ended(is_expired: bool) -> State {
    let reason = if is_expired { CancelReason::Expired } else { CancelReason::AtProvider };
    State::Canceled { reason: Some(reason) }
}

const NOT_DONE: &str = "the provider's records show that it was not done, and no request for it is left";

impl Payment {
    /// Restores the lost record of one of our payments: as it was opened, and as the provider shows it. `None` if no
    /// money was moved or held for it.
    #[must_use]
    pub fn found(
        provider: Provider,
        seen: &ProviderSnapshot,
        origin: &Origin,
        at: Timestamp,
    ) -> Option<[Self; 2]> {
        let Money { amount, currency } = seen.money?;
        let request = ChargeTerms {
            provider,
            amount,
            currency,
            payment_method_id: None,
            wallet: None,
            verification: None,
            capture: origin.capture,
            description: None,
            metadata: Metadata::default(),
            return_url: None,
            customer_reference: None,
        };
        let id = seen.payment?;
        // Lists assume that ids and creation times have the same order.
        let created_at = id.made_at().map_or(at, |made| made.min(at));
        let opened = Self { created_at, ..Self::open(id, origin.client.clone(), request, None, at) };
        let next = match &seen.provider_status {
            ProviderStatus::Captured { charge, money } => opened.captured_at(charge, *money),
            ProviderStatus::Authorized { authorization, .. } => opened.authorized_at(authorization),
            _ => return None,
        };
        let Next::State(state) = next else { return None };
        let found = opened.clone().enter(state, Some(seen.reference.clone()), at);
        let found = found.paid_by(seen.paid_with.clone());
        Some([opened, found])
    }

    /// Applies `seen` to this payment. `is_left_to_records`: none of our calls can still execute the operation, so the
    /// records prove its absence as well as its presence.
    #[must_use]
    pub fn apply(
        &self,
        seen: &ProviderSnapshot,
        call: OwnCall,
        is_left_to_records: bool,
        at: Timestamp,
    ) -> Applied<Self> {
        if let Err(problem) = self.is_described_by(seen) {
            return Applied::Refused(problem.to_owned());
        }
        if let ProviderStatus::Unclear(problem) = &seen.provider_status {
            return Applied::Refused(problem.clone());
        }
        let enter = |state| {
            let entered = self.clone().enter(state, Some(seen.reference.clone()), at);
            entered.paid_by(seen.paid_with.clone())
        };
        match self.next(seen, call, is_left_to_records, at) {
            Next::Known => Applied::Known,
            Next::Wait => Applied::Wait,
            Next::State(state) => Applied::Moved(enter(state)),
            Next::Surprise(state) => Applied::Surprising(enter(state)),
            Next::Refused(problem) => Applied::Refused(problem.to_owned()),
        }
    }

    /// Applies the absence of this payment from the provider's records. `is_left_to_records` as in [`Self::apply`].
    #[must_use]
    pub fn apply_absence(&self, absence: Absence, is_left_to_records: bool, at: Timestamp) -> Applied<Self> {
        let state = match (&self.state, absence) {
            (State::RequiresAction(_), Absence::Gone) if self.may_have_run_out(at) => ended(true),
            (State::Unknown { in_flight, .. }, absence) if is_left_to_records => {
                match (&in_flight.operation, absence) {
                    (Operation::Charge, _) => in_flight.clone().undone(NOT_DONE.to_owned()),
                    (Operation::Resume(_) | Operation::Cancel(Cancelable::Session(_)), Absence::Gone) => {
                        ended(true)
                    }
                    _ => return Applied::Known,
                }
            }
            _ => return Applied::Known,
        };
        Applied::Moved(self.clone().enter(state, None, at))
    }

    /// Ends an offer to the payer that PayPal does not know any more, before its time is over. At Stripe, offers never end
    /// so. No money can have moved: an order is paid by the gateway's capture alone.
    #[must_use]
    pub fn end_lost_offer(&self, at: Timestamp) -> Applied<Self> {
        match (&self.state, self.request.provider) {
            (State::RequiresAction(_), Provider::Paypal) => {
                Applied::Moved(self.clone().enter(ended(true), None, at))
            }
            _ => Applied::Known,
        }
    }

    /// Whether the provider may have forgotten an offer to the payer because its time is over. Before that, or where
    /// offers never end, other credentials than those that made it look the same, and the payer can still pay.
    fn may_have_run_out(&self, at: Timestamp) -> bool {
        match self.request.provider {
            Provider::Stripe => false,
            Provider::Paypal => at.duration_since(self.updated_at) >= ORDER_LIFE,
        }
    }

    /// Whether this refund at the provider only represents the amount that a partial capture released.
    #[must_use]
    pub fn is_release(&self, seen: &super::RefundSnapshot) -> bool {
        let State::Captured { captured, .. } = &self.state else { return false };
        let released = self.request.amount.minor().checked_sub(captured.minor());
        let is_processed = matches!(seen.provider_status, super::RefundProviderStatus::Processed);
        let is_over = |money: Money| Some(money.amount.minor()) == released;
        seen.refund.is_none() && seen.is_without_funds && is_processed && seen.money.is_some_and(is_over)
    }

    /// Whether the object belongs to this payment: its reference is recorded, or it names the payment.
    #[must_use]
    pub fn is_shown_by(&self, seen: &ProviderSnapshot) -> bool {
        self.reference.as_ref() == Some(&seen.reference)
            || seen.payment == Some(self.id)
            || self.names(&seen.reference)
    }

    /// Checks for the same object, owner and money; the error names the difference.
    pub(crate) fn is_described_by(&self, seen: &ProviderSnapshot) -> Result<(), &'static str> {
        if self.reference.as_ref().is_some_and(|known| *known != seen.reference) {
            return Err("another object of the provider names this payment");
        }
        match seen.payment {
            Some(id) if id == self.id => {}
            Some(_) => return Err("the provider's object belongs to another payment"),
            // A client may create an order itself; then the order is the one that the client's request named. Once the
            // request has ended, only the reference tells.
            None if self.names(&seen.reference) => {}
            None => return Err("the provider's object does not name this payment"),
        }
        match seen.money {
            Some(money) if money.currency != self.request.currency => Err("the currency is another one"),
            Some(money) if money != self.money() => Err("the amount is another one"),
            _ => Ok(()),
        }
    }

    fn names(&self, reference: &ProviderRef) -> bool {
        if self.is_erased {
            return self.reference.as_ref() == Some(reference);
        }
        self.request.payment_method_id.as_ref().is_some_and(|id| id.as_str() == reference.as_str())
    }

    fn next(&self, seen: &ProviderSnapshot, call: OwnCall, is_left_to_records: bool, at: Timestamp) -> Next {
        let provider_status = &seen.provider_status;
        if let ProviderStatus::Captured { charge, money } = provider_status {
            return self.captured_at(charge, *money);
        }
        match &self.state {
            // After a cancellation, a stale read may still show the hold.
            State::Completed { .. } | State::Captured { .. } | State::Canceled { .. } => Next::Known,
            State::Failed { .. } => match provider_status {
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
    fn captured_at(&self, charge: &ProviderRef, money: Money) -> Next {
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

    /// How the payer of this payment acts, where the provider's object shows `shown`: an order of PayPal's has a page
    /// for its own wallet, too, which would be another wallet than the one that was asked for.
    fn action_of(&self, shown: PayerAction) -> PayerAction {
        if self.request.wallet.is_some() { PayerAction::ConfirmOrder } else { shown }
    }

    fn authorized_at(&self, authorization: &ProviderRef) -> Next {
        match self.request.capture {
            CaptureMode::Manual => Next::State(State::Authorized(Authorization::new(authorization.clone()))),
            CaptureMode::Automatic => Next::Refused("the amount is held, though it was to be taken"),
        }
    }

    /// The operation's key reveals nothing more, and the provider's object is in its earlier state.
    fn not_done(&self, in_flight: &InFlightOperation, provider_status: &ProviderStatus) -> Next {
        match (&in_flight.operation, provider_status) {
            // The payer acted before the cancellation.
            (Operation::Cancel(Cancelable::Session(_)), ProviderStatus::Authorized { authorization, .. }) => {
                self.authorized_at(authorization)
            }
            // A declined earlier capture remains visible while the amount is held.
            (
                Operation::Capture { .. } | Operation::Cancel(Cancelable::Authorization(_)),
                ProviderStatus::Authorized { .. } | ProviderStatus::Declined(_),
            )
            | (
                Operation::Charge | Operation::Resume(_) | Operation::Cancel(Cancelable::Session(_)),
                ProviderStatus::Open | ProviderStatus::RequiresAction(_) | ProviderStatus::Approved { .. },
            ) => Next::State(in_flight.clone().undone(NOT_DONE.to_owned())),
            _ => Next::Known,
        }
    }

    /// Applies a snapshot to an operation whose own call brought no decision. A read that may be too early to show the
    /// operation's effect decides nothing: only the same call under the same key is conclusive. `has_caught_up`: the
    /// read shows that the provider accepted the call, and its result.
    fn landed(
        &self,
        in_flight: &InFlightOperation,
        accepted: bool,
        has_caught_up: bool,
        seen: &ProviderSnapshot,
    ) -> Next {
        // The provider's object keeps showing an earlier decline.
        let may_be_earlier = match &in_flight.operation {
            Operation::Charge => self.names(&seen.reference),
            operation => operation.is_after_a_decline(),
        };
        let is_its_own = has_caught_up || !may_be_earlier;
        match (&in_flight.operation, &seen.provider_status) {
            (Operation::Cancel(_), ProviderStatus::Canceled { .. }) => {
                Next::State(State::Canceled { reason: None })
            }
            (_, ProviderStatus::Canceled { is_expired }) => Next::State(ended(*is_expired)),
            (Operation::Capture { of, .. }, ProviderStatus::Declined(_)) if is_its_own => {
                Next::State(State::Authorized(of.clone().after_a_decline()))
            }
            // An earlier capture was declined, which proves nothing about this capture or the hold.
            (
                Operation::Capture { .. } | Operation::Cancel(Cancelable::Authorization(_)),
                ProviderStatus::Declined(_),
            ) => Next::Known,
            (_, ProviderStatus::Declined(refusal)) => Next::State(failed(refusal)),
            (Operation::Charge | Operation::Resume(_), ProviderStatus::Authorized { authorization, .. }) => {
                self.authorized_at(authorization)
            }
            (Operation::Charge, ProviderStatus::RequiresAction(action)) => {
                let action = self.action_of(action.clone());
                Next::State(State::RequiresAction(Session::new(seen.reference.clone(), action, false)))
            }
            // A wallet's order has no page, so only its owner's payment tells how the payer acts.
            (Operation::Charge, ProviderStatus::Open)
                if self.request.wallet.is_some() && !self.names(&seen.reference) =>
            {
                let action = PayerAction::ConfirmOrder;
                Next::State(State::RequiresAction(Session::new(seen.reference.clone(), action, false)))
            }
            // The payer's method was declined after all; the payer may choose another for the same order.
            (Operation::Resume(session), ProviderStatus::Approved { declined: Some(_), page })
                if is_its_own =>
            {
                let action = page.clone().map_or_else(|| session.action.clone(), PayerAction::Page);
                let action = self.action_of(action);
                Next::State(State::RequiresAction(Session { action, declined: true, ..session.clone() }))
            }
            (Operation::Charge, ProviderStatus::Approved { declined: Some(refusal), page }) if is_its_own => {
                Next::State(match page.clone() {
                    Some(url) => {
                        let action = self.action_of(PayerAction::Page(url));
                        State::RequiresAction(Session::new(seen.reference.clone(), action, true))
                    }
                    // The payer approved beforehand, or the order is the client's, which may submit it again.
                    None => failed(refusal),
                })
            }
            // Not for a capture: a stale read may show the charge before it.
            (Operation::Charge | Operation::Resume(_), ProviderStatus::Processing) if !accepted => {
                Next::State(State::Processing { in_flight: in_flight.clone(), accepted: true })
            }
            _ => Next::Known,
        }
    }
}
