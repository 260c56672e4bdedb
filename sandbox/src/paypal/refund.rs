//! A refund of a capture. The sandbox's refunds complete at once; a script can make one fail later.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    money,
    views::{link, time, without_nulls},
};
use crate::money::Money;

#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) capture: String,
    pub(crate) money: Money,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    pub(crate) note_to_payer: Option<String>,
    pub(crate) status: RefundStatus,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefundStatus {
    Completed,
    Failed,
}

impl RefundStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

impl Refund {
    pub(crate) fn view(&self, base: &str) -> Value {
        without_nulls(json!({
            "id": self.id,
            "status": self.status.name(),
            "amount": money::view(self.money),
            "custom_id": self.custom_id,
            "invoice_id": self.invoice_id,
            "note_to_payer": self.note_to_payer,
            "seller_payable_breakdown": {
                "gross_amount": money::view(self.money),
                "net_amount": money::view(self.money),
            },
            "links": [
                link(&format!("{base}/v2/payments/refunds/{}", self.id), "self", "GET"),
                link(&format!("{base}/v2/payments/captures/{}", self.capture), "up", "GET"),
            ],
            "create_time": time(self.created),
            "update_time": time(self.updated),
        }))
    }
}
