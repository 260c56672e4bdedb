//! Why an operation was not done, and what that means for its idempotency key.

use edge_core::money::Amount;
use edge_core::provider::Provider;

use crate::model::id::PaymentId;
use crate::model::payment::CaptureRefused;
use crate::model::provider::{Refusal, RefusalKind, Unacceptable, Uncertainty};
use crate::model::transition::InvalidTransition;
use crate::ports::store::StoreError;

/// Why an operation was not done. Nothing here is a doubt about the provider: an unknown outcome there is a pending
/// payment. Only whether the intent itself was recorded can be open ([`OperationError::InDoubt`]).
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
    #[error("more than the {authorized} authorized cannot be captured")]
    CaptureExceeds { payment: PaymentId, authorized: Amount },
    #[error("{remaining} of the payment can still be refunded")]
    RefundExceeds { payment: PaymentId, remaining: u64 },
    /// Another payment has just been made for the order; look for it.
    #[error("another payment is being made for this order")]
    OrderTaken,
    /// The provider's definite no.
    #[error("{}", refusal.message)]
    Refused { payment: PaymentId, refusal: Box<Refusal> },
    /// The provider could not be reached; nothing happened there.
    #[error("{}", uncertainty.reason)]
    NotSent { payment: PaymentId, uncertainty: Uncertainty },
    /// The operation was certainly not executed, and is not tried any more.
    #[error("the {operation} was not carried out and is not tried any more; nothing changed at the provider")]
    GivenUp { payment: PaymentId, operation: &'static str },
    /// The payment went another way while the operation was in flight.
    #[error("{problem}")]
    Superseded { payment: PaymentId, problem: String },
    /// Another request is changing the payment right now.
    #[error("another request is working on the payment; try again")]
    Busy { payment: PaymentId },
    /// The first request with this idempotency key has not finished.
    #[error("the first request with this idempotency key is being worked on; try again")]
    InProgress,
    /// The idempotency key was used between looking for it and taking it; look again.
    #[error("the idempotency key has just been used")]
    KeyTaken,
    /// The database took the intent and did not say whether it is written. If it is, it will be carried out; the same
    /// request under its key finds out.
    #[error("it is not known whether the request is recorded")]
    InDoubt(#[source] StoreError),
    /// The database did not take the intent, which is certain: the request is not carried out.
    #[error("the request is not recorded, so it is not carried out")]
    NotRecorded(#[source] StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the operation ended unexpectedly")]
    Crashed,
}

impl OperationError {
    /// The commit of an intent failed so.
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

    pub(crate) fn state(payment: PaymentId, problem: InvalidTransition) -> Self {
        Self::InvalidState { payment, problem: problem.to_string() }
    }

    pub(crate) fn capture(payment: PaymentId, refused: CaptureRefused) -> Self {
        match refused {
            CaptureRefused::State(problem) => Self::state(payment, problem),
            CaptureRefused::Exceeds { authorized } => Self::CaptureExceeds { payment, authorized },
        }
    }
}

impl OperationError {
    /// Whether it came before anything was recorded.
    #[must_use]
    pub fn is_before_execution(&self) -> bool {
        !matches!(
            self,
            Self::Refused { .. } | Self::NotSent { .. } | Self::GivenUp { .. } | Self::Superseded { .. }
        )
    }

    /// Whether it was met before the request's key was asked for: what an earlier request with the key was told may
    /// be something else.
    #[must_use]
    pub fn may_hide_a_used_key(&self) -> bool {
        match self {
            Self::ProviderNotConfigured(_)
            | Self::Unacceptable(_)
            | Self::CaptureExceeds { .. }
            | Self::Busy { .. }
            | Self::OrderTaken
            // This request's change was not recorded; that of an earlier one with the key may have been.
            | Self::NotRecorded(_) => true,
            // These ask for the key themselves, are about it, or leave open whether it was taken.
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

    /// Whether the same request would meet the same answer for ever. The rest may be tried again under the same key: it
    /// was certainly not executed, or (in doubt, crashed) the key finds out what became of it.
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
