//! `/v1/refunds`.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod retrieve;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{currencies::StripeCurrency, params::Metadata, payment_intent::metadata_view};

/// A refund. The sandbox's refunds succeed at once, as refunds of cards mostly do.
#[derive(Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: Metadata,
    pub(crate) created: Timestamp,
}

impl Refund {
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge,
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "metadata": metadata_view(&self.metadata),
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": "succeeded",
            "transfer_reversal": null,
        })
    }
}
