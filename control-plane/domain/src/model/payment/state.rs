//! Where a payment stands, with the data of each state.

use edge_core::money::Amount;
use serde::{Deserialize, Serialize};

use super::{Cancelable, InFlightOperation, Status};
use crate::model::provider::{ProviderRef, Refusal, Uncertainty};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Recorded; no provider has heard of it.
    Created,
    /// A call to the provider is being made, or (`accepted`) the provider took it and decides later.
    Processing {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        accepted: bool,
    },
    /// The provider was certainly not asked, or turned the request away unread. It is asked again later.
    Queued {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        reason: String,
    },
    /// The provider may or may not have done it. Left only on evidence, never by a timer.
    Unknown {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        reason: String,
    },
    /// The payer has to act at `url`.
    RequiresAction(Session),
    /// The amount is held and can be captured or canceled.
    Authorized(Authorization),
    /// The whole amount moved in one step.
    Completed {
        charge: ProviderRef,
        /// The client wanted it canceled before the outcome was known: the money goes back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_by: Option<ResumedBy>,
    },
    /// What was authorized has been captured, in full or in part; the rest is released.
    Captured {
        charge: ProviderRef,
        captured: Amount,
        /// As in `Completed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
    },
    /// Released before any money moved.
    Canceled {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CancelReason>,
    },
    /// The provider did not do it and will not.
    Failed { failure: Failure },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub session: ProviderRef,
    pub url: String,
    /// The provider declined what the payer chose there. Only the payer, by coming back, sets off another try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<ResumedBy>,
}

impl Session {
    #[must_use]
    pub const fn new(session: ProviderRef, url: String, declined: bool) -> Self {
        Self { session, url, declined, resumed_by: None }
    }
}

/// Who took the payer's consent last. Nobody did, or a release before did not record it: `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumedBy {
    /// The client brought back what the payer had approved.
    Client,
    /// The provider said so first: by an event, or when the gateway looked.
    Gateway,
}

/// Why a payment ended without money, where nobody here asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The provider let the authorization, or the offer to the payer, run out.
    Expired,
    /// Canceled or voided at the provider, e.g. in its dashboard.
    AtProvider,
}

impl CancelReason {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::AtProvider => "at_provider",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub authorization: ProviderRef,
    /// A capture of it was declined, and the provider's object may go on showing that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capture_declined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<ResumedBy>,
}

impl Authorization {
    #[must_use]
    pub const fn new(authorization: ProviderRef) -> Self {
        Self { authorization, capture_declined: false, resumed_by: None }
    }

    #[must_use]
    pub fn after_a_decline(self) -> Self {
        Self { capture_declined: true, ..self }
    }
}

/// Why a payment or refund failed; always on evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Refused(Refusal),
    NotSent(Uncertainty),
}

impl State {
    /// The state's name in the database, the audit trail and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing { .. } => "processing",
            Self::Queued { .. } => "queued",
            Self::Unknown { .. } => "unknown",
            Self::RequiresAction(_) => "requires_action",
            Self::Authorized(_) => "authorized",
            Self::Completed { .. } => "completed",
            Self::Captured { .. } => "captured",
            Self::Canceled { .. } => "canceled",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Created | Self::Processing { .. } | Self::Queued { .. } | Self::Unknown { .. } => {
                Status::Pending
            }
            Self::RequiresAction(_) => Status::RequiresAction,
            Self::Authorized(_) => Status::Authorized,
            Self::Completed { .. } => Status::Completed,
            Self::Captured { .. } => Status::Captured,
            Self::Canceled { .. } => Status::Canceled,
            Self::Failed { .. } => Status::Failed,
        }
    }

    /// The call in flight, whether or not we still hope for its answer.
    #[must_use]
    pub const fn in_flight(&self) -> Option<&InFlightOperation> {
        match self {
            Self::Processing { in_flight, .. }
            | Self::Queued { in_flight, .. }
            | Self::Unknown { in_flight, .. } => Some(in_flight),
            _ => None,
        }
    }

    /// Who took the payer's consent last.
    #[must_use]
    pub const fn resumed_by(&self) -> Option<ResumedBy> {
        match self {
            Self::RequiresAction(session) => session.resumed_by,
            Self::Authorized(authorization) => authorization.resumed_by,
            Self::Completed { resumed_by, .. } => *resumed_by,
            Self::Processing { in_flight, .. }
            | Self::Queued { in_flight, .. }
            | Self::Unknown { in_flight, .. } => in_flight.operation.resumed_by(),
            Self::Created | Self::Captured { .. } | Self::Canceled { .. } | Self::Failed { .. } => None,
        }
    }

    /// The same, entered from a state in which `by` had taken the payer's consent.
    pub(super) fn keeping(mut self, by: Option<ResumedBy>) -> Self {
        match &mut self {
            Self::RequiresAction(Session { resumed_by, .. })
            | Self::Authorized(Authorization { resumed_by, .. })
            | Self::Completed { resumed_by, .. } => *resumed_by = resumed_by.or(by),
            _ => {}
        }
        self
    }

    /// Whether it waits for the payer, the client or the provider while money is held, offered or to go back.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self, Self::RequiresAction(_) | Self::Authorized(_)) || self.is_to_be_refunded()
    }

    /// Whether the money that moved is to go back, because the payment was canceled while it was in flight.
    #[must_use]
    pub const fn is_to_be_refunded(&self) -> bool {
        matches!(self, Self::Completed { to_refund: true, .. } | Self::Captured { to_refund: true, .. })
    }
}

impl From<Cancelable> for State {
    fn from(before: Cancelable) -> Self {
        match before {
            Cancelable::Session(session) => Self::RequiresAction(session),
            Cancelable::Authorization(authorization) => Self::Authorized(authorization),
        }
    }
}
