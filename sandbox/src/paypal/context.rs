//! The context in which a PayPal request is executed: objects, ledger and request metadata.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    authorization::{Authorization, AuthorizationStatus},
    capture::{Capture, CaptureStatus},
    errors::{PaypalError, Result},
    events::EventContent,
    objects::Objects,
    order::Order,
    request_ids::Resource,
    views::minimal,
};
use crate::{
    ledger::{Effect, EffectKind, Ledger},
    money::Money,
    provider::Provider,
    webhooks::{Announcer, Content},
};

pub(crate) struct RequestContext<'a> {
    pub(crate) objects: &'a mut Objects,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) now: Timestamp,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) announcer: Announcer<'a>,
    /// Base URL of links to the API and to the sandbox's own pages.
    pub(crate) base: &'a str,
}

/// The result of a request: the object to show and the HTTP status.
#[derive(Debug)]
pub(crate) struct Success {
    pub(crate) status: StatusCode,
    pub(crate) resource: Resource,
}

impl Success {
    pub(crate) fn created(resource: Resource) -> Self {
        Self { status: StatusCode::CREATED, resource }
    }

    pub(crate) fn ok(resource: Resource) -> Self {
        Self { status: StatusCode::OK, resource }
    }
}

impl RequestContext<'_> {
    pub(crate) fn order(&mut self, id: &str) -> Result<&mut Order> {
        self.objects.orders.get_mut(id).ok_or_else(|| Box::new(PaypalError::not_found()))
    }

    pub(crate) fn record(&mut self, kind: EffectKind, money: Money, id: &str, custom_id: Option<&str>) {
        self.ledger.record(Effect {
            provider: Provider::Paypal,
            kind,
            money,
            id: id.to_owned(),
            idempotency_key: self.request_id.map(str::to_owned),
            transaction_id: custom_id.map(str::to_owned),
            at: self.now,
        });
    }

    /// Announces an event to the webhooks, with the current state of the resource.
    pub(crate) fn announce(&mut self, kind: &'static str, resource: EventContent) {
        self.announcer.announce(kind, Content::Paypal(resource));
    }

    pub(crate) fn announce_order(&mut self, kind: &'static str, id: &str) {
        if let Some(order) = EventContent::of_order(self.objects, id) {
            self.announce(kind, order);
        }
    }

    /// Stores a capture. Money that moved is an effect.
    pub(crate) fn add_capture(&mut self, capture: Capture) {
        match capture.status {
            CaptureStatus::Completed { .. } => {
                self.record(capture.effect(), capture.money, &capture.id, capture.custom_id.as_deref());
            }
            CaptureStatus::Pending => self.objects.reviews.push_back(capture.id.clone()),
            CaptureStatus::Declined => {}
        }
        self.announce(capture.event(), EventContent::Capture(Box::new(capture.clone())));
        self.objects.captures.insert(capture.id.clone(), capture);
    }

    /// Stores an authorization. Money that is held is an effect. PayPal has no event for one that is denied at once.
    pub(crate) fn add_authorization(&mut self, authorization: Authorization) {
        let (id, money) = (&authorization.id, authorization.money);
        match authorization.status {
            AuthorizationStatus::Created => {
                self.record(authorization.effect(), money, id, authorization.custom_id.as_deref());
            }
            AuthorizationStatus::Pending => self.objects.reviews.push_back(id.clone()),
            _ => {}
        }
        if authorization.status != AuthorizationStatus::Denied {
            let resource = EventContent::Authorization(Box::new(authorization.clone()));
            self.announce("PAYMENT.AUTHORIZATION.CREATED", resource);
        }
        self.objects.authorizations.insert(authorization.id.clone(), authorization);
    }
}

/// The current view of a resource; the minimal form has its id, status and links.
pub(crate) fn show(objects: &Objects, base: &str, resource: &Resource, full: bool) -> Result<Value> {
    let view = match resource {
        Resource::Order(id) => {
            return objects.orders.get(id).map(|order| order.view(objects, base, full)).ok_or_else(gone);
        }
        Resource::Authorization(id) => objects.authorizations.get(id).map(|it| it.view(base)),
        Resource::Capture(id) => objects.captures.get(id).map(|it| it.view(base)),
        Resource::Refund(id) => objects.refunds.get(id).map(|it| it.view(base)),
        Resource::Dispute(id) => objects.disputes.get(id).map(|it| it.view(base)),
    };
    let view = view.ok_or_else(gone)?;
    Ok(if full { view } else { minimal(&view) })
}

fn gone() -> Box<PaypalError> {
    Box::new(PaypalError::not_found())
}
