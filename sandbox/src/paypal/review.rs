//! The end of PayPal's review of a pending payment.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{
    authorization::AuthorizationStatus,
    capture::{Capture, CaptureStatus},
    events::EventContent,
    objects::Objects,
    order::{Funding, OrderStatus},
};
use crate::{
    ledger::{Effect, EffectKind},
    money::Money,
    provider::Provider,
    state::{SandboxState, Shared},
    webhooks::{Announcer, Content},
};

/// How often the automatic review looks for payments that are due.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reviewed {
    Done,
    NotPending,
    Unknown,
}

/// The outcome of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Denied,
    /// Denied, and the order returns to `APPROVED`, so that the payer can pay by other means.
    DeniedAndReopened,
}

/// Completes or declines a pending capture or authorization. Only this creates its effect.
pub(crate) fn finish(shared: &Shared, id: &str, verdict: Verdict) -> Reviewed {
    let accepted = verdict == Verdict::Accepted;
    let now = shared.now();
    let mut state = shared.state();
    let state = &mut *state;
    let objects = &mut state.paypal;
    let (kind, resource) = if let Some(capture) = objects.captures.get_mut(id) {
        if capture.status != CaptureStatus::Pending {
            return Reviewed::NotPending;
        }
        capture.status =
            if accepted { CaptureStatus::Completed { refunded: 0 } } else { CaptureStatus::Declined };
        capture.updated = now;
        // PayPal calls a capture declined if it fails at once, and denied if it fails after a review.
        let kind = if accepted { capture.event() } else { "PAYMENT.CAPTURE.DENIED" };
        let capture = capture.clone();
        if !accepted {
            reopen(objects, &capture, verdict, now);
        }
        (kind, EventContent::Capture(Box::new(capture)))
    } else if let Some(authorization) = objects.authorizations.get_mut(id) {
        if authorization.status != AuthorizationStatus::Pending {
            return Reviewed::NotPending;
        }
        authorization.status =
            if accepted { AuthorizationStatus::Created } else { AuthorizationStatus::Denied };
        authorization.updated = now;
        let kind = if accepted { "PAYMENT.AUTHORIZATION.CREATED" } else { "PAYMENT.AUTHORIZATION.VOIDED" };
        (kind, EventContent::Authorization(Box::new(authorization.clone())))
    } else {
        return Reviewed::Unknown;
    };
    if accepted {
        record(shared, state, id);
    }
    Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now }
        .announce(kind, Content::Paypal(resource));
    Reviewed::Done
}

/// A denied capture leaves its invoice unpaid, and reopens its order if the verdict says so.
fn reopen(objects: &mut Objects, capture: &Capture, verdict: Verdict, now: Timestamp) {
    if let Some(invoice) = &capture.invoice_id {
        objects.paid_invoices.remove(invoice);
    }
    if verdict == Verdict::DeniedAndReopened
        && let Some(order) = objects.orders.get_mut(&capture.order)
    {
        order.status = OrderStatus::Approved;
        order.funding = Funding::Declined;
        order.reopened = true;
        order.updated = now;
    }
}

/// Accepts pending payments at this age, until `stop`.
pub(crate) async fn accept_after(shared: Arc<Shared>, age: SignedDuration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        while let Some(id) = next_due(&shared, age) {
            // The review may have been ended already.
            finish(&shared, &id, Verdict::Accepted);
        }
    }
}

fn next_due(shared: &Shared, age: SignedDuration) -> Option<String> {
    let now = shared.now();
    let objects = &mut shared.state().paypal;
    let id = objects.reviews.front()?;
    let capture = objects.captures.get(id).map(|it| it.created);
    let created = capture.or_else(|| objects.authorizations.get(id).map(|it| it.created));
    let due = created.is_none_or(|created| now.duration_since(created) >= age);
    if due { objects.reviews.pop_front() } else { None }
}

/// The effect is attributed to the request that created the payment.
fn record(shared: &Shared, state: &mut SandboxState, id: &str) {
    let capture = state.paypal.captures.get(id);
    let authorization = state.paypal.authorizations.get(id);
    let asked: Option<(EffectKind, Money, &Option<String>, &Option<String>)> = capture
        .map(|it: &Capture| (it.effect(), it.money, &it.request_id, &it.custom_id))
        .or_else(|| authorization.map(|it| (EffectKind::Authorize, it.money, &it.request_id, &it.custom_id)));
    if let Some((kind, money, request_id, custom_id)) = asked {
        state.ledger.record(Effect {
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
