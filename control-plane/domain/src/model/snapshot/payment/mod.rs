//! Applies a snapshot to a payment. Forward only: a stale read never undoes a movement of money.
//!
//! ```text
//! processing, unknown → completed, captured, authorized, requires_action, canceled, failed
//! unknown             → processing (the provider accepted it)
//! requires_action     → completed, captured, authorized, canceled, failed
//! authorized          → captured, canceled
//! unknown             → as before the operation, or failed: once its key reveals nothing more and the provider's
//!                       records show that it was not executed
//! failed              → completed, captured, authorized   and an operator is alerted; not authorized once its terms
//!                       have ended
//! canceled            → completed, captured               and an operator is alerted
//! ```
//!
//! While one of our calls may still return an answer, only `completed` and `captured` are entered.

mod found;
mod identity;
mod landed;
mod next;

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use self::next::{NOT_DONE, Next, ended};
use super::{Absence, Applied, OwnCall, ProviderSnapshot, ProviderStatus};
use crate::model::payment::{Cancelable, Operation, Payment, State};

/// How long a payer can approve an order of PayPal, unless the account has a longer time (developer.paypal.com, "Orders
/// v2").
const ORDER_LIFE: SignedDuration = SignedDuration::from_hours(3);

impl Payment {
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

    /// Ends an offer to the payer that PayPal does not know any more, before its time is over. At Stripe, offers never
    /// end so. No money can have moved: an order is paid by the gateway's capture alone.
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
}
