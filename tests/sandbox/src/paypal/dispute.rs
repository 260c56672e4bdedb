//! A dispute: the payer wants the money of a capture back (developer.paypal.com/docs/api/customer-disputes/v1).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    money,
    views::{link, time, without_nulls},
};
use crate::money::Money;

#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) capture: String,
    pub(crate) captured: Money,
    /// What is disputed: all that was not refunded.
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
    /// The merchant keeps the money.
    Won,
    Lost,
}

impl Dispute {
    pub(crate) fn view(&self, base: &str) -> Value {
        let outcome = match self.status {
            DisputeStatus::WaitingForSeller => None,
            DisputeStatus::Won => Some(json!({ "outcome_code": "RESOLVED_SELLER_FAVOUR" })),
            DisputeStatus::Lost => Some(json!({
                "outcome_code": "RESOLVED_BUYER_FAVOUR",
                "amount_refunded": money::view(self.money),
            })),
        };
        without_nulls(json!({
            "dispute_id": self.id,
            "create_time": time(self.created),
            "update_time": time(self.updated),
            "disputed_transactions": [without_nulls(json!({
                "seller_transaction_id": self.capture,
                "transaction_status": "COMPLETED",
                "gross_amount": money::view(self.captured),
                "custom": self.custom_id,
                "invoice_number": self.invoice_id,
            }))],
            "reason": self.reason,
            "status": if outcome.is_some() { "RESOLVED" } else { "WAITING_FOR_SELLER_RESPONSE" },
            "dispute_amount": money::view(self.money),
            "dispute_outcome": outcome,
            "dispute_life_cycle_stage": "CHARGEBACK",
            "dispute_channel": "INTERNAL",
            "links": [link(&format!("{base}/v1/customer/disputes/{}", self.id), "self", "GET")],
        }))
    }
}
