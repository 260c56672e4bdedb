//! The end of PayPal's review of a pending payment.

use super::{
    authorization::AuthorizationStatus,
    capture::{Capture, CaptureStatus},
};
use crate::{
    ledger::{Effect, EffectKind},
    money::Money,
    provider::Provider,
    world::{Shared, World},
};

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reviewed {
    Done,
    NotPending,
    Unknown,
}

/// Completes or declines a pending capture or authorization. Only now has it an effect.
pub(crate) fn finish(shared: &Shared, id: &str, accepted: bool) -> Reviewed {
    let mut world = shared.world();
    let world = &mut *world;
    let books = &mut world.paypal;
    if let Some(capture) = books.captures.get_mut(id) {
        if capture.status != CaptureStatus::Pending {
            return Reviewed::NotPending;
        }
        capture.status =
            if accepted { CaptureStatus::Completed { refunded: 0 } } else { CaptureStatus::Declined };
        capture.updated = shared.now();
    } else if let Some(authorization) = books.authorizations.get_mut(id) {
        if authorization.status != AuthorizationStatus::Pending {
            return Reviewed::NotPending;
        }
        authorization.status =
            if accepted { AuthorizationStatus::Created } else { AuthorizationStatus::Denied };
        authorization.updated = shared.now();
    } else {
        return Reviewed::Unknown;
    }
    if accepted {
        record(shared, world, id);
    }
    Reviewed::Done
}

/// The effect belongs to the request that asked for the payment.
fn record(shared: &Shared, world: &mut World, id: &str) {
    let capture = world.paypal.captures.get(id);
    let authorization = world.paypal.authorizations.get(id);
    let asked: Option<(EffectKind, Money, &Option<String>, &Option<String>)> = capture
        .map(|it: &Capture| (it.effect(), it.money, &it.request_id, &it.custom_id))
        .or_else(|| authorization.map(|it| (EffectKind::Authorize, it.money, &it.request_id, &it.custom_id)));
    if let Some((kind, money, request_id, custom_id)) = asked {
        world.ledger.record(Effect {
            provider: Provider::Paypal,
            kind,
            money,
            id: id.to_owned(),
            idempotency_key: request_id.clone(),
            transaction_id: custom_id.clone(),
            at: shared.now(),
        });
    }
}
