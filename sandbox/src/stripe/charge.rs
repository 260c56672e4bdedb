//! A Charge: one attempt to take money for a PaymentIntent.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    currencies::StripeCurrency,
    methods::{Decline, TestMethod, billing_details},
    params::Metadata,
    payment_intent::metadata_view,
    release::Release,
};

#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    pub(crate) method: &'static TestMethod,
    pub(crate) metadata: Metadata,
    pub(crate) created: Timestamp,
    pub(crate) outcome: Outcome,
    /// When the authorization expires; absent if the charge is captured at once.
    pub(crate) capture_before: Option<Timestamp>,
    /// The released amount, on accounts that show it as refunded.
    pub(crate) release: Option<Release>,
    /// The latest dispute about it, if any.
    pub(crate) dispute: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Declined(Decline),
    Authorized,
    /// Released without a capture.
    Released,
    Captured {
        amount: i64,
        refunded: i64,
        refunds: Vec<String>,
    },
}

impl Charge {
    /// Whether it is too late for a capture.
    pub(crate) fn is_lapsed(&self, now: Timestamp) -> bool {
        matches!(self.outcome, Outcome::Authorized) && self.capture_before.is_some_and(|until| now >= until)
    }

    fn method_details(&self) -> Value {
        let mut details = self.method.charge_details();
        let card = details.get_mut("card").and_then(Value::as_object_mut);
        if let (Some(until), Some(card)) = (self.capture_before, card) {
            card.insert("capture_before".to_owned(), json!(until.as_second()));
        }
        details
    }

    pub(crate) fn view(&self) -> Value {
        let released = self.release.as_ref().map_or(0, |release| release.amount);
        let (captured, refunded) = match &self.outcome {
            Outcome::Captured { amount, refunded, .. } => (*amount, *refunded),
            _ => (0, 0),
        };
        let decline = if let Outcome::Declined(decline) = &self.outcome { Some(decline) } else { None };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": captured,
            "amount_refunded": refunded + released,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": null,
            "billing_details": billing_details(),
            "calculated_statement_descriptor": null,
            "captured": matches!(self.outcome, Outcome::Captured { .. }),
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "customer": null,
            "description": null,
            "disputed": self.dispute.is_some(),
            "failure_balance_transaction": null,
            "failure_code": decline.map(|decline| decline.code),
            "failure_message": decline.map(|decline| decline.message),
            "fraud_details": {},
            "livemode": false,
            "metadata": metadata_view(&self.metadata),
            "on_behalf_of": null,
            "outcome": outcome_view(decline),
            "paid": decline.is_none(),
            "payment_intent": self.payment_intent,
            "payment_method": self.method.id,
            "payment_method_details": self.method_details(),
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": null,
            "refunded": captured + released > 0 && refunded == captured,
            "review": null,
            "shipping": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": if decline.is_some() { "failed" } else { "succeeded" },
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}

fn outcome_view(decline: Option<&Decline>) -> Value {
    match decline {
        None => json!({
            "network_status": "approved_by_network",
            "reason": null,
            "risk_level": "normal",
            "seller_message": "Payment complete.",
            "type": "authorized",
        }),
        Some(decline) => json!({
            "network_status": "declined_by_network",
            "reason": decline.decline_code,
            "risk_level": "normal",
            "seller_message": decline.message,
            "type": "issuer_declined",
        }),
    }
}
