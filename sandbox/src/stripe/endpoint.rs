//! The part of Stripe's API that the sandbox implements.

use axum::http::Method;

use super::{
    charges,
    command::Command,
    confirmation_tokens,
    dispute::RetrieveDispute,
    domains,
    errors::Result,
    events,
    form::Form,
    objects::Objects,
    params::Params,
    payment_intent::CaptureMethod,
    payment_intents::{cancel, capture, confirm, create, list, retrieve, update},
    refunds,
    tokens::{self, CreateMethod},
};
use crate::provider::Operation;

/// A URL and method that Stripe knows, with the id in the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    CreateIntent,
    ConfirmIntent(String),
    CaptureIntent(String),
    CancelIntent(String),
    RetrieveIntent(String),
    ListIntents,
    CreateRefund,
    RetrieveRefund(String),
    ListRefunds,
    UpdateIntent(String),
    UpdateRefund(String),
    RetrieveCharge(String),
    ListCharges,
    RetrieveMethod(String),
    CreateMethod,
    /// By Stripe's scripts.
    CreateToken,
    RetrieveToken(String),
    /// By Stripe's script.
    CreateConfirmationToken,
    /// By the test helper.
    CreateTestConfirmationToken,
    RetrieveConfirmationToken(String),
    CreateDomain,
    UpdateDomain(String),
    ListDomains,
    RetrieveDomain(String),
    ValidateDomain(String),
    RetrieveDispute(String),
    RetrieveEvent(String),
    ListEvents,
}

impl Endpoint {
    pub(crate) fn find(method: &Method, path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        let id = || parts.get(1).filter(|id| !id.is_empty()).map(|id| (*id).to_owned());
        match (method, parts.as_slice()) {
            (&Method::POST, ["payment_intents"]) => Some(Self::CreateIntent),
            (&Method::GET, ["payment_intents"]) => Some(Self::ListIntents),
            (&Method::GET, ["payment_intents", _]) => id().map(Self::RetrieveIntent),
            (&Method::POST, ["payment_intents", _, "confirm"]) => id().map(Self::ConfirmIntent),
            (&Method::POST, ["payment_intents", _, "capture"]) => id().map(Self::CaptureIntent),
            (&Method::POST, ["payment_intents", _, "cancel"]) => id().map(Self::CancelIntent),
            (&Method::POST, ["refunds"]) => Some(Self::CreateRefund),
            (&Method::GET, ["refunds"]) => Some(Self::ListRefunds),
            (&Method::GET, ["refunds", _]) => id().map(Self::RetrieveRefund),
            (&Method::POST, ["payment_intents", _]) => id().map(Self::UpdateIntent),
            (&Method::POST, ["refunds", _]) => id().map(Self::UpdateRefund),
            (&Method::GET, ["charges"]) => Some(Self::ListCharges),
            (&Method::GET, ["charges", _]) => id().map(Self::RetrieveCharge),
            (&Method::GET, ["payment_methods", _]) => id().map(Self::RetrieveMethod),
            (&Method::POST, ["payment_methods"]) => Some(Self::CreateMethod),
            (&Method::POST, ["tokens"]) => Some(Self::CreateToken),
            (&Method::GET, ["tokens", _]) => id().map(Self::RetrieveToken),
            (&Method::POST, ["confirmation_tokens"]) => Some(Self::CreateConfirmationToken),
            (&Method::POST, ["test_helpers", "confirmation_tokens"]) => {
                Some(Self::CreateTestConfirmationToken)
            }
            (&Method::GET, ["confirmation_tokens", _]) => id().map(Self::RetrieveConfirmationToken),
            (&Method::POST, ["payment_method_domains"]) => Some(Self::CreateDomain),
            (&Method::GET, ["payment_method_domains"]) => Some(Self::ListDomains),
            (&Method::POST, ["payment_method_domains", _]) => id().map(Self::UpdateDomain),
            (&Method::GET, ["payment_method_domains", _]) => id().map(Self::RetrieveDomain),
            (&Method::POST, ["payment_method_domains", _, "validate"]) => id().map(Self::ValidateDomain),
            (&Method::GET, ["disputes", _]) => id().map(Self::RetrieveDispute),
            (&Method::GET, ["events"]) => Some(Self::ListEvents),
            (&Method::GET, ["events", _]) => id().map(Self::RetrieveEvent),
            _ => None,
        }
    }

    /// The operation of the request, as far as it can be determined without full validation.
    pub(crate) fn purpose(&self, form: &Form) -> Purpose {
        match self {
            Self::CreateIntent if form.text("capture_method") == Some("manual") => {
                Purpose::Known(Operation::Authorize)
            }
            Self::CreateIntent => Purpose::Known(Operation::Charge),
            Self::ConfirmIntent(id) => Purpose::OfIntent(id.clone()),
            Self::CaptureIntent(_) => Purpose::Known(Operation::Capture),
            Self::CancelIntent(_) => Purpose::Known(Operation::Cancel),
            Self::CreateRefund => Purpose::Known(Operation::Refund),
            Self::RetrieveIntent(_)
            | Self::ListIntents
            | Self::RetrieveRefund(_)
            | Self::ListRefunds
            | Self::RetrieveCharge(_)
            | Self::ListCharges
            | Self::RetrieveMethod(_)
            | Self::RetrieveToken(_)
            | Self::RetrieveConfirmationToken(_)
            | Self::ListDomains
            | Self::RetrieveDomain(_)
            | Self::RetrieveEvent(_)
            | Self::ListEvents => Purpose::Known(Operation::Retrieve),
            Self::RetrieveDispute(_) => Purpose::Known(Operation::Dispute),
            // No money moves by these.
            Self::UpdateIntent(_)
            | Self::UpdateRefund(_)
            | Self::CreateMethod
            | Self::CreateToken
            | Self::CreateConfirmationToken
            | Self::CreateTestConfirmationToken
            | Self::CreateDomain
            | Self::UpdateDomain(_)
            | Self::ValidateDomain(_) => Purpose::Known(Operation::Unknown),
        }
    }

    /// Whether a page in the payer's browser may send it, with the publishable key.
    pub(crate) fn is_for_browsers(&self, form: &Form) -> bool {
        match self {
            Self::CreateToken | Self::CreateConfirmationToken => true,
            Self::RetrieveIntent(_) => form.text("client_secret").is_some(),
            _ => false,
        }
    }

    /// The path under which the published contract describes the request body, for requests that have one.
    pub(crate) fn contract_path(&self) -> Option<&'static str> {
        match self {
            Self::CreateIntent => Some("/v1/payment_intents"),
            Self::ConfirmIntent(_) => Some("/v1/payment_intents/{intent}/confirm"),
            Self::CaptureIntent(_) => Some("/v1/payment_intents/{intent}/capture"),
            Self::CancelIntent(_) => Some("/v1/payment_intents/{intent}/cancel"),
            Self::CreateRefund => Some("/v1/refunds"),
            Self::UpdateIntent(_) => Some("/v1/payment_intents/{intent}"),
            Self::UpdateRefund(_) => Some("/v1/refunds/{refund}"),
            Self::CreateMethod => Some("/v1/payment_methods"),
            _ => None,
        }
    }

    /// Parses the parameters strictly.
    pub(crate) fn read(&self, form: Form) -> Result<Command> {
        let params = Params::from(form);
        Ok(match self {
            Self::CreateIntent => Command::CreateIntent(Box::new(create::Request::read(params)?)),
            Self::ConfirmIntent(id) => Command::ConfirmIntent(confirm::Request::read(id, params)?),
            Self::CaptureIntent(id) => Command::CaptureIntent(capture::Request::read(id, params)?),
            Self::CancelIntent(id) => Command::CancelIntent(cancel::Request::read(id, params)?),
            Self::RetrieveIntent(id) => Command::RetrieveIntent(retrieve::Request::read(id, params)?),
            Self::ListIntents => Command::ListIntents(list::Request::read(params)?),
            Self::CreateRefund => Command::CreateRefund(refunds::create::Request::read(params)?),
            Self::RetrieveRefund(id) => {
                Command::RetrieveRefund(refunds::retrieve::Request::read(id, params)?)
            }
            Self::ListRefunds => Command::ListRefunds(refunds::list::Request::read(params)?),
            Self::RetrieveCharge(id) => Command::RetrieveCharge(charges::Retrieve::read(id, params)?),
            Self::ListCharges => Command::ListCharges(charges::List::read(params)?),
            Self::UpdateIntent(id) => Command::UpdateIntent(update::Request::read(id, params)?),
            Self::UpdateRefund(id) => Command::UpdateRefund(refunds::update::Request::read(id, params)?),
            Self::RetrieveMethod(id) => {
                params.finish()?;
                Command::RetrieveMethod(id.clone())
            }
            Self::CreateMethod => Command::CreateMethod(CreateMethod::read(params)?),
            Self::CreateToken => Command::CreateToken(tokens::Create::read(params)?),
            Self::RetrieveToken(id) => {
                params.finish()?;
                Command::RetrieveToken(id.clone())
            }
            Self::CreateConfirmationToken | Self::CreateTestConfirmationToken => {
                Command::CreateConfirmationToken(confirmation_tokens::Create::read(params)?)
            }
            Self::RetrieveConfirmationToken(id) => {
                params.finish()?;
                Command::RetrieveConfirmationToken(id.clone())
            }
            Self::CreateDomain => Command::CreateDomain(domains::Create::read(params)?),
            Self::UpdateDomain(id) => Command::UpdateDomain(domains::Update::read(id, params)?),
            Self::ListDomains => Command::ListDomains(domains::List::read(params)?),
            Self::RetrieveDomain(id) | Self::ValidateDomain(id) => {
                params.finish()?;
                Command::ShowDomain(id.clone())
            }
            Self::RetrieveDispute(id) => Command::RetrieveDispute(RetrieveDispute::read(id, params)?),
            Self::RetrieveEvent(id) => Command::RetrieveEvent(events::retrieve::Request::read(id, params)?),
            Self::ListEvents => Command::ListEvents(events::list::Request::read(params)?),
        })
    }
}

/// The operation of a request. A confirmation has the operation that its PaymentIntent was created for.
#[derive(Debug)]
pub(crate) enum Purpose {
    Known(Operation),
    OfIntent(String),
}

impl Purpose {
    pub(crate) fn operation(&self, objects: &Objects) -> Operation {
        match self {
            Self::Known(operation) => *operation,
            Self::OfIntent(id) => match objects.intents.get(id).map(|intent| intent.terms.capture_method) {
                Some(CaptureMethod::Manual) => Operation::Authorize,
                _ => Operation::Charge,
            },
        }
    }
}
