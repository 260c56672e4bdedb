//! An authorization: money held for later captures.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    money,
    views::{link, time, without_nulls},
};
use crate::{ledger::EffectKind, money::Money};

/// PayPal keeps authorizations for 29 days.
pub(crate) const VALIDITY: SignedDuration = SignedDuration::from_hours(29 * 24);

/// PayPal honors an authorization for three days; later captures depend on the payer's funds
/// (developer.paypal.com/docs/checkout/advanced/authorization-honor). The sandbox's payers always have them.
const HONOR_PERIOD: SignedDuration = SignedDuration::from_hours(3 * 24);

#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) id: String,
    pub(crate) order: String,
    pub(crate) money: Money,
    pub(crate) status: AuthorizationStatus,
    /// Minor units captured so far.
    pub(crate) captured: i64,
    pub(crate) captures: Vec<String>,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    /// The `PayPal-Request-Id` of the request that created it.
    pub(crate) request_id: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// The time from which it cannot be captured.
    pub(crate) expires: Timestamp,
    /// The original, if this is the result of a reauthorization.
    pub(crate) reauthorizes: Option<String>,
    /// The reauthorization that holds the money instead of this one.
    pub(crate) reauthorized_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorizationStatus {
    Created,
    PartiallyCaptured,
    Captured,
    Voided,
    Denied,
    Pending,
}

impl AuthorizationStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::PartiallyCaptured => "PARTIALLY_CAPTURED",
            Self::Captured => "CAPTURED",
            Self::Voided => "VOIDED",
            Self::Denied => "DENIED",
            Self::Pending => "PENDING",
        }
    }
}

impl Authorization {
    /// Its kind in the ledger.
    pub(crate) fn effect(&self) -> EffectKind {
        if self.reauthorizes.is_some() { EffectKind::Reauthorize } else { EffectKind::Authorize }
    }

    /// The end of its honor period, which never outlasts the authorization.
    pub(crate) fn honored_until(&self) -> Timestamp {
        self.created.saturating_add(HONOR_PERIOD).unwrap_or(Timestamp::MAX).min(self.expires)
    }

    /// Whether it is neither captured in full nor closed.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured)
    }

    /// Minor units that can still be captured, if its state allows it.
    pub(crate) fn rest(&self) -> i64 {
        self.money.minor - self.captured
    }

    pub(crate) fn view(&self, base: &str) -> Value {
        let own = format!("{base}/v2/payments/authorizations/{}", self.id);
        let pending = self.status == AuthorizationStatus::Pending;
        without_nulls(json!({
            "id": self.id,
            "status": self.status.name(),
            "status_details": pending.then(|| json!({ "reason": "PENDING_REVIEW" })),
            "amount": money::view(self.money),
            "custom_id": self.custom_id,
            "invoice_id": self.invoice_id,
            "supplementary_data": { "related_ids": { "order_id": self.order } },
            "expiration_time": time(self.expires),
            "links": self.links(base, &own),
            "create_time": time(self.created),
            "update_time": time(self.updated),
        }))
    }

    /// A reauthorization can neither be voided nor reauthorized itself.
    fn links(&self, base: &str, own: &str) -> Vec<Value> {
        let mut links = vec![link(own, "self", "GET"), link(&format!("{own}/capture"), "capture", "POST")];
        if self.reauthorizes.is_none() {
            links.push(link(&format!("{own}/void"), "void", "POST"));
            links.push(link(&format!("{own}/reauthorize"), "reauthorize", "POST"));
        }
        links.push(link(&format!("{base}/v2/checkout/orders/{}", self.order), "up", "GET"));
        links
    }
}
