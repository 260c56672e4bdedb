//! Where a PayPal request is decided: the books, the ledger and the circumstances of the request.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    books::Books,
    capture::{Capture, CaptureStatus},
    errors::{PaypalError, Result},
    order::Order,
    request_ids::Resource,
    views::minimal,
};
use crate::{
    ledger::{Effect, EffectKind, Ledger},
    money::Money,
    provider::Provider,
};

pub(crate) struct Desk<'a> {
    pub(crate) books: &'a mut Books,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) now: Timestamp,
    pub(crate) request_id: Option<&'a str>,
    /// Base URL of links to the API and to the sandbox's own pages.
    pub(crate) base: &'a str,
}

/// What a request came to: the object to show and the status to show it with.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: StatusCode,
    pub(crate) resource: Resource,
}

impl Done {
    pub(crate) fn created(resource: Resource) -> Self {
        Self { status: StatusCode::CREATED, resource }
    }

    pub(crate) fn ok(resource: Resource) -> Self {
        Self { status: StatusCode::OK, resource }
    }
}

impl Desk<'_> {
    pub(crate) fn order(&mut self, id: &str) -> Result<&mut Order> {
        self.books.orders.get_mut(id).ok_or_else(|| Box::new(PaypalError::not_found()))
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

    /// Keeps a capture; money that moved is an effect.
    pub(crate) fn add_capture(&mut self, capture: Capture) {
        if matches!(capture.status, CaptureStatus::Completed { .. }) {
            self.record(capture.effect(), capture.money, &capture.id, capture.custom_id.as_deref());
        }
        self.books.captures.insert(capture.id.clone(), capture);
    }
}

/// The current state of a resource; the minimal form has its id, status and links.
pub(crate) fn show(books: &Books, base: &str, resource: &Resource, full: bool) -> Result<Value> {
    let view = match resource {
        Resource::Order(id) => {
            return books.orders.get(id).map(|order| order.view(books, base, full)).ok_or_else(gone);
        }
        Resource::Authorization(id) => books.authorizations.get(id).map(|it| it.view(base)),
        Resource::Capture(id) => books.captures.get(id).map(|it| it.view(base)),
        Resource::Refund(id) => books.refunds.get(id).map(|it| it.view(base)),
    };
    let view = view.ok_or_else(gone)?;
    Ok(if full { view } else { minimal(&view) })
}

fn gone() -> Box<PaypalError> {
    Box::new(PaypalError::not_found())
}
