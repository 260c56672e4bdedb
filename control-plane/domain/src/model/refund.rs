//! A refund: returns money once, and never more than was captured.

use edge_core::client::ClientId;
use edge_core::money::{Amount, Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::follow_up::FollowUp;
use crate::model::id::{AttemptId, PaymentId, RefundId};
use crate::model::in_flight::{InFlight, InProgress};
use crate::model::payment::{Failure, Payment};
use crate::model::provider::{Outcome, ProviderRef, Refunded, Uncertainty};
use crate::model::transition::InvalidTransition;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub client: ClientId,
    pub amount: Amount,
    pub currency: Currency,
    pub state: RefundState,
    /// When to follow up next; set exactly while the refund is undecided.
    pub follow_up: Option<FollowUp>,
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// The amount is reserved on the payment and the call is in flight.
    Processing {
        #[serde(flatten)]
        call: InFlight,
    },
    /// The provider was certainly not reached, or rejected the request unprocessed. The call is sent again later; the
    /// amount stays reserved.
    Queued {
        #[serde(flatten)]
        call: InFlight,
        reason: String,
    },
    /// The provider may or may not have executed the refund; the amount stays reserved.
    Unknown {
        #[serde(flatten)]
        call: InFlight,
        reason: String,
    },
    /// The provider accepted the refund and decides later.
    Pending {
        refund: ProviderRef,
    },
    Processed {
        refund: ProviderRef,
    },
    /// The amount can be refunded again.
    Failed {
        failure: Failure,
    },
}

/// The status that clients see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundStatus {
    Pending,
    Processed,
    Failed,
}

impl RefundStatus {
    /// The status of the state with this name; `None` for one of a newer release.
    #[must_use]
    pub fn of_state(name: &str) -> Option<Self> {
        match name {
            "processing" | "queued" | "unknown" | "pending" => Some(Self::Pending),
            "processed" => Some(Self::Processed),
            "failed" => Some(Self::Failed),
            _ => None,
        }
    }
}

impl RefundState {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Processing { .. } => "processing",
            Self::Queued { .. } => "queued",
            Self::Unknown { .. } => "unknown",
            Self::Pending { .. } => "pending",
            Self::Processed { .. } => "processed",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub const fn status(&self) -> RefundStatus {
        match self {
            Self::Processing { .. } | Self::Queued { .. } | Self::Unknown { .. } | Self::Pending { .. } => {
                RefundStatus::Pending
            }
            Self::Processed { .. } => RefundStatus::Processed,
            Self::Failed { .. } => RefundStatus::Failed,
        }
    }

    /// The call in flight, whether or not its answer can still arrive.
    #[must_use]
    pub const fn call(&self) -> Option<&InFlight> {
        match self {
            Self::Processing { call } | Self::Queued { call, .. } | Self::Unknown { call, .. } => Some(call),
            Self::Pending { .. } | Self::Processed { .. } | Self::Failed { .. } => None,
        }
    }

    #[must_use]
    pub const fn reference(&self) -> Option<&ProviderRef> {
        match self {
            Self::Pending { refund } | Self::Processed { refund } => Some(refund),
            _ => None,
        }
    }
}

impl Refund {
    /// Opens a refund of `amount` of this payment, with its call in flight.
    #[must_use]
    pub fn open(id: RefundId, payment: &Payment, amount: Amount, attempt: AttemptId, at: Timestamp) -> Self {
        Self {
            id,
            payment: payment.id,
            client: payment.client.clone(),
            amount,
            currency: payment.request.currency,
            state: RefundState::Processing { call: InFlight::new(attempt, at) },
            follow_up: Some(FollowUp::after(None, at)),
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[must_use]
    pub const fn money(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }

    /// Applies the provider's answer to the refund.
    pub fn answered(self, answer: Outcome<Refunded>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let (call, answer) = match &self.state {
            RefundState::Processing { call } => (call.clone(), answer),
            // An earlier call may have been executed; a refusal of this one does not rule that out.
            RefundState::Unknown { call, .. } => (call.clone(), answer.of_a_repeat()),
            _ => return Err(self.refuse("refunded")),
        };
        let state = match answer {
            Outcome::Done(Refunded::Processed { refund }) => RefundState::Processed { refund },
            Outcome::Done(Refunded::Pending { refund }) => RefundState::Pending { refund },
            Outcome::Refused(refusal) => RefundState::Failed { failure: Failure::Refused(refusal) },
            Outcome::NotSent(uncertainty) => RefundState::Queued { call, reason: uncertainty.reason },
            Outcome::Unknown(uncertainty) => {
                RefundState::Unknown { call: call.noting(&uncertainty, at), reason: uncertainty.reason }
            }
        };
        Ok(self.enter(state, at))
    }

    const fn refuse(&self, wanted: &'static str) -> InvalidTransition {
        InvalidTransition { from: self.state.name(), wanted }
    }

    pub(crate) fn enter(mut self, state: RefundState, at: Timestamp) -> Self {
        self.state = state;
        let undecided = self.state.status() == RefundStatus::Pending;
        self.follow_up = undecided.then(|| FollowUp::after(self.follow_up, at));
        self.version += 1;
        self.updated_at = at;
        self
    }
}

impl InProgress for Refund {
    fn lost(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let RefundState::Processing { call } = &self.state else { return Err(self.refuse("lost")) };
        let reason = "the call was begun and its answer was never recorded".to_owned();
        let call = call.clone();
        Ok(self.enter(RefundState::Unknown { call, reason }, at))
    }

    fn begin_again(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let RefundState::Queued { call, .. } = &self.state else {
            return Err(self.refuse("asked for"));
        };
        let call = call.clone().asked_again(at);
        Ok(self.enter(RefundState::Processing { call }, at))
    }

    fn give_up(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        let RefundState::Queued { reason, .. } = &self.state else {
            return Err(self.refuse("given up"));
        };
        let failure = Failure::NotSent(Uncertainty::new(reason.clone()));
        Ok(self.enter(RefundState::Failed { failure }, at))
    }
}
