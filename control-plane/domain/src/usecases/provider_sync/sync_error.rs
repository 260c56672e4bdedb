//! Why a read or its effect has to be retried later.

use crate::ports::store::StoreError;
use crate::usecases::OperationError;

/// Why a read or its effect has to be retried later.
#[derive(Debug)]
pub(crate) enum SyncError {
    /// Another process works on the payment.
    Wait(&'static str),
    Failed(String),
    Store(StoreError),
}

impl SyncError {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Wait(reason) => (*reason).to_owned(),
            Self::Failed(reason) => reason.clone(),
            Self::Store(problem) => problem.to_string(),
        }
    }
}

impl From<OperationError> for SyncError {
    fn from(problem: OperationError) -> Self {
        match problem {
            OperationError::Store(problem)
            | OperationError::InDoubt(problem)
            | OperationError::NotRecorded(problem) => problem.into(),
            OperationError::Busy { .. } => Self::Wait("it moved meanwhile"),
            problem => Self::Failed(problem.to_string()),
        }
    }
}
