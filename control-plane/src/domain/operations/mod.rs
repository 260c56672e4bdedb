//! One file for each thing a client can have done.

mod cancel;
mod capture;
mod charge;
pub mod decide;
mod examine;
mod payment_answer;
mod payment_call;
mod payment_outcome;
#[cfg(test)]
mod payment_samples;
mod recall;
pub mod reconcile;
mod record;
mod refund;
mod refund_call;
mod repeat;
mod resolvable;
pub mod review;
mod send;
pub mod settle;
mod watch;
pub mod webhook;

pub use cancel::cancel;
pub use capture::capture;
pub use charge::charge;
pub use recall::Recall;
pub use refund::refund;

use edge_core::money::Amount;
use edge_core::provider::Provider;

use super::gateway::Gateway;
use super::id::PaymentId;
use super::payment::{CaptureRefused, InvalidTransition};
use super::provider::{Doubt, Refusal, Unacceptable};
use super::store::{Change, CommitError, Conflict, StoreError};

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
    #[error("{}", doubt.reason)]
    NotSent { payment: PaymentId, doubt: Doubt },
    /// The operation was certainly not executed, and is not tried any more.
    #[error("the {operation} was not carried out and is not tried any more; nothing changed at the provider")]
    GivenUp { payment: PaymentId, operation: &'static str },
    /// The payment went another way while the operation was under way.
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
    pub(crate) fn unwritten(problem: StoreError) -> Self {
        match problem {
            StoreError::Unavailable(_) => Self::InDoubt(problem),
            StoreError::NotWritten(_) => Self::NotRecorded(problem),
            StoreError::TimedOut
            | StoreError::NoConnection
            | StoreError::Overloaded
            | StoreError::Inconsistent(_) => Self::Store(problem),
        }
    }

    fn state(payment: PaymentId, problem: InvalidTransition) -> Self {
        Self::InvalidState { payment, problem: problem.to_string() }
    }

    fn capture(payment: PaymentId, refused: CaptureRefused) -> Self {
        match refused {
            CaptureRefused::State(problem) => Self::state(payment, problem),
            CaptureRefused::Exceeds { authorized } => Self::CaptureExceeds { payment, authorized },
        }
    }
}

/// Commits the intent before a call. A conflict means that another request got there first.
async fn commit(gateway: &Gateway, change: Change, payment: PaymentId) -> Result<(), OperationError> {
    gateway.commit(change).await.map_err(|error| match error {
        CommitError::Store(problem) => OperationError::unwritten(problem),
        CommitError::Conflict(Conflict::KeyTaken) => OperationError::KeyTaken,
        CommitError::Conflict(Conflict::ReferenceTaken) => OperationError::OrderTaken,
        CommitError::Conflict(_) => OperationError::Busy { payment },
    })
}

/// Commits what is beside the intent: that it is not recorded says nothing of whether the request is carried out.
async fn commit_beside(gateway: &Gateway, change: Change, payment: PaymentId) -> Result<(), OperationError> {
    commit(gateway, change, payment).await.map_err(|error| match error {
        OperationError::NotRecorded(problem) => OperationError::Store(problem),
        error => error,
    })
}
