//! Whether a transition is what was wanted, for the audit trail (PCI DSS 10.2.2).

use serde::{Deserialize, Serialize};

use crate::model::payment::{Operation, State};
use crate::model::refund::{RefundState, RefundStatus};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// What was wanted happened, or a fact was recorded.
    Success,
    /// It did not happen, and will not.
    Failure,
    /// It is not decided yet.
    Pending,
    /// An outcome of a newer release.
    #[serde(other)]
    Other,
}

impl EventOutcome {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::Other => "other",
        }
    }

    /// The outcome for a payment that moved from `before` (`None`: it was just opened) to `after`.
    #[must_use]
    pub fn of_payment(before: Option<&State>, after: &State) -> Self {
        let wanted = before.and_then(State::in_flight).map(|in_flight| &in_flight.operation);
        let is_done = match (wanted, after) {
            (_, State::Created | State::Processing { .. } | State::Queued { .. } | State::Unknown { .. }) => {
                return Self::Pending;
            }
            (_, State::Failed { .. }) => false,
            (Some(Operation::Charge), after) => !matches!(after, State::Canceled { .. }),
            (Some(Operation::Resume(_)), after) => {
                !matches!(after, State::RequiresAction(_) | State::Canceled { .. })
            }
            (Some(Operation::Capture { .. }), after) => matches!(after, State::Captured { .. }),
            (Some(Operation::Cancel(_)), after) => matches!(after, State::Canceled { .. }),
            // Nothing was asked for: it happened at the provider.
            (None, _) => true,
        };
        if is_done { Self::Success } else { Self::Failure }
    }

    #[must_use]
    pub fn of_refund(after: &RefundState) -> Self {
        match after.status() {
            RefundStatus::Pending => Self::Pending,
            RefundStatus::Processed => Self::Success,
            RefundStatus::Failed => Self::Failure,
        }
    }
}
