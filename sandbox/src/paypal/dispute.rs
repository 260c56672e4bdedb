//! A dispute: the payer reclaims the money of a capture (developer.paypal.com/docs/api/customer-disputes/v1).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    money,
    views::{fine_time, link, without_nulls},
};
use crate::money::Money;

#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) capture: String,
    pub(crate) captured: Money,
    /// The disputed amount: everything that was not refunded.
    pub(crate) money: Money,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) reason: String,
    pub(crate) status: DisputeStatus,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisputeStatus {
    WaitingForSeller,
    UnderReview,
    Resolved(OutcomeCode),
}

/// The outcome of a dispute, as PayPal's `outcome_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OutcomeCode {
    /// The payer got the money back.
    ResolvedBuyerFavour,
    /// The merchant keeps the money.
    ResolvedSellerFavour,
    /// PayPal covers it: the merchant keeps the money.
    ResolvedWithPayout,
    /// The payer withdrew the dispute.
    CanceledByBuyer,
    /// PayPal decided for the payer.
    Accepted,
    /// PayPal decided for the merchant.
    Denied,
    /// Closed without a decision.
    None,
}

impl OutcomeCode {
    fn gives_money_back(self) -> bool {
        matches!(self, Self::ResolvedBuyerFavour | Self::Accepted)
    }
}

impl DisputeStatus {
    fn name(self) -> &'static str {
        match self {
            Self::WaitingForSeller => "WAITING_FOR_SELLER_RESPONSE",
            Self::UnderReview => "UNDER_REVIEW",
            Self::Resolved(_) => "RESOLVED",
        }
    }
}

impl Dispute {
    /// Whether the merchant cannot refund the disputed money: the dispute is open or lost.
    pub(crate) fn holds_money(&self) -> bool {
        match self.status {
            DisputeStatus::WaitingForSeller | DisputeStatus::UnderReview => true,
            DisputeStatus::Resolved(code) => code.gives_money_back(),
        }
    }

    pub(crate) fn view(&self, base: &str) -> Value {
        let outcome = match self.status {
            DisputeStatus::WaitingForSeller | DisputeStatus::UnderReview => None,
            DisputeStatus::Resolved(code) => Some(without_nulls(json!({
                "outcome_code": code,
                "amount_refunded": code.gives_money_back().then(|| money::view(self.money)),
            }))),
        };
        without_nulls(json!({
            "dispute_id": self.id,
            "create_time": fine_time(self.created),
            "update_time": fine_time(self.updated),
            "disputed_transactions": [without_nulls(json!({
                "seller_transaction_id": self.capture,
                "transaction_status": "COMPLETED",
                "gross_amount": money::view(self.captured),
                "custom": self.custom_id,
                "invoice_number": self.invoice_id,
            }))],
            "reason": self.reason,
            "status": self.status.name(),
            "dispute_amount": money::view(self.money),
            "dispute_outcome": outcome,
            "dispute_life_cycle_stage": "CHARGEBACK",
            "dispute_channel": "INTERNAL",
            "links": [link(&format!("{base}/v1/customer/disputes/{}", self.id), "self", "GET")],
        }))
    }
}
