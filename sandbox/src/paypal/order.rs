//! An order: what the payer is asked to pay, and its progress.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    digital_wallet::{CardOutcome, WalletCard},
    money,
    objects::Objects,
    orders::unit::UnitRequest,
    payer::{self, PayerRequest},
    source::{Source, Vaulted},
    views::{link, time, without_nulls},
};
use crate::money::Money;

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) intent: Intent,
    pub(crate) status: OrderStatus,
    pub(crate) units: Vec<Unit>,
    pub(crate) source: Option<Source>,
    /// The payer as requested or patched; absent: the account that approves.
    pub(crate) payer: Option<PayerRequest>,
    /// How the funding source that the payer chose on the page responds to a charge.
    pub(crate) funding: Funding,
    /// This many further captures are rejected although the payer has approved.
    pub(crate) refusals: u32,
    /// The payment failed, and the payer may choose another funding source on the page.
    pub(crate) reopened: bool,
    pub(crate) return_url: Option<String>,
    pub(crate) cancel_url: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Intent {
    Capture,
    Authorize,
}

/// A payer's funding source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Funding {
    #[default]
    Good,
    Declined,
    /// The payment goes under review.
    Pending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderStatus {
    Created,
    PayerActionRequired,
    Approved,
    Completed,
    Voided,
}

/// A purchase unit.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) reference_id: String,
    pub(crate) money: Money,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) soft_descriptor: Option<String>,
    pub(crate) captures: Vec<String>,
    pub(crate) authorizations: Vec<String>,
    pub(crate) request: Arc<UnitRequest>,
}

impl Order {
    /// Whether the approval page has a question for the payer.
    pub(crate) fn awaits_payer(&self) -> bool {
        let approvable = !matches!(self.source, Some(Source::BillingAgreement { .. }));
        approvable && matches!(self.status, OrderStatus::Created | OrderStatus::PayerActionRequired)
    }

    /// Whether the approval page accepts the payer, including to choose other means of payment.
    pub(crate) fn takes_payer(&self) -> bool {
        self.awaits_payer() || (self.reopened && self.is_payable())
    }

    /// Whether the payer's bank is the one that asks.
    pub(crate) fn is_in_wallet(&self) -> bool {
        matches!(self.source, Some(Source::InWallet(_))) && !self.reopened
    }

    /// Whether it can be captured or authorized now.
    pub(crate) fn is_payable(&self) -> bool {
        match self.status {
            OrderStatus::Approved => true,
            OrderStatus::Created => matches!(self.source, Some(Source::BillingAgreement { .. })),
            OrderStatus::PayerActionRequired | OrderStatus::Completed | OrderStatus::Voided => false,
        }
    }

    /// Whether a payer stands in it already.
    pub(crate) fn has_payer(&self) -> bool {
        self.payer.is_some() || matches!(self.status, OrderStatus::Approved | OrderStatus::Completed)
    }

    fn payer(&self) -> Option<Value> {
        let account = self.has_payer().then(payer::account);
        self.payer.as_ref().map(PayerRequest::view).or(account)
    }

    /// The initial status of an order with this source.
    pub(crate) fn status_with(source: Option<Source>) -> OrderStatus {
        match source {
            None | Some(Source::BillingAgreement { .. } | Source::ToBeConfirmed { .. }) => {
                OrderStatus::Created
            }
            Some(
                Source::Wallet
                | Source::InWallet(WalletCard { outcome: CardOutcome::NeedsAuthentication, .. })
                | Source::VaultedWallet(Vaulted::NeedsAction)
                | Source::VaultedCard(Vaulted::NeedsAction),
            ) => OrderStatus::PayerActionRequired,
            Some(Source::VaultedWallet(_) | Source::VaultedCard(_) | Source::InWallet(_)) => {
                OrderStatus::Approved
            }
        }
    }

    pub(crate) fn approval_url(&self, base: &str) -> String {
        format!("{base}/checkoutnow?token={}", self.id)
    }

    /// The view of the order. The minimal form includes the payments, as PayPal's does, because their status matters.
    pub(crate) fn view(&self, objects: &Objects, base: &str, full: bool) -> Value {
        let units: Vec<Value> = self.units.iter().map(|unit| unit.view(objects, base, full)).collect();
        let show_units = full || self.units.iter().any(Unit::has_payments);
        without_nulls(json!({
            "id": self.id,
            "status": self.status.name(),
            "intent": full.then(|| self.intent.name()),
            "payment_source": self.source.map(Source::view),
            "purchase_units": show_units.then_some(units),
            "payer": if full { self.payer() } else { None },
            "create_time": full.then(|| time(self.created)),
            "update_time": full.then(|| time(self.updated)),
            "links": self.links(base),
        }))
    }

    fn links(&self, base: &str) -> Vec<Value> {
        let own = format!("{base}/v2/checkout/orders/{}", self.id);
        let mut links = vec![link(&own, "self", "GET")];
        if self.awaits_payer() {
            let rel = if self.status == OrderStatus::Created { "approve" } else { "payer-action" };
            links.push(link(&self.approval_url(base), rel, "GET"));
        }
        if matches!(self.status, OrderStatus::Created | OrderStatus::Approved) {
            links.push(link(&own, "update", "PATCH"));
        }
        if !matches!(self.status, OrderStatus::Completed | OrderStatus::Voided) {
            let rel = match self.intent {
                Intent::Capture => "capture",
                Intent::Authorize => "authorize",
            };
            links.push(link(&format!("{own}/{rel}"), rel, "POST"));
        }
        links
    }
}

impl Unit {
    fn has_payments(&self) -> bool {
        !self.captures.is_empty() || !self.authorizations.is_empty()
    }

    fn view(&self, objects: &Objects, base: &str, full: bool) -> Value {
        without_nulls(json!({
            "reference_id": self.reference_id,
            "amount": full.then(|| self.amount()),
            "description": if full { self.description.as_deref() } else { None },
            "custom_id": if full { self.custom_id.as_deref() } else { None },
            "invoice_id": if full { self.invoice_id.as_deref() } else { None },
            "soft_descriptor": if full { self.soft_descriptor.as_deref() } else { None },
            "items": full.then(|| self.request.items()),
            "shipping": full.then(|| self.request.shipping()),
            "payments": self.has_payments().then(|| self.payments(objects, base)),
        }))
    }

    fn amount(&self) -> Value {
        let mut amount = money::view(self.money);
        let breakdown = self.request.breakdown();
        if let (Value::Object(fields), false) = (&mut amount, breakdown.is_null()) {
            fields.insert("breakdown".to_owned(), breakdown);
        }
        amount
    }

    fn payments(&self, objects: &Objects, base: &str) -> Value {
        let authorizations: Vec<_> =
            self.authorizations.iter().filter_map(|id| objects.authorizations.get(id)).collect();
        let later = authorizations.iter().flat_map(|authorization| &authorization.captures);
        let captures: Vec<_> =
            self.captures.iter().chain(later).filter_map(|id| objects.captures.get(id)).collect();
        let refunds =
            captures.iter().flat_map(|capture| &capture.refunds).filter_map(|id| objects.refunds.get(id));
        let refunds: Vec<Value> = refunds.map(|refund| refund.view(base)).collect();
        let authorizations: Vec<Value> = authorizations.iter().map(|it| it.view(base)).collect();
        let captures: Vec<Value> = captures.iter().map(|it| it.view(base)).collect();
        without_nulls(json!({
            "authorizations": (!authorizations.is_empty()).then_some(authorizations),
            "captures": (!captures.is_empty()).then_some(captures),
            "refunds": (!refunds.is_empty()).then_some(refunds),
        }))
    }
}

impl Intent {
    fn name(self) -> &'static str {
        match self {
            Self::Capture => "CAPTURE",
            Self::Authorize => "AUTHORIZE",
        }
    }
}

impl OrderStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::PayerActionRequired => "PAYER_ACTION_REQUIRED",
            Self::Approved => "APPROVED",
            Self::Completed => "COMPLETED",
            Self::Voided => "VOIDED",
        }
    }
}
