//! Why an operation was not carried out, and what that means for its idempotency key.

use edge_core::money::Amount;
use edge_core::provider::Provider;

use crate::model::id::PaymentId;
use crate::model::payment::{CaptureRefused, Payment, Status};
use crate::model::provider::{Refusal, RefusalKind, Unacceptable, Uncertainty};
use crate::model::transition::InvalidTransition;
use crate::ports::store::StoreError;

/// Why an operation was not carried out. No variant is uncertain about the provider: an unknown outcome there is a
/// pending payment. Only whether the intent itself was recorded can be in doubt ([`OperationError::InDoubt`]).
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    #[error("{0} is not configured on this gateway")]
    ProviderNotConfigured(Provider),
    #[error("{}: {}", .0.param, .0.message)]
    Unacceptable(Unacceptable),
    #[error("no such payment")]
    NotFound,
    #[error("{problem}")]
    InvalidState { payment: PaymentId, problem: String },
    /// Refused only because the payment or one of its refunds is undecided. Not final: it will be decided.
    #[error("{problem}; try again when it is decided")]
    Undecided { payment: PaymentId, problem: String },
    #[error("more than the {authorized} authorized cannot be captured")]
    CaptureExceeds { payment: PaymentId, authorized: Amount },
    #[error("{remaining} of the payment can still be refunded")]
    RefundExceeds { payment: PaymentId, remaining: u64 },
    /// Another payment has just been created for the order; look it up.
    #[error("another payment is being made for this order")]
    OrderTaken,
    /// The provider's definite refusal.
    #[error("{}", refusal.message)]
    Refused { payment: PaymentId, refusal: Box<Refusal> },
    /// The provider could not be reached; nothing happened there.
    #[error("{}", uncertainty.reason)]
    NotSent { payment: PaymentId, uncertainty: Uncertainty },
    /// The operation was certainly not executed and is not retried.
    #[error("the {operation} was not carried out and is not tried any more; nothing changed at the provider")]
    GivenUp { payment: PaymentId, operation: &'static str },
    /// The payment moved elsewhere while the operation was in flight.
    #[error("{problem}")]
    Superseded { payment: PaymentId, problem: String },
    /// Another request is changing the payment.
    #[error("another request is working on the payment; try again")]
    Busy { payment: PaymentId },
    /// The first request with this idempotency key has not finished.
    #[error("the first request with this idempotency key is being worked on; try again")]
    InProgress,
    /// Another request took the idempotency key between our lookup and our commit; look it up again.
    #[error("the idempotency key has just been used")]
    KeyTaken,
    /// The commit of the intent was sent but not confirmed. If it succeeded, the request will be carried out; repeating
    /// the request under its key finds out.
    #[error("it is not known whether the request is recorded")]
    InDoubt(#[source] StoreError),
    /// The database certainly did not record the intent: the request is not carried out.
    #[error("the request is not recorded, so it is not carried out")]
    NotRecorded(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the operation ended unexpectedly")]
    Crashed,
}

impl OperationError {
    /// Converts the error of an intent's commit.
    pub fn unwritten(problem: StoreError) -> Self {
        match problem {
            StoreError::Unavailable(_) => Self::InDoubt(problem),
            StoreError::NotWritten(_) => Self::NotRecorded(problem),
            StoreError::TimedOut
            | StoreError::NoConnection
            | StoreError::Overloaded
            | StoreError::Inconsistent(_) => Self::Store(problem),
        }
    }

    pub(crate) fn state(payment: &Payment, problem: InvalidTransition) -> Self {
        // The provider or the payer decides about these, so the same request can succeed later. What only another
        // request of the client would change is a final answer.
        let is_undecided = matches!(payment.state.status(), Status::Pending | Status::RequiresAction);
        let (problem, payment) = (problem.to_string(), payment.id);
        if is_undecided {
            Self::Undecided { payment, problem }
        } else {
            Self::InvalidState { payment, problem }
        }
    }

    pub(crate) fn capture(payment: &Payment, refused: CaptureRefused) -> Self {
        match refused {
            CaptureRefused::State(problem) => Self::state(payment, problem),
            CaptureRefused::Exceeds { authorized } => {
                Self::CaptureExceeds { payment: payment.id, authorized }
            }
        }
    }
}

impl OperationError {
    /// Whether the error occurred before anything was recorded.
    #[must_use]
    pub fn is_before_execution(&self) -> bool {
        !matches!(
            self,
            Self::Refused { .. } | Self::NotSent { .. } | Self::GivenUp { .. } | Self::Superseded { .. }
        )
    }

    /// Whether the error occurred before the request's key was looked up: an earlier request with the key may have
    /// received a different answer.
    #[must_use]
    pub fn may_hide_a_used_key(&self) -> bool {
        match self {
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::Undecided { .. }
            | Self::OrderTaken
            // This request's change was not recorded; an earlier request with the key may have recorded its own.
            | Self::NotRecorded(_) => true,
            // These look up the key themselves, concern it, or leave open whether it was taken.
            Self::NotFound
            | Self::InvalidState { .. }
            | Self::RefundExceeds { .. }
            | Self::Refused { .. }
            | Self::NotSent { .. }
            | Self::GivenUp { .. }
            | Self::Superseded { .. }
            | Self::InProgress
            | Self::KeyTaken
            | Self::InDoubt(_)
            | Self::Store(_)
            | Self::Crashed => false,
        }
    }

    /// Whether the same request would always get the same answer. All other errors may be retried under the same key:
    /// the request was certainly not executed, or (in doubt, crashed) the key reveals its outcome.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused { refusal, .. } => refusal.kind != RefusalKind::Configuration,
            Self::NotFound
            | Self::InvalidState { .. }
            | Self::RefundExceeds { .. }
            | Self::GivenUp { .. }
            | Self::Superseded { .. } => true,
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::Undecided { .. }
            | Self::InProgress
            | Self::KeyTaken
            | Self::OrderTaken
            | Self::NotSent { .. }
            | Self::InDoubt(_)
            | Self::NotRecorded(_)
            | Self::Store(_)
            | Self::Crashed => false,
        }
    }
}
