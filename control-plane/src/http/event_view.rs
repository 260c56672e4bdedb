//! The API's representation of a record of the audit trail.

use edge_core::money::Amount;
use jiff::Timestamp;
use payments::model::event::{Detail, Event};
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::{AttemptId, EventOutcome, RefundId};

/// One record of the audit trail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event)]
pub(super) struct EventView {
    /// `payment.completed`, `refund.processed`, `payment.dispute_opened`, …
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    pub(super) to: String,
    #[schema(value_type = String, format = DateTime)]
    pub(super) at: Timestamp,
    /// Whose payment it is.
    pub(super) client: String,
    /// The request that caused it, or `webhook` and the id of the provider's event.
    pub(super) request_id: String,
    /// The address that the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    /// Whether what was wanted happened: `success`, `failure`, or `pending` while it is not decided. Missing in records of
    /// releases that did not record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<EventOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refund_id: Option<RefundId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operation: Option<String>,
    /// Minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt_id: Option<AttemptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_reference: Option<String>,
    /// The provider's code for a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How often the provider was asked in vain, where it is asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tries: Option<u32>,
    /// When it is asked again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) next_at: Option<Timestamp>,
    /// `true` where a provider's event claims it and the provider's own record could not be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub(super) unverified: bool,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        let kind = event.kind();
        let Detail {
            operation,
            amount,
            attempt,
            reference,
            code,
            reason,
            tries,
            next_at,
            note: _,
            is_unverified,
            address,
            outcome,
        } = event.detail;
        Self {
            kind,
            from: event.from,
            to: event.to,
            at: event.at,
            client: event.cause.client.to_string(),
            request_id: event.cause.initiator.text().into_owned(),
            address: address.map(|address| address.to_string()),
            outcome: outcome.map(EventOutcome::from),
            refund_id: event.refund.map(RefundId::from),
            operation,
            amount,
            attempt_id: attempt.map(AttemptId::from),
            provider_reference: reference.map(|r| r.to_string()),
            code,
            reason,
            tries,
            next_at,
            unverified: is_unverified,
        }
    }
}
