//! The customer's 3-D Secure step, on a page of the sandbox.

use super::confirm::complete;
use crate::stripe::{
    context::RequestContext,
    errors::StripeError,
    methods::TestMethod,
    payment_intent::{PaymentIntent, Status},
};

/// Where the customer returns to after the page, if the merchant gave a URL.
pub(crate) struct Finished {
    pub(crate) return_url: Option<String>,
    pub(crate) client_secret: String,
}

/// Completes or fails the pending authentication; `None` if there is none.
pub(crate) fn finish(context: &mut RequestContext<'_>, id: &str, succeeded: bool) -> Option<Finished> {
    let intent = context.objects.intents.get_mut(id)?;
    let (method, return_url) = waiting(intent)?;
    let client_secret = intent.client_secret.clone();
    if succeeded {
        complete(context, id, method).ok()?;
    } else {
        intent.payment_method = None;
        intent.status =
            Status::RequiresPaymentMethod { last_error: Some(Box::new(not_authenticated(method))) };
        context.announce_intent("payment_intent.payment_failed", id);
    }
    Some(Finished { return_url, client_secret })
}

/// The payment method and return URL of a pending authentication.
pub(crate) fn waiting(intent: &PaymentIntent) -> Option<(&'static TestMethod, Option<String>)> {
    let Status::RequiresAction { return_url, uses_sdk, .. } = &intent.status else { return None };
    // What happens within a page leads nowhere else.
    Some((intent.payment_method?, return_url.clone().filter(|_| !uses_sdk)))
}

fn not_authenticated(method: &TestMethod) -> StripeError {
    StripeError::invalid(
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new \
         PaymentMethod to attempt to fulfill this PaymentIntent again.",
    )
    .code("payment_intent_authentication_failure")
    .payment_method(method.view())
}
