//! `POST /v1/payment_intents/{intent}/capture`

use serde_json::Value;

use super::create::check_amount;
use crate::{
    ledger::EffectKind,
    stripe::{
        charge::Outcome,
        desk::Desk,
        errors::{Result, StripeError},
        params::{Metadata, Params},
        payment_intent::Status,
    },
};

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    /// Absent: all that was authorized.
    amount: Option<i64>,
    metadata: Metadata,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self {
            intent: intent.to_owned(),
            amount: params.integer("amount_to_capture")?,
            metadata: params.metadata()?,
            expand: params.texts("expand")?,
        };
        if params.flag("final_capture")? == Some(false) {
            let message = "The sandbox captures once: `final_capture` must be true or left out.";
            return StripeError::invalid(message).param("final_capture").refuse();
        }
        params.unsupported(&["application_fee_amount", "transfer_data"])?;
        params.ignore(&["statement_descriptor", "statement_descriptor_suffix"]);
        params.finish()?;
        Ok(request)
    }

    /// Takes the amount and releases the rest of the authorization.
    pub(crate) fn execute(&self, desk: &mut Desk<'_>) -> Result<Value> {
        let pages = desk.pages;
        let intent = desk.intent(&self.intent)?;
        if !matches!(intent.status, Status::RequiresCapture) {
            return intent.unexpected_state("captured", pages).refuse();
        }
        let (capturable, currency) = (intent.capturable(), intent.currency);
        let amount = self.amount.unwrap_or(capturable);
        check_amount(amount, currency, "amount_to_capture")?;
        if amount > capturable {
            let message = format!(
                "The amount_to_capture ({amount}) is greater than the amount you can capture ({capturable}) on this \
                 PaymentIntent."
            );
            return StripeError::invalid(message)
                .code("amount_too_large")
                .param("amount_to_capture")
                .refuse();
        }
        merge(&mut intent.metadata, &self.metadata);
        intent.status = Status::Succeeded { received: amount };
        let (charge, transaction) = (intent.latest_charge.clone(), intent.transaction_id());
        if let Some(charge) = charge.and_then(|id| desk.books.charges.get_mut(&id)) {
            charge.outcome = Outcome::Captured { amount, refunded: 0, refunds: Vec::new() };
        }
        desk.record(EffectKind::Capture, amount, currency, &self.intent, transaction);
        desk.announce_intent("payment_intent.succeeded", &self.intent);
        desk.show_intent(&self.intent, &self.expand)
    }
}

/// Metadata sent later is added; an empty value removes its key.
fn merge(metadata: &mut Metadata, later: &Metadata) {
    for (name, value) in later {
        metadata.retain(|(existing, _)| existing != name);
        if !value.is_empty() {
            metadata.push((name.clone(), value.clone()));
        }
    }
}
