//! The end of PayPal's review of a pending payment.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{
    authorization::AuthorizationStatus,
    books::Books,
    capture::{Capture, CaptureStatus},
    events::EventContent,
    order::{Funding, OrderStatus},
};
use crate::{
    ledger::{Effect, EffectKind},
    money::Money,
    provider::Provider,
    webhooks::{Announcer, Content},
    world::{Shared, World},
};

/// How often the automatic review looks for payments whose time has come.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reviewed {
    Done,
    NotPending,
    Unknown,
}

/// How a review ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Denied,
    /// Denied, and the order goes back to `APPROVED`, so that the payer can pay it in another way.
    DeniedAndReopened,
}

/// Completes or declines a pending capture or authorization. Only now has it an effect.
pub(crate) fn finish(shared: &Shared, id: &str, verdict: Verdict) -> Reviewed {
    let accepted = verdict == Verdict::Accepted;
    let now = shared.now();
    let mut world = shared.world();
    let world = &mut *world;
    let books = &mut world.paypal;
    let (kind, resource) = if let Some(capture) = books.captures.get_mut(id) {
        if capture.status != CaptureStatus::Pending {
            return Reviewed::NotPending;
        }
        capture.status =
            if accepted { CaptureStatus::Completed { refunded: 0 } } else { CaptureStatus::Declined };
        capture.updated = now;
        // PayPal calls a capture declined that fails at once, and denied one that fails after a review.
        let kind = if accepted { capture.event() } else { "PAYMENT.CAPTURE.DENIED" };
        let capture = capture.clone();
        if !accepted {
            reopen(books, &capture, verdict, now);
        }
        (kind, EventContent::Capture(Box::new(capture)))
    } else if let Some(authorization) = books.authorizations.get_mut(id) {
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
        record(shared, world, id);
    }
    Announcer { outbox: &mut world.webhooks, faults: &mut world.faults, now }
        .announce(kind, Content::Paypal(resource));
    Reviewed::Done
}

/// A denied capture leaves its invoice to be paid, and its order where the verdict says so.
fn reopen(books: &mut Books, capture: &Capture, verdict: Verdict, now: Timestamp) {
    if let Some(invoice) = &capture.invoice_id {
        books.paid_invoices.remove(invoice);
    }
    if verdict == Verdict::DeniedAndReopened
        && let Some(order) = books.orders.get_mut(&capture.order)
    {
        order.status = OrderStatus::Approved;
        order.funding = Funding::Declined;
        order.reopened = true;
        order.updated = now;
    }
}

/// Accepts what is pending once it is so old, until `stop`.
pub(crate) async fn accept_after(shared: Arc<Shared>, age: SignedDuration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        while let Some(id) = next_due(&shared, age) {
            // Somebody may have ended the review already.
            finish(&shared, &id, Verdict::Accepted);
        }
    }
}

fn next_due(shared: &Shared, age: SignedDuration) -> Option<String> {
    let now = shared.now();
    let books = &mut shared.world().paypal;
    let id = books.reviews.front()?;
    let capture = books.captures.get(id).map(|it| it.created);
    let created = capture.or_else(|| books.authorizations.get(id).map(|it| it.created));
    let due = created.is_none_or(|created| now.duration_since(created) >= age);
    if due { books.reviews.pop_front() } else { None }
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
