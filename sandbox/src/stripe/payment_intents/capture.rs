//! `POST /v1/payment_intents/{intent}/capture`

use serde_json::Value;

use super::create::check_amount;
use crate::{
    ledger::EffectKind,
    stripe::{
        charge::Outcome,
        context::RequestContext,
        errors::{Result, StripeError},
        params::{Metadata, Params, merge},
        payment_intent::Status,
        quirks::dispute_captured,
        release::release,
    },
};

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    /// Absent: the full authorized amount.
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

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        capture(context, &self.intent, self.amount, &self.metadata)?;
        context.show_intent(&self.intent, &self.expand)
    }
}

/// Captures the amount, or with `None` the full authorized amount, and releases the rest of the authorization.
pub(crate) fn capture(
    context: &mut RequestContext<'_>,
    id: &str,
    amount: Option<i64>,
    metadata: &Metadata,
) -> Result<()> {
    let (pages, now) = (context.pages, context.now);
    let intent = context.intent(id)?;
    if !matches!(intent.status, Status::RequiresCapture) {
        return intent.unexpected_state("captured", pages).refuse();
    }
    let (capturable, currency) = (intent.capturable(), intent.currency);
    let charge_id = intent.latest_charge.clone().unwrap_or_default();
    if context.objects.charges.get(&charge_id).is_some_and(|charge| charge.is_lapsed(now)) {
        let message = format!("Charge {charge_id} cannot be captured because its authorization has expired.");
        return StripeError::invalid(message).code("charge_expired_for_capture").refuse();
    }
    let amount = amount.unwrap_or(capturable);
    check_amount(amount, currency, "amount_to_capture")?;
    if amount > capturable {
        let message = format!(
            "The amount_to_capture ({amount}) is greater than the amount you can capture ({capturable}) on this \
             PaymentIntent."
        );
        return StripeError::invalid(message).code("amount_too_large").param("amount_to_capture").refuse();
    }
    let intent = context.intent(id)?;
    merge(&mut intent.metadata, metadata);
    intent.status = Status::Succeeded { received: amount };
    let transaction = intent.transaction_id();
    if let Some(charge) = context.objects.charges.get_mut(&charge_id) {
        charge.outcome = Outcome::Captured { amount, refunded: 0, refunds: Vec::new() };
    }
    context.record(EffectKind::Capture, amount, currency, id, transaction);
    context.announce_charge("charge.captured", &charge_id);
    release(context, &charge_id, capturable - amount, None);
    context.announce_intent("payment_intent.succeeded", id);
    dispute_captured(context, &charge_id);
    Ok(())
}
