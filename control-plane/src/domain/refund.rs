//! A refund: money going back, once, and never more than was captured.

use edge_core::client::ClientId;
use edge_core::money::{Amount, Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{AttemptId, PaymentId, RefundId};
use super::payment::{Failure, InvalidTransition, Payment};
use super::provider::{Outcome, ProviderRef, Refunded};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub client: ClientId,
    pub amount: Amount,
    pub currency: Currency,
    pub state: RefundState,
    pub version: u32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RefundState {
    /// The amount is reserved on the payment and the provider is being asked.
    Processing {
        attempt: AttemptId,
    },
    /// The provider may or may not have done it; the amount stays reserved.
    Unknown {
        attempt: AttemptId,
        reason: String,
    },
    /// The provider took it and decides later.
    Pending {
        refund: ProviderRef,
    },
    Processed {
        refund: ProviderRef,
    },
    /// The amount is free to be refunded again.
    Failed {
        failure: Failure,
    },
}

/// What a client sees of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Processed,
    Failed,
}

impl RefundState {
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Processing { .. } => "processing",
            Self::Unknown { .. } => "unknown",
            Self::Pending { .. } => "pending",
            Self::Processed { .. } => "processed",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub const fn status(&self) -> RefundStatus {
        match self {
            Self::Processing { .. } | Self::Unknown { .. } | Self::Pending { .. } => RefundStatus::Pending,
            Self::Processed { .. } => RefundStatus::Processed,
            Self::Failed { .. } => RefundStatus::Failed,
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
    /// A refund of `amount` of this payment, about to be asked for.
    #[must_use]
    pub fn open(id: RefundId, payment: &Payment, amount: Amount, attempt: AttemptId, at: Timestamp) -> Self {
        Self {
            id,
            payment: payment.id,
            client: payment.client.clone(),
            amount,
            currency: payment.request.currency,
            state: RefundState::Processing { attempt },
            version: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[must_use]
    pub const fn money(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }

    /// The provider's word on the refund.
    pub fn answered(mut self, answer: Outcome<Refunded>, at: Timestamp) -> Result<Self, InvalidTransition> {
        let (RefundState::Processing { attempt } | RefundState::Unknown { attempt, .. }) = self.state else {
            return Err(InvalidTransition { from: self.state.name(), wanted: "refunded" });
        };
        self.state = match answer {
            Outcome::Done(Refunded::Processed { refund }) => RefundState::Processed { refund },
            Outcome::Done(Refunded::Pending { refund }) => RefundState::Pending { refund },
            Outcome::Refused(refusal) => RefundState::Failed { failure: Failure::Refused(refusal) },
            Outcome::NotSent(doubt) => RefundState::Failed { failure: Failure::NotSent(doubt) },
            Outcome::Unknown(doubt) => RefundState::Unknown { attempt, reason: doubt.reason },
        };
        self.version += 1;
        self.updated_at = at;
        Ok(self)
    }
}
