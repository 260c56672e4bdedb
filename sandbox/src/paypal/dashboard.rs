//! What happens to a payment without a request of the gateway: in PayPal's dashboard, and when its time is up.

use serde_json::Value;

use super::{
    authorization::AuthorizationStatus,
    authorizations::{capture, void},
    capture::CaptureStatus,
    desk::{Desk, Done, show},
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

/// The authorization's time is up, and PayPal has not voided it yet.
pub(super) fn lapse(desk: &mut Desk<'_>, subjects: &[String]) -> Result<Value> {
    let (id, _) = find_authorization(desk, subjects)?;
    let now = desk.now;
    if let Some(authorization) = desk.books.authorizations.get_mut(&id) {
        authorization.expires = now;
    }
    view(desk, &Done::ok(super::request_ids::Resource::Authorization(id)))
}

/// A person voids the authorization, or with the reason `expired` PayPal does because its time is up.
pub(super) fn void(desk: &mut Desk<'_>, subjects: &[String], script: &Script) -> Result<Value> {
    let (id, _) = find_authorization(desk, subjects)?;
    let effect = match script.reason.as_deref() {
        None => EffectKind::Cancel,
        Some("expired") => EffectKind::Expire,
        Some(_) => return Err(invalid("reason", "must be left out or `expired`")),
    };
    let done = void::release(desk, &id, effect).map_err(|error| refused(&error))?;
    view(desk, &done)
}

pub(super) fn capture(desk: &mut Desk<'_>, subjects: &[String], script: &Script) -> Result<Value> {
    let (id, held) = find_authorization(desk, subjects)?;
    let amount = script.amount.map(|minor| Money { minor, ..held });
    let done = capture::Request::of_dashboard(id, amount).execute(desk).map_err(|error| refused(&error))?;
    view(desk, &done)
}

pub(super) fn refund(desk: &mut Desk<'_>, subjects: &[String], script: &Script) -> Result<Value> {
    let refundable = |id: &&String| {
        let capture = desk.books.captures.get(id);
        capture.is_some_and(|it| matches!(it.status, CaptureStatus::Completed { .. }))
    };
    let found = subjects.iter().find(refundable).and_then(|id| desk.books.captures.get(id));
    let capture = found.ok_or_else(|| invalid("id", "must be a completed capture of this sandbox"))?;
    let amount = script.amount.map(|minor| Money { minor, ..capture.money });
    let request = refund_capture::Request::of_dashboard(capture.id.clone(), amount);
    let done = request.execute(desk).map_err(|error| refused(&error))?;
    view(desk, &done)
}

/// PayPal no longer knows an order that was not paid.
pub(super) fn forget_order(desk: &mut Desk<'_>, script: &Script) -> Result<Value> {
    let id = find_open_order(desk, script)?;
    let seen = desk.books.orders.get(&id).map(|order| order.view(desk.books, desk.base, true));
    desk.books.orders.remove(&id);
    Ok(seen.unwrap_or_default())
}

pub(super) fn void_order(desk: &mut Desk<'_>, script: &Script) -> Result<Value> {
    let id = find_open_order(desk, script)?;
    let now = desk.now;
    if let Some(order) = desk.books.orders.get_mut(&id) {
        order.status = OrderStatus::Voided;
        order.updated = now;
    }
    view(desk, &Done::ok(super::request_ids::Resource::Order(id)))
}

fn view(desk: &Desk<'_>, done: &Done) -> Result<Value> {
    show(desk.books, desk.base, &done.resource, true).map_err(|error| refused(&error))
}

fn refused(error: &PaypalError) -> InvalidRule {
    invalid("id", &format!("is refused: {}", error.reason()))
}

/// An authorization that is neither captured nor voided, with what it held.
fn find_authorization(desk: &Desk<'_>, subjects: &[String]) -> Result<(String, Money)> {
    let open = [AuthorizationStatus::Created, AuthorizationStatus::PartiallyCaptured];
    let found = subjects.iter().filter_map(|id| desk.books.authorizations.get(id));
    let found = found.into_iter().find(|it| open.contains(&it.status));
    let found =
        found.ok_or_else(|| invalid("id", "must be an authorization that is not captured or voided"))?;
    Ok((found.id.clone(), found.money))
}

/// The order named, or that of the transaction named. The ledger does not know it: it was not paid.
fn find_open_order(desk: &Desk<'_>, script: &Script) -> Result<String> {
    let is_open = |order: &&Order| order.status != OrderStatus::Completed;
    let found = match (&script.id, &script.transaction_id) {
        (Some(id), None) => desk.books.orders.get(id).filter(is_open),
        (None, Some(transaction)) => {
            let of_it =
                |order: &&Order| order.units.iter().any(|unit| unit.custom_id.as_ref() == Some(transaction));
            desk.books.orders.all().filter(is_open).find(of_it)
        }
        _ => return Err(invalid("id", "give one of `id` and `transactionId`")),
    };
    found.map(|order| order.id.clone()).ok_or_else(|| invalid("id", "must be an order that is not completed"))
}
