//! A dispute about a payment.

use async_graphql::Object;
use payments::model::webhook::Dispute;

use crate::http::graphql::scalars::{DateTime, MinorUnits};
use crate::http::view::DisputeView;
use crate::http::wire::Verdict;

pub(super) struct DisputeObject(DisputeView);

impl From<Dispute> for DisputeObject {
    fn from(dispute: Dispute) -> Self {
        Self(dispute.into())
    }
}

/// A payer's complaint about a payment.
#[Object(name = "Dispute")]
impl DisputeObject {
    /// The provider's name for it.
    async fn dispute_id(&self) -> &str {
        &self.0.dispute_id
    }

    /// `false`: PayPal's webhook claims it, and PayPal does not let this account read its own record.
    async fn verified(&self) -> bool {
        self.0.verified
    }

    /// The provider's word for it, e.g. `fraudulent`.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The provider's word for it, e.g. `needs_response`.
    async fn status(&self) -> Option<&str> {
        self.0.status.as_deref()
    }

    /// How it ended.
    async fn outcome(&self) -> Option<Verdict> {
        self.0.outcome
    }

    /// The provider's word for the outcome.
    async fn outcome_code(&self) -> Option<&str> {
        self.0.outcome_code.as_deref()
    }

    async fn amount(&self) -> Option<MinorUnits> {
        self.0.amount.map(|amount| MinorUnits(amount.minor()))
    }

    /// The ISO 4217 code.
    async fn currency(&self) -> Option<&str> {
        self.0.currency.as_ref().map(|currency| currency.code())
    }

    async fn opened_at(&self) -> Option<DateTime> {
        self.0.opened_at.map(DateTime)
    }

    async fn closed_at(&self) -> Option<DateTime> {
        self.0.closed_at.map(DateTime)
    }
}
