//! The operation in flight at the provider, and what follows once its outcome is known.

use edge_core::money::Amount;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Authorization, Failure, ResumedBy, Session, State};
use crate::model::id::AttemptId;
use crate::model::in_flight::{InFlight, KeyRef};
use crate::model::provider::{OperationKind, Uncertainty};

/// One operation in flight at the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlightOperation {
    #[serde(flatten)]
    pub call: InFlight,
    pub operation: Operation,
    /// The client's request to cancel as soon as the outcome is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelWish>,
}

/// A deferred cancellation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelWish {
    /// The provider's key for the cancellation derives from it.
    pub attempt: AttemptId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
}

/// The operation in flight, with the data to repeat it or to restore the previous state when it is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Charge,
    Resume(Session),
    Capture { of: Authorization, amount: Amount },
    Cancel(Cancelable),
}

impl Operation {
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Charge => OperationKind::Charge,
            Self::Resume(_) => OperationKind::Resume,
            Self::Capture { .. } => OperationKind::Capture,
            Self::Cancel(_) => OperationKind::Cancel,
        }
    }

    /// Who resumed the payment before this operation or with it.
    #[must_use]
    pub const fn resumed_by(&self) -> Option<ResumedBy> {
        match self {
            Self::Resume(session) | Self::Cancel(Cancelable::Session(session)) => session.resumed_by,
            Self::Capture { of: held, .. } | Self::Cancel(Cancelable::Authorization(held)) => held.resumed_by,
            Self::Charge => None,
        }
    }

    /// Whether an earlier operation of the same kind was declined.
    #[must_use]
    pub const fn is_after_a_decline(&self) -> bool {
        match self {
            Self::Resume(session) => session.declined,
            Self::Capture { of, .. } => of.capture_declined,
            Self::Charge | Self::Cancel(_) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cancelable {
    Session(Session),
    Authorization(Authorization),
}

impl InFlightOperation {
    /// The payment's state if the operation was certainly not executed and will not be.
    #[must_use]
    pub fn undone(self, reason: String) -> State {
        match self.operation {
            Operation::Charge => {
                State::Failed { failure: Failure::NotSent(Uncertainty::new(reason)), resumed_by: None }
            }
            Operation::Resume(session) => State::RequiresAction(session),
            Operation::Capture { of, .. } => State::Authorized(of),
            Operation::Cancel(before) => before.into(),
        }
    }
}

/// Applies a deferred cancellation to the outcome of the operation.
pub(super) fn canceled_as_wished(outcome: State, wish: CancelWish, at: Timestamp) -> State {
    let cancel = |before| {
        // The cancellation could not be tried earlier, so its retry period starts now.
        let call = InFlight { key: wish.key, ..InFlight::new(wish.attempt, at) };
        let in_flight = InFlightOperation { call, operation: Operation::Cancel(before), cancel: None };
        State::Queued { in_flight, reason: "it was canceled while its outcome was unknown".to_owned() }
    };
    match outcome {
        State::RequiresAction(session) => cancel(Cancelable::Session(session)),
        State::Authorized(authorization) => cancel(Cancelable::Authorization(authorization)),
        State::Completed { charge, resumed_by, .. } => {
            State::Completed { charge, to_refund: true, resumed_by }
        }
        State::Captured { charge, captured, .. } => State::Captured { charge, captured, to_refund: true },
        other => other,
    }
}
