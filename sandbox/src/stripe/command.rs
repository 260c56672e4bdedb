//! A Stripe request that was understood: what to do, with its parameters.

use serde_json::Value;

use super::{
    charges,
    desk::Desk,
    dispute::RetrieveDispute,
    errors::{Result, StripeError},
    events,
    methods::TestMethod,
    payment_intents::{cancel, capture, confirm, create, list, retrieve, update},
    refunds,
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
    RetrieveDispute(RetrieveDispute),
    RetrieveEvent(events::retrieve::Request),
    ListEvents(events::list::Request),
}

impl Command {
    pub(crate) fn execute(&self, desk: &mut Desk<'_>) -> Result<Value> {
        match self {
            Self::CreateIntent(request) => request.execute(desk),
            Self::ConfirmIntent(request) => request.execute(desk),
            Self::CaptureIntent(request) => request.execute(desk),
            Self::CancelIntent(request) => request.execute(desk),
            Self::RetrieveIntent(request) => request.execute(desk),
            Self::ListIntents(request) => request.execute(desk),
            Self::CreateRefund(request) => request.execute(desk),
            Self::RetrieveRefund(request) => request.execute(desk),
            Self::ListRefunds(request) => request.execute(desk),
            Self::UpdateIntent(request) => request.execute(desk),
            Self::UpdateRefund(request) => request.execute(desk),
            Self::RetrieveCharge(request) => request.execute(desk),
            Self::ListCharges(request) => request.execute(desk),
            Self::RetrieveDispute(request) => request.execute(desk),
            Self::RetrieveEvent(request) => request.execute(desk),
            Self::ListEvents(request) => request.execute(desk),
            Self::RetrieveMethod(id) => TestMethod::find(id).map(TestMethod::view).ok_or_else(|| {
                Box::new(StripeError::no_such("PaymentMethod", id, "payment_method").not_found())
            }),
        }
    }
}
