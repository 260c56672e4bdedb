//! The API's representation of the domain's ids and statuses, so that the domain can evolve without changing the API.

use async_graphql::Enum;
use edge_core::described;
use payments::model;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        #[derive(Serialize)]
        #[serde(transparent)]
        pub(super) struct $name(model::id::$name);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {}

        impl From<model::id::$name> for $name {
            fn from(id: model::id::$name) -> Self {
                Self(id)
            }
        }
    };
}

id!(PaymentId, described::PaymentId::schema());
id!(RefundId, described::RefundId::schema());
id!(
    /// One try to have one thing done at a provider. The provider's idempotency key derives from it, so it
    /// is stored before the call and stays the same however often that call is repeated.
    AttemptId,
    RefOr::T(
        described::id("att_")
            .description(Some("One try to have one thing done at a provider"))
            .into()
    )
);

/// An event in the log, and the cursor to continue after it.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^evt_[a-p]{32}$")]
pub(super) struct EventId(String);

impl From<model::log::EventId> for EventId {
    fn from(id: model::log::EventId) -> Self {
        Self(id.to_string())
    }
}

/// What a client sees of the state.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[graphql(name = "PaymentStatus")]
pub(super) enum Status {
    /// Under way, or not known yet: ask again later, it will be decided.
    Pending,
    RequiresAction,
    Authorized,
    Completed,
    Captured,
    Canceled,
    Failed,
}

impl From<model::payment::Status> for Status {
    fn from(status: model::payment::Status) -> Self {
        match status {
            model::payment::Status::Pending => Self::Pending,
            model::payment::Status::RequiresAction => Self::RequiresAction,
            model::payment::Status::Authorized => Self::Authorized,
            model::payment::Status::Completed => Self::Completed,
            model::payment::Status::Captured => Self::Captured,
            model::payment::Status::Canceled => Self::Canceled,
            model::payment::Status::Failed => Self::Failed,
        }
    }
}

impl From<Status> for model::payment::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::RequiresAction => Self::RequiresAction,
            Status::Authorized => Self::Authorized,
            Status::Completed => Self::Completed,
            Status::Captured => Self::Captured,
            Status::Canceled => Self::Canceled,
            Status::Failed => Self::Failed,
        }
    }
}

/// What a client sees of the state.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStatus {
    Pending,
    Processed,
    Failed,
}

impl From<model::refund::RefundStatus> for RefundStatus {
    fn from(status: model::refund::RefundStatus) -> Self {
        match status {
            model::refund::RefundStatus::Pending => Self::Pending,
            model::refund::RefundStatus::Processed => Self::Processed,
            model::refund::RefundStatus::Failed => Self::Failed,
        }
    }
}

/// Whether what was wanted happened.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventOutcome {
    Success,
    Failure,
    /// It is not decided yet.
    Pending,
    /// An outcome that this release does not know.
    Other,
}

impl From<model::event_outcome::EventOutcome> for EventOutcome {
    fn from(outcome: model::event_outcome::EventOutcome) -> Self {
        match outcome {
            model::event_outcome::EventOutcome::Success => Self::Success,
            model::event_outcome::EventOutcome::Failure => Self::Failure,
            model::event_outcome::EventOutcome::Pending => Self::Pending,
            model::event_outcome::EventOutcome::Other => Self::Other,
        }
    }
}

/// Why a payment was canceled without a client's or operator's request.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
pub(super) enum CancelReason {
    /// The provider let the authorization, or the offer to the payer, run out.
    Expired,
    /// Canceled or voided at the provider, e.g. in its dashboard.
    AtProvider,
}

impl From<model::payment::CancelReason> for CancelReason {
    fn from(reason: model::payment::CancelReason) -> Self {
        match reason {
            model::payment::CancelReason::Expired => Self::Expired,
            model::payment::CancelReason::AtProvider => Self::AtProvider,
        }
    }
}

/// Who has the money in the end. Of two verdicts of the same moment the larger one is recorded: the definite one,
/// and the one that the merchant must know of.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
#[graphql(name = "DisputeOutcome")]
pub(super) enum Verdict {
    /// A value of the provider that is inconclusive or unknown to this gateway.
    Other,
    /// The payer or the bank did not pursue it; the merchant keeps the money.
    Withdrawn,
    /// Ended before it became a chargeback, by a program that the merchant takes part in.
    Prevented,
    /// The merchant keeps the money.
    Won,
    /// The payer has it back.
    Lost,
}

impl From<model::webhook::DisputeVerdict> for Verdict {
    fn from(verdict: model::webhook::DisputeVerdict) -> Self {
        match verdict {
            model::webhook::DisputeVerdict::Other => Self::Other,
            model::webhook::DisputeVerdict::Withdrawn => Self::Withdrawn,
            model::webhook::DisputeVerdict::Prevented => Self::Prevented,
            model::webhook::DisputeVerdict::Won => Self::Won,
            model::webhook::DisputeVerdict::Lost => Self::Lost,
        }
    }
}
