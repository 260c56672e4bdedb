//! The part of PayPal's API that the sandbox implements.

use axum::http::Method;
use serde::Deserialize;

use super::{
    authorizations,
    command::Command,
    errors::Result,
    objects::Objects,
    order::Intent,
    orders::{authorize, capture, confirm, create, patch},
    refund_capture,
};
use crate::{contracts::PaypalSchema, provider::Operation};

/// A URL and method that PayPal knows, with the id in the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    CreateOrder,
    RetrieveOrder(String),
    CaptureOrder(String),
    AuthorizeOrder(String),
    ConfirmOrder(String),
    PatchOrder(String),
    RetrieveAuthorization(String),
    CaptureAuthorization(String),
    ReauthorizeAuthorization(String),
    VoidAuthorization(String),
    RetrieveCapture(String),
    RefundCapture(String),
    RetrieveRefund(String),
    RetrieveDispute(String),
}

impl Endpoint {
    pub(crate) fn find(method: &Method, path: &str) -> Option<Self> {
        if let Some(dispute) = path.strip_prefix("/v1/customer/disputes/") {
            let found = method == Method::GET && !dispute.is_empty() && !dispute.contains('/');
            return found.then(|| Self::RetrieveDispute(dispute.to_owned()));
        }
        let parts: Vec<&str> = path.strip_prefix("/v2/")?.split('/').collect();
        let id = || parts.get(2).filter(|id| !id.is_empty()).map(|id| (*id).to_owned());
        match (method, parts.as_slice()) {
            (&Method::POST, ["checkout", "orders"]) => Some(Self::CreateOrder),
            (&Method::GET, ["checkout", "orders", _]) => id().map(Self::RetrieveOrder),
            (&Method::PATCH, ["checkout", "orders", _]) => id().map(Self::PatchOrder),
            (&Method::POST, ["checkout", "orders", _, "capture"]) => id().map(Self::CaptureOrder),
            (&Method::POST, ["checkout", "orders", _, "authorize"]) => id().map(Self::AuthorizeOrder),
            (&Method::POST, ["checkout", "orders", _, "confirm-payment-source"]) => {
                id().map(Self::ConfirmOrder)
            }
            (&Method::GET, ["payments", "authorizations", _]) => id().map(Self::RetrieveAuthorization),
            (&Method::POST, ["payments", "authorizations", _, "capture"]) => {
                id().map(Self::CaptureAuthorization)
            }
            (&Method::POST, ["payments", "authorizations", _, "reauthorize"]) => {
                id().map(Self::ReauthorizeAuthorization)
            }
            (&Method::POST, ["payments", "authorizations", _, "void"]) => id().map(Self::VoidAuthorization),
            (&Method::GET, ["payments", "captures", _]) => id().map(Self::RetrieveCapture),
            (&Method::POST, ["payments", "captures", _, "refund"]) => id().map(Self::RefundCapture),
            (&Method::GET, ["payments", "refunds", _]) => id().map(Self::RetrieveRefund),
            _ => None,
        }
    }

    /// The operation of the request, as far as it can be determined without full validation.
    pub(crate) fn purpose(&self, body: &[u8]) -> Purpose {
        match self {
            Self::CreateOrder => Purpose::Known(operation_of(peek_intent(body))),
            Self::ConfirmOrder(id) | Self::PatchOrder(id) => Purpose::OfOrder(id.clone()),
            Self::CaptureOrder(_) => Purpose::Known(Operation::Charge),
            Self::AuthorizeOrder(_) | Self::ReauthorizeAuthorization(_) => {
                Purpose::Known(Operation::Authorize)
            }
            Self::CaptureAuthorization(_) => Purpose::Known(Operation::Capture),
            Self::VoidAuthorization(_) => Purpose::Known(Operation::Cancel),
            Self::RefundCapture(_) => Purpose::Known(Operation::Refund),
            Self::RetrieveOrder(_)
            | Self::RetrieveAuthorization(_)
            | Self::RetrieveCapture(_)
            | Self::RetrieveRefund(_) => Purpose::Known(Operation::Retrieve),
            Self::RetrieveDispute(_) => Purpose::Known(Operation::Dispute),
        }
    }

    /// Whether PayPal's script sends it from the payer's browser.
    pub(crate) fn is_for_browsers(&self) -> bool {
        matches!(self, Self::ConfirmOrder(_) | Self::RetrieveOrder(_))
    }

    /// The published schema of the request body, if there is one. Such requests must declare JSON.
    pub(crate) fn schema(&self) -> Option<PaypalSchema> {
        match self {
            Self::CreateOrder => Some(PaypalSchema::CreateOrder),
            Self::CaptureOrder(_) => Some(PaypalSchema::CaptureOrder),
            Self::AuthorizeOrder(_) => Some(PaypalSchema::AuthorizeOrder),
            Self::ConfirmOrder(_) => Some(PaypalSchema::ConfirmOrder),
            Self::PatchOrder(_) => Some(PaypalSchema::PatchOrder),
            Self::CaptureAuthorization(_) => Some(PaypalSchema::CaptureAuthorization),
            Self::ReauthorizeAuthorization(_) => Some(PaypalSchema::ReauthorizeAuthorization),
            Self::RefundCapture(_) => Some(PaypalSchema::RefundCapture),
            _ => None,
        }
    }

    /// Whether `PayPal-Mock-Response` is documented for it.
    pub(crate) fn can_be_mocked(&self) -> bool {
        !matches!(
            self,
            Self::ConfirmOrder(_)
                | Self::PatchOrder(_)
                | Self::ReauthorizeAuthorization(_)
                | Self::RetrieveAuthorization(_)
                | Self::RetrieveCapture(_)
                | Self::RetrieveRefund(_)
                | Self::RetrieveDispute(_)
        )
    }

    /// Parses the body strictly.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Command> {
        Ok(match self {
            Self::CreateOrder => Command::CreateOrder(Box::new(create::Request::read(body)?)),
            Self::RetrieveOrder(id) => Command::RetrieveOrder(id.clone()),
            Self::CaptureOrder(id) => Command::CaptureOrder(capture::Request::read(id, body)?),
            Self::AuthorizeOrder(id) => Command::AuthorizeOrder(authorize::Request::read(id, body)?),
            Self::ConfirmOrder(id) => Command::ConfirmOrder(Box::new(confirm::Request::read(id, body)?)),
            Self::PatchOrder(id) => Command::PatchOrder(patch::Request::read(id, body)?),
            Self::RetrieveAuthorization(id) => Command::RetrieveAuthorization(id.clone()),
            Self::CaptureAuthorization(id) => {
                Command::CaptureAuthorization(authorizations::capture::Request::read(id, body)?)
            }
            Self::ReauthorizeAuthorization(id) => {
                Command::ReauthorizeAuthorization(authorizations::reauthorize::Request::read(id, body)?)
            }
            Self::VoidAuthorization(id) => Command::VoidAuthorization(id.clone()),
            Self::RetrieveCapture(id) => Command::RetrieveCapture(id.clone()),
            Self::RefundCapture(id) => Command::RefundCapture(refund_capture::Request::read(id, body)?),
            Self::RetrieveRefund(id) => Command::RetrieveRefund(id.clone()),
            Self::RetrieveDispute(id) => Command::RetrieveDispute(id.clone()),
        })
    }
}

/// The operation of a request. Confirming a source and patching have the operation that their order was created for.
#[derive(Debug)]
pub(crate) enum Purpose {
    Known(Operation),
    OfOrder(String),
}

impl Purpose {
    pub(crate) fn operation(&self, objects: &Objects) -> Operation {
        match self {
            Self::Known(operation) => *operation,
            Self::OfOrder(id) => operation_of(objects.orders.get(id).map(|order| order.intent)),
        }
    }
}

fn operation_of(intent: Option<Intent>) -> Operation {
    if intent == Some(Intent::Authorize) { Operation::Authorize } else { Operation::Charge }
}

fn peek_intent(body: &[u8]) -> Option<Intent> {
    #[derive(Deserialize)]
    struct Peek {
        intent: Intent,
    }
    serde_json::from_slice::<Peek>(body).ok().map(|peek| peek.intent)
}
