//! Commits intents.

use crate::model::id::PaymentId;
use crate::ports::store::{Change, CommitError, Conflict};
use crate::usecases::OperationError;
use crate::usecases::gateway::Gateway;

/// Commits the intent before a call. A conflict means that another request committed first.
pub(crate) async fn commit(
    gateway: &Gateway,
    change: Change,
    payment: PaymentId,
) -> Result<(), OperationError> {
    gateway.commit(change).await.map_err(|error| match error {
        CommitError::Store(problem) => OperationError::unwritten(problem),
        CommitError::Conflict(Conflict::KeyTaken) => OperationError::KeyTaken,
        CommitError::Conflict(Conflict::ReferenceTaken) => OperationError::OrderTaken,
        CommitError::Conflict(_) => OperationError::Busy { payment },
    })
}

/// Commits a change other than the intent: its failure does not mean that the request is not carried out.
pub(crate) async fn commit_beside(
    gateway: &Gateway,
    change: Change,
    payment: PaymentId,
) -> Result<(), OperationError> {
    commit(gateway, change, payment).await.map_err(|error| match error {
        OperationError::NotRecorded(problem) => OperationError::Store(problem),
        error => error,
    })
}
