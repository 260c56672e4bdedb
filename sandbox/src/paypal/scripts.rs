//! PayPal's scripted events.

use serde_json::Value;

use super::{
    capture::{Capture, CaptureStatus},
    context::RequestContext,
    dashboard,
    dispute::{Dispute, DisputeStatus, OutcomeCode},
    events::EventContent,
    refund::RefundStatus,
};
use crate::{
    faults::InvalidRule,
    ids,
    ledger::EffectKind,
    money::Money,
    scripts::{Script, Winner, invalid},
    state::{SandboxState, Shared},
    webhooks::Announcer,
};

/// PayPal's published list has no event for a failed refund; merchants report this one.
const REFUND_FAILED: &str = "PAYMENT.REFUND.FAILED";

/// The scripts, by the name in `type`.
const KINDS: [&str; 10] = [
    REFUND_FAILED,
    "authorization.expired",
    "PAYMENT.AUTHORIZATION.VOIDED",
    "PAYMENT.CAPTURE.COMPLETED",
    "PAYMENT.CAPTURE.REFUNDED",
    "order.forgotten",
    "order.voided",
    "CUSTOMER.DISPUTE.CREATED",
    "CUSTOMER.DISPUTE.UPDATED",
    "CUSTOMER.DISPUTE.RESOLVED",
];

/// Runs the script; returns the changed resource.
pub(crate) fn run(shared: &Shared, state: &mut SandboxState, script: &Script) -> Result<Value, InvalidRule> {
    let kinds: &[EffectKind] = match script.kind.as_str() {
        REFUND_FAILED => &[EffectKind::Refund],
        "authorization.expired" | "PAYMENT.AUTHORIZATION.VOIDED" | "PAYMENT.CAPTURE.COMPLETED" => {
            &[EffectKind::Authorize, EffectKind::Reauthorize]
        }
        _ => &[EffectKind::Charge, EffectKind::Capture],
    };
    let subjects = script.subjects(state, kinds)?;
    let now = shared.now();
    let mut context = RequestContext {
        objects: &mut state.paypal,
        ledger: &mut state.ledger,
        now,
        request_id: None,
        announcer: Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now },
        base: &shared.public_url,
    };
    match script.kind.as_str() {
        REFUND_FAILED => fail_refund(&mut context, &subjects),
        "authorization.expired" => dashboard::lapse(&mut context, &subjects),
        "PAYMENT.AUTHORIZATION.VOIDED" => dashboard::void(&mut context, &subjects, script),
        "PAYMENT.CAPTURE.COMPLETED" => dashboard::capture(&mut context, &subjects, script),
        "PAYMENT.CAPTURE.REFUNDED" => dashboard::refund(&mut context, &subjects, script),
        "order.forgotten" => dashboard::forget_order(&mut context, script),
        "order.voided" => dashboard::void_order(&mut context, script),
        "CUSTOMER.DISPUTE.CREATED" => open_dispute(&mut context, &subjects, script),
        "CUSTOMER.DISPUTE.UPDATED" => review_dispute(&mut context, &subjects),
        "CUSTOMER.DISPUTE.RESOLVED" => resolve_dispute(&mut context, &subjects, script),
        _ => {
            let message = format!("must be one of {}; send others as `event`", KINDS.join(", "));
            Err(invalid("type", &message))
        }
    }
}

/// A completed refund fails.
fn fail_refund(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value, InvalidRule> {
    let stands =
        |id: &&String| context.objects.refunds.get(id).is_some_and(|it| it.status == RefundStatus::Completed);
    let Some(refund) = subjects.iter().find(stands).and_then(|id| context.objects.refunds.get_mut(id)) else {
        return Err(invalid("id", "must be a refund of this sandbox that has not failed"));
    };
    refund.status = RefundStatus::Failed;
    refund.updated = context.now;
    let refund = refund.clone();
    if let Some(capture) = context.objects.captures.get_mut(&refund.capture)
        && let CaptureStatus::Completed { refunded } = &mut capture.status
    {
        *refunded -= refund.money.minor;
        capture.updated = context.now;
    }
    context.record(EffectKind::RefundFailed, refund.money, &refund.id, refund.custom_id.as_deref());
    let view = refund.view(context.base);
    context.announce(REFUND_FAILED, EventContent::Refund(Box::new(refund)));
    Ok(view)
}

fn open_dispute(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value, InvalidRule> {
    let capture = find_capture(context, subjects)?;
    let CaptureStatus::Completed { refunded } = capture.status else {
        return Err(invalid("id", "must be a capture that is completed"));
    };
    if capture.dispute.is_some() {
        return Err(invalid("id", "is disputed already"));
    }
    if refunded == capture.money.minor {
        return Err(invalid("id", "is refunded: nothing is left to dispute"));
    }
    let dispute = Dispute {
        id: ids::paypal_dispute(),
        capture: capture.id.clone(),
        captured: capture.money,
        money: Money { minor: capture.money.minor - refunded, currency: capture.money.currency },
        custom_id: capture.custom_id.clone(),
        invoice_id: capture.invoice_id.clone(),
        reason: script.reason.clone().unwrap_or_else(|| "UNAUTHORISED".to_owned()),
        status: DisputeStatus::WaitingForSeller,
        created: context.now,
        updated: context.now,
    };
    if let Some(capture) = context.objects.captures.get_mut(&dispute.capture) {
        capture.dispute = Some(dispute.id.clone());
    }
    context.objects.disputes.insert(dispute.id.clone(), dispute.clone());
    let view = dispute.view(context.base);
    context.announce("CUSTOMER.DISPUTE.CREATED", EventContent::Dispute(Box::new(dispute)));
    Ok(view)
}

fn resolve_dispute(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value, InvalidRule> {
    let code = match script.outcome_code {
        Some(code) => code,
        None => match script.winner()? {
            Winner::Won => OutcomeCode::ResolvedSellerFavour,
            Winner::Lost => OutcomeCode::ResolvedBuyerFavour,
        },
    };
    move_dispute(context, subjects, DisputeStatus::Resolved(code), "CUSTOMER.DISPUTE.RESOLVED")
}

/// The merchant has responded, and PayPal decides.
fn review_dispute(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value, InvalidRule> {
    move_dispute(context, subjects, DisputeStatus::UnderReview, "CUSTOMER.DISPUTE.UPDATED")
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
        None => find_capture(context, subjects)?.dispute.clone().unwrap_or_default(),
    };
    let Some(dispute) = context.objects.disputes.get_mut(&id) else {
        return Err(invalid("id", "must be a dispute, or a capture that is disputed"));
    };
    if matches!(dispute.status, DisputeStatus::Resolved(_)) {
        return Err(invalid("id", "is decided already"));
    }
    dispute.status = status;
    dispute.updated = context.now;
    let dispute = dispute.clone();
    let view = dispute.view(context.base);
    context.announce(event, EventContent::Dispute(Box::new(dispute)));
    Ok(view)
}

fn find_capture<'a>(
    context: &'a RequestContext<'_>,
    subjects: &[String],
) -> Result<&'a Capture, InvalidRule> {
    let found = subjects.iter().find_map(|id| context.objects.captures.get(id));
    found.ok_or_else(|| invalid("id", "must be a PayPal capture of this sandbox"))
}
