//! Changes of a payment without a request from the gateway: in Stripe's dashboard, and on expiry.

use serde_json::Value;

use super::{
    charge::Outcome,
    context::RequestContext,
    errors::StripeError,
    payment_intents::{cancel, capture},
    refunds,
};
use crate::{
    faults::InvalidRule,
    scripts::{Script, invalid},
};

type Result<T> = std::result::Result<T, InvalidRule>;

const CANCEL_REASONS: [&str; 7] = [
    "abandoned",
    "automatic",
    "duplicate",
    "expired",
    "failed_invoice",
    "fraudulent",
    "requested_by_customer",
];

/// The hold has expired at the payer's bank, and Stripe does not show it yet.
pub(super) fn lapse(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value> {
    let (id, charge_id) = find_authorized(context, subjects)?;
    let now = context.now;
    if let Some(charge) = context.objects.charges.get_mut(&charge_id) {
        charge.capture_before = Some(now);
    }
    show(context, &id)
}

/// Stripe closes a PaymentIntent whose authorization has expired.
pub(super) fn expire(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let (id, _) = find_authorized(context, subjects)?;
    let reason = cancel_reason(script)?.unwrap_or("automatic");
    cancel::cancel(context, &id, &cancel::Cause::Expired(reason)).map_err(|error| refused(&error))?;
    show(context, &id)
}

pub(super) fn cancel(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let id = find_intent(context, subjects)?;
    let cause = cancel::Cause::Canceled(cancel_reason(script)?);
    cancel::cancel(context, &id, &cause).map_err(|error| refused(&error))?;
    show(context, &id)
}

pub(super) fn capture(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let (id, _) = find_authorized(context, subjects)?;
    let amount = amount(context, &id, script)?;
    capture::capture(context, &id, amount, &Vec::new()).map_err(|error| refused(&error))?;
    show(context, &id)
}

pub(super) fn refund(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let id = find_intent(context, subjects)?;
    let amount = amount(context, &id, script)?;
    refunds::create::Request::of_dashboard(id, amount).execute(context).map_err(|error| refused(&error))
}

fn show(context: &RequestContext<'_>, id: &str) -> Result<Value> {
    context.show_intent(id, &[]).map_err(|error| refused(&error))
}

fn refused(error: &StripeError) -> InvalidRule {
    invalid("id", error.message())
}

fn cancel_reason(script: &Script) -> Result<Option<&'static str>> {
    let Some(given) = script.reason.as_deref() else { return Ok(None) };
    let known = CANCEL_REASONS.into_iter().find(|reason| *reason == given);
    known.map(Some).ok_or_else(|| invalid("reason", &format!("must be one of {}", CANCEL_REASONS.join(", "))))
}

/// The script's amount in Stripe's units of the currency.
fn amount(context: &RequestContext<'_>, intent: &str, script: &Script) -> Result<Option<i64>> {
    let Some(minor) = script.amount else { return Ok(None) };
    let converted = context.objects.intents.get(intent).and_then(|intent| intent.currency.of_minor(minor));
    converted
        .map(Some)
        .ok_or_else(|| invalid("amount", "cannot be expressed in Stripe's units of the currency"))
}

/// The named PaymentIntent, or that of the named charge.
fn find_intent(context: &RequestContext<'_>, subjects: &[String]) -> Result<String> {
    let intent_of = |id: &String| {
        let of_charge = || context.objects.charges.get(id).map(|charge| charge.payment_intent.clone());
        context.objects.intents.get(id).map(|intent| intent.id.clone()).or_else(of_charge)
    };
    let found = subjects.iter().find_map(intent_of);
    found.ok_or_else(|| invalid("id", "must be a PaymentIntent or charge of this sandbox"))
}

/// As [`find_intent`], with its charge, for events of authorizations.
fn find_authorized(context: &RequestContext<'_>, subjects: &[String]) -> Result<(String, String)> {
    let id = find_intent(context, subjects)?;
    let charge = context.objects.intents.get(&id).and_then(|intent| intent.latest_charge.clone());
    let charge = charge.and_then(|charge| context.objects.charges.get(&charge));
    match charge {
        Some(charge) if matches!(charge.outcome, Outcome::Authorized) => Ok((id, charge.id.clone())),
        _ => Err(invalid("id", "must be a payment that is authorized and not captured")),
    }
}
