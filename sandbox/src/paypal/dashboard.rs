//! Changes of a payment without a request from the gateway: in PayPal's dashboard, and on expiry.

use serde_json::Value;

use super::{
    authorizations::{capture, void},
    capture::CaptureStatus,
    context::{RequestContext, Success, show},
    errors::PaypalError,
    order::{Order, OrderStatus},
    refund_capture,
};
use crate::{
    faults::InvalidRule,
    ledger::EffectKind,
    money::Money,
    scripts::{Script, invalid},
};

type Result<T> = std::result::Result<T, InvalidRule>;

/// The authorization has expired, and PayPal has not voided it yet.
pub(super) fn lapse(context: &mut RequestContext<'_>, subjects: &[String]) -> Result<Value> {
    let (id, _) = find_authorization(context, subjects)?;
    let now = context.now;
    // A reauthorization expires with its original.
    let original = context.objects.authorizations.get(&id).and_then(|it| it.reauthorizes.clone());
    for id in original.iter().chain([&id]) {
        if let Some(authorization) = context.objects.authorizations.get_mut(id) {
            authorization.expires = now;
        }
    }
    view(context, &Success::ok(super::request_ids::Resource::Authorization(id)))
}

/// A person voids the authorization, or with the reason `expired` PayPal does because its time is up.
pub(super) fn void(context: &mut RequestContext<'_>, subjects: &[String], script: &Script) -> Result<Value> {
    let (id, _) = find_authorization(context, subjects)?;
    let effect = match script.reason.as_deref() {
        None => EffectKind::Cancel,
        Some("expired") => EffectKind::Expire,
        Some(_) => return Err(invalid("reason", "must be left out or `expired`")),
    };
    let success = void::release(context, &id, effect).map_err(|error| refused(&error))?;
    view(context, &success)
}

pub(super) fn capture(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let (id, held) = find_authorization(context, subjects)?;
    let amount = script.amount.map(|minor| Money { minor, ..held });
    let success =
        capture::Request::of_dashboard(id, amount).execute(context).map_err(|error| refused(&error))?;
    view(context, &success)
}

pub(super) fn refund(
    context: &mut RequestContext<'_>,
    subjects: &[String],
    script: &Script,
) -> Result<Value> {
    let refundable = |id: &&String| {
        let capture = context.objects.captures.get(id);
        capture.is_some_and(|it| matches!(it.status, CaptureStatus::Completed { .. }))
    };
    let found = subjects.iter().find(refundable).and_then(|id| context.objects.captures.get(id));
    let capture = found.ok_or_else(|| invalid("id", "must be a completed capture of this sandbox"))?;
    let amount = script.amount.map(|minor| Money { minor, ..capture.money });
    let request = refund_capture::Request::of_dashboard(capture.id.clone(), amount);
    let success = request.execute(context).map_err(|error| refused(&error))?;
    view(context, &success)
}

/// PayPal no longer knows an unpaid order.
pub(super) fn forget_order(context: &mut RequestContext<'_>, script: &Script) -> Result<Value> {
    let id = find_open_order(context, script)?;
    let seen = context.objects.orders.get(&id).map(|order| order.view(context.objects, context.base, true));
    context.objects.orders.remove(&id);
    Ok(seen.unwrap_or_default())
}

pub(super) fn void_order(context: &mut RequestContext<'_>, script: &Script) -> Result<Value> {
    let id = find_open_order(context, script)?;
    let now = context.now;
    if let Some(order) = context.objects.orders.get_mut(&id) {
        order.status = OrderStatus::Voided;
        order.updated = now;
    }
    view(context, &Success::ok(super::request_ids::Resource::Order(id)))
}

fn view(context: &RequestContext<'_>, success: &Success) -> Result<Value> {
    show(context.objects, context.base, &success.resource, true).map_err(|error| refused(&error))
}

fn refused(error: &PaypalError) -> InvalidRule {
    invalid("id", &format!("is refused: {}", error.reason()))
}

/// An authorization that is neither captured nor voided, and the amount it holds.
fn find_authorization(context: &RequestContext<'_>, subjects: &[String]) -> Result<(String, Money)> {
    let mut found = subjects.iter().filter_map(|id| context.objects.holder(id));
    let found = found.find(|it| it.is_open());
    let found =
        found.ok_or_else(|| invalid("id", "must be an authorization that is not captured or voided"))?;
    Ok((found.id.clone(), found.money))
}

/// The named order, or that of the named transaction. It is not in the ledger because it was not paid.
fn find_open_order(context: &RequestContext<'_>, script: &Script) -> Result<String> {
    let is_open = |order: &&Order| order.status != OrderStatus::Completed;
    let found = match (&script.id, &script.transaction_id) {
        (Some(id), None) => context.objects.orders.get(id).filter(is_open),
        (None, Some(transaction)) => {
            let of_it =
                |order: &&Order| order.units.iter().any(|unit| unit.custom_id.as_ref() == Some(transaction));
            context.objects.orders.all().filter(is_open).find(of_it)
        }
        _ => return Err(invalid("id", "give one of `id` and `transactionId`")),
    };
    found.map(|order| order.id.clone()).ok_or_else(|| invalid("id", "must be an order that is not completed"))
}
