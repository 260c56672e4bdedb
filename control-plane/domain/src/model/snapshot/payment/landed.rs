//! What a snapshot shows of the operation in flight.

use super::next::{NOT_DONE, Next, ended, failed};
use crate::model::payer_action::PayerAction;
use crate::model::payment::{Cancelable, InFlightOperation, Operation, Payment, Session, State};
use crate::model::snapshot::{ProviderSnapshot, ProviderStatus};

impl Payment {
    /// The operation's key reveals nothing more, and the provider's object is in its earlier state.
    pub(super) fn not_done(&self, in_flight: &InFlightOperation, provider_status: &ProviderStatus) -> Next {
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
    pub(super) fn landed(
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
                Next::State(State::Canceled { reason: None, resumed_by: None })
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
            // A wallet's order has no page, so only its owner's payment says how the payer acts.
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

    /// How the payer of this payment acts, where the provider's object shows `shown`: an order of PayPal's has a page
    /// for its own wallet, too, which would be another wallet than the one that was asked for.
    fn action_of(&self, shown: PayerAction) -> PayerAction {
        if self.request.wallet.is_some() { PayerAction::ConfirmOrder } else { shown }
    }
}
