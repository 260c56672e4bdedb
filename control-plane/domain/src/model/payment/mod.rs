//! A payment and its transitions. Pure: no transition reads a clock or makes a call.
//!
//! ```text
//! created → processing → completed
//!                      → authorized → processing → captured
//!                      │            → processing → canceled
//!                      → requires_action → processing → …
//!                      → failed
//!                      → queued → processing → …
//!                      │        → canceled (before anything was sent)
//!                      → unknown → (snapshot) → any of the above
//! ```
//!
//! A cancellation requested while the outcome of a charge is unknown is stored with the in-flight call. Once the
//! outcome is known, the payment moves to `queued` with the cancellation or, if money moved, is marked for refund.

mod answers;
mod begin;
mod in_flight;
mod state;
mod status;
mod terms;

use edge_core::client::ClientId;
use edge_core::money::{Amount, Money};
use jiff::Timestamp;

pub use self::in_flight::{CancelWish, Cancelable, InFlightOperation, Operation};
pub use self::state::{Authorization, CancelReason, Failure, ResumedBy, Session, State};
pub use self::status::Status;
pub use self::terms::ChargeTerms;

use self::in_flight::canceled_as_wished;
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::paid_with::PaidWith;
use crate::model::provider::ProviderRef;
use crate::model::transition::InvalidTransition;

/// Why a capture cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureRefused {
    #[error(transparent)]
    State(#[from] InvalidTransition),
    #[error("more than the {authorized} authorized cannot be captured")]
    Exceeds { authorized: Amount },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    pub id: PaymentId,
    pub client: ClientId,
    pub request: ChargeTerms,
    /// The terms have ended by the operator's schedule: those that say something of the payer are gone from `request`.
    /// Only a decided payment's terms end, so no call needs them any more.
    pub is_erased: bool,
    pub state: State,
    /// The provider's reference for the whole payment: a PaymentIntent or an order.
    pub reference: Option<ProviderRef>,
    /// The sum of all refunds that did not fail, in minor units. Only refunds change it, and the store rejects a refund
    /// that would raise it above the captured amount.
    pub refunded: u64,
    /// What the payer paid with, once the provider reports it.
    pub paid_with: Option<PaidWith>,
    /// When to follow up next; set exactly while the payment is undecided.
    pub follow_up: Option<FollowUp>,
    /// Counts the transitions; the store moves a payment only from the version that was read.
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Payment {
    /// Opens a payment. `reference`: the approved order, if the request names one.
    #[must_use]
    pub fn open(
        id: PaymentId,
        client: ClientId,
        request: ChargeTerms,
        reference: Option<ProviderRef>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            client,
            request,
            is_erased: false,
            state: State::Created,
            reference,
            refunded: 0,
            paid_with: None,
            follow_up: Some(FollowUp::after(None, at)),
            version: 0,
            created_at: at,
            updated_at: at,
        }
    }

    #[must_use]
    pub fn money(&self) -> Money {
        self.request.money()
    }

    /// The charge that refunds refer to, and the captured amount.
    #[must_use]
    pub fn captured(&self) -> Option<(&ProviderRef, Amount)> {
        match &self.state {
            State::Completed { charge, .. } => Some((charge, self.request.amount)),
            State::Captured { charge, captured, .. } => Some((charge, *captured)),
            _ => None,
        }
    }

    pub(crate) fn enter(mut self, state: State, reference: Option<ProviderRef>, at: Timestamp) -> Self {
        let state = state.keeping(self.state.resumed_by());
        self.state = match self.state.in_flight().and_then(|in_flight| in_flight.cancel.clone()) {
            Some(wish) => canceled_as_wished(state, wish, at),
            None => state,
        };
        self.reference = reference.or(self.reference);
        let undecided = self.state.status() == Status::Pending;
        self.follow_up = undecided.then(|| FollowUp::after(self.follow_up, at));
        self.version += 1;
        self.updated_at = at;
        self
    }

    /// Adds what the provider reports about the payer's method; the rest stays unchanged.
    pub(crate) fn paid_by(self, told: Option<PaidWith>) -> Self {
        Self { paid_with: told.or(self.paid_with), ..self }
    }

    pub(super) const fn refuse(&self, wanted: &'static str) -> InvalidTransition {
        InvalidTransition { from: self.state.name(), wanted }
    }
}
