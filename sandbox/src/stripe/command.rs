//! A parsed Stripe request: the command and its parameters.

use serde_json::Value;

use super::{
    charges, confirmation_tokens,
    context::RequestContext,
    dispute::RetrieveDispute,
    domains,
    errors::{Result, StripeError},
    events,
    methods::TestMethod,
    payment_intents::{cancel, capture, confirm, create, list, retrieve, update},
    refunds,
    tokens::{self, CreateMethod},
};

#[derive(Debug)]
pub(crate) enum Command {
    CreateIntent(Box<create::Request>),
    ConfirmIntent(confirm::Request),
    CaptureIntent(capture::Request),
    CancelIntent(cancel::Request),
    RetrieveIntent(retrieve::Request),
    ListIntents(list::Request),
    CreateRefund(refunds::create::Request),
    RetrieveRefund(refunds::retrieve::Request),
    ListRefunds(refunds::list::Request),
    UpdateIntent(update::Request),
    UpdateRefund(refunds::update::Request),
    RetrieveCharge(charges::Retrieve),
    ListCharges(charges::List),
    RetrieveMethod(String),
    CreateMethod(CreateMethod),
    CreateToken(tokens::Create),
    RetrieveToken(String),
    CreateConfirmationToken(confirmation_tokens::Create),
    RetrieveConfirmationToken(String),
    CreateDomain(domains::Create),
    UpdateDomain(domains::Update),
    ListDomains(domains::List),
    /// Also to validate it.
    ShowDomain(String),
    RetrieveDispute(RetrieveDispute),
    RetrieveEvent(events::retrieve::Request),
    ListEvents(events::list::Request),
}

impl Command {
    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        match self {
            Self::CreateIntent(request) => request.execute(context),
            Self::ConfirmIntent(request) => request.execute(context),
            Self::CaptureIntent(request) => request.execute(context),
            Self::CancelIntent(request) => request.execute(context),
            Self::RetrieveIntent(request) => request.execute(context),
            Self::ListIntents(request) => request.execute(context),
            Self::CreateRefund(request) => request.execute(context),
            Self::RetrieveRefund(request) => request.execute(context),
            Self::ListRefunds(request) => request.execute(context),
            Self::UpdateIntent(request) => request.execute(context),
            Self::UpdateRefund(request) => request.execute(context),
            Self::RetrieveCharge(request) => request.execute(context),
            Self::ListCharges(request) => request.execute(context),
            Self::RetrieveDispute(request) => request.execute(context),
            Self::RetrieveEvent(request) => request.execute(context),
            Self::ListEvents(request) => request.execute(context),
            Self::CreateMethod(request) => request.execute(context),
            Self::CreateToken(request) => request.execute(context),
            Self::RetrieveToken(id) => tokens::retrieve(context, id),
            Self::CreateConfirmationToken(request) => request.execute(context),
            Self::RetrieveConfirmationToken(id) => confirmation_tokens::retrieve(context, id),
            Self::CreateDomain(request) => Ok(request.execute(context)),
            Self::UpdateDomain(request) => request.execute(context),
            Self::ListDomains(request) => request.execute(context),
            Self::ShowDomain(id) => domains::show(context, id),
            Self::RetrieveMethod(id) => TestMethod::find(id).map(TestMethod::view).ok_or_else(|| {
                Box::new(StripeError::no_such("PaymentMethod", id, "payment_method").not_found())
            }),
        }
    }
}
