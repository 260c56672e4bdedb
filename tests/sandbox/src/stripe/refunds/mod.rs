//! `/v1/refunds`.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod retrieve;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{currencies::StripeCurrency, params::Metadata, payment_intent::metadata_view};

/// A refund. The sandbox's refunds succeed at once, as refunds of cards mostly do; a script may have one fail later.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    /// The movement of the account's balance; absent where no money moved.
    pub(crate) balance_transaction: Option<String>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: Metadata,
    pub(crate) created: Timestamp,
    pub(crate) failure: Option<RefundFailure>,
}

/// Why a refund that had succeeded came back (docs.stripe.com/refunds#failed-refunds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundFailure {
    ExpiredOrCanceledCard,
    LostOrStolenCard,
    ChargeForPendingRefundDisputed,
    Declined,
    Unknown,
}

impl RefundFailure {
    fn name(self) -> &'static str {
        match self {
            Self::ExpiredOrCanceledCard => "expired_or_canceled_card",
            Self::LostOrStolenCard => "lost_or_stolen_card",
            Self::ChargeForPendingRefundDisputed => "charge_for_pending_refund_disputed",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
        }
    }
}

impl Refund {
    pub(crate) fn view(&self) -> Value {
        let mut view = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "metadata": metadata_view(&self.metadata),
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": if self.failure.is_some() { "failed" } else { "succeeded" },
            "transfer_reversal": null,
        });
        // Stripe names it on failed refunds only.
        if let (Some(failure), Some(view)) = (self.failure, view.as_object_mut()) {
            view.insert("failure_reason".to_owned(), json!(failure.name()));
        }
        view
    }
}
