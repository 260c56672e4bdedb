//! Stripe's scripted events.

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};
use serde_json::{Value, json};

use super::{
    charge::{Charge, Outcome},
    context::RequestContext,
    dashboard,
    dispute::{self, DisputeStatus},
    events::Snapshot,
    refunds::{self, Refund, RefundFailure},
};
use crate::{
    faults::InvalidRule,
    ledger::EffectKind,
    scripts::{Script, Winner, invalid},
    state::{SandboxState, Shared},
    webhooks::Announcer,
};

/// The scripts, by the name in `type`.
const KINDS: [&str; 10] = [
    "refund.updated",
    "refund.failed",
    "charge.expired",
    "authorization.expired",
    "payment_intent.canceled",
    "payment_intent.succeeded",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
];

const CHARGES: [EffectKind; 3] = [EffectKind::Charge, EffectKind::Authorize, EffectKind::Capture];

/// Runs the script; returns the changed object.
pub(crate) fn run(shared: &Shared, state: &mut SandboxState, script: &Script) -> Result<Value, InvalidRule> {
    let kinds: &[EffectKind] =
        if script.kind.starts_with("refund.") { &[EffectKind::Refund] } else { &CHARGES };
    let subjects = script.subjects(state, kinds)?;
    let now = shared.now();
    let mut context = RequestContext {
        objects: &mut state.stripe,
        ledger: &mut state.ledger,
        now,
        idempotency_key: None,
        request_id: None,
        announcer: Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now },
        pages: &shared.public_url,
    };
    match script.kind.as_str() {
        "refund.failed" => fail_refund(&mut context, &subjects, script),
        "refund.updated" => complete_refund(&mut context, &subjects),
        "charge.expired" => dashboard::expire(&mut context, &subjects, script),
        "authorization.expired" => dashboard::lapse(&mut context, &subjects),
        "payment_intent.canceled" => dashboard::cancel(&mut context, &subjects, script),
        "payment_intent.succeeded" => dashboard::capture(&mut context, &subjects, script),
        "charge.refunded" => dashboard::refund(&mut context, &subjects, script),
        "charge.dispute.created" => open_dispute(&mut context, &subjects, script),
        "charge.dispute.updated" => review_dispute(&mut context, &subjects),
        "charge.dispute.closed" => close_dispute(&mut context, &subjects, script),
        _ => {
            let message = format!("must be one of {}; send others as `event`", KINDS.join(", "));
            Err(invalid("type", &message))
        }
    }
}

/// The payer's bank returns a refund that had succeeded.
fn fail_refund(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value, InvalidRule> {
    let failure = match script.reason.as_deref() {
        None => RefundFailure::Unknown,
        Some(reason) => RefundFailure::deserialize(IntoDeserializer::<Error>::into_deserializer(reason))
            .map_err(|error| invalid("reason", &error.to_string()))?,
    };
    let fails = |refund: &Refund| refund.failure.is_none() && refund.balance_transaction.is_some();
    let stands = |id: &&String| context.objects.refunds.get(id).is_some_and(fails);
    let Some(id) = subjects.iter().find(stands) else {
        return Err(invalid("id", "must be a refund of this sandbox that has not failed"));
    };
    let refund = refunds::fail(context, &id.clone(), failure);
    refund.map(|refund| refund.view()).ok_or_else(|| invalid("id", "must be a refund"))
}

/// A pending refund succeeds. Its amount had already left the account's balance.
fn complete_refund(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value, InvalidRule> {
    let is_pending =
        |id: &&String| context.objects.refunds.get(id).is_some_and(|it| it.status() == "pending");
    let pending = subjects.iter().find(is_pending);
    let Some(refund) = pending.and_then(|id| context.objects.refunds.get_mut(id)) else {
        return Err(invalid("id", "must be a refund of this sandbox that is pending"));
    };
    refund.pending = false;
    let refund = refund.clone();
    for kind in ["refund.updated", "charge.refund.updated"] {
        let before = Some(json!({ "status": "pending" }));
        context.announce_change(kind, Snapshot::Refund(Box::new(refund.clone())), before);
    }
    Ok(refund.view())
}

fn open_dispute(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value, InvalidRule> {
    let charge = find_charge(context, subjects)?;
    let Outcome::Captured { amount, refunded, .. } = charge.outcome else {
        return Err(invalid("id", "must be a payment that was captured"));
    };
    if charge.dispute.is_some() {
        return Err(invalid("id", "is disputed already"));
    }
    if amount == refunded {
        return Err(invalid("id", "is refunded: nothing is left to dispute"));
    }
    let (charge, reason) = (charge.id.clone(), script.reason.as_deref().unwrap_or("fraudulent"));
    let dispute = dispute::open(context, &charge, reason);
    dispute.map(|dispute| dispute.view()).ok_or_else(|| invalid("id", "must be a payment that was captured"))
}

fn close_dispute(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value, InvalidRule> {
    let status = match script.winner()? {
        Winner::Won => DisputeStatus::Won,
        Winner::Lost => DisputeStatus::Lost,
    };
    move_dispute(context, subjects, status, "charge.dispute.closed")
}

/// The merchant has responded, and the bank decides.
fn review_dispute(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value, InvalidRule> {
    move_dispute(context, subjects, DisputeStatus::UnderReview, "charge.dispute.updated")
}

/// Moves an open dispute to another status.
fn move_dispute(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    status: DisputeStatus,
    event: &'static str,
) -> Result<Value, InvalidRule> {
    let id = match subjects.iter().find(|id| context.objects.disputes.get(id).is_some()) {
        Some(id) => id.clone(),
        None => find_charge(context, subjects)?.dispute.clone().unwrap_or_default(),
    };
    let Some(dispute) = context.objects.disputes.get_mut(&id) else {
        return Err(invalid("id", "must be a dispute, or a payment that is disputed"));
    };
    if matches!(dispute.status, DisputeStatus::Won | DisputeStatus::Lost) {
        return Err(invalid("id", "is decided already"));
    }
    let before = json!({ "status": dispute.status.name() });
    dispute.status = status;
    let dispute = dispute.clone();
    let view = dispute.view();
    context.announce_change(event, Snapshot::Dispute(Box::new(dispute)), Some(before));
    Ok(view)
}

/// The named charge, or that of the named PaymentIntent.
fn find_charge<'a>(context: &'a RequestContext<'_>, subjects: &[String]) -> Result<&'a Charge, InvalidRule> {
    let charge_of = |id: &String| {
        let of_intent = || context.objects.intents.get(id)?.latest_charge.as_ref();
        context.objects.charges.get(id).or_else(|| context.objects.charges.get(of_intent()?))
    };
    let found = subjects.iter().find_map(charge_of);
    found.ok_or_else(|| invalid("id", "must be a PaymentIntent or charge of this sandbox"))
}
