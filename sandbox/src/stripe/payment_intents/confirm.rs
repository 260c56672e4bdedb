//! `POST /v1/payment_intents/{intent}/confirm`, and confirmation at creation.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use url::Url;

use super::create::find_method;
use crate::{
    ids,
    ledger::EffectKind,
    stripe::{
        charge::{Charge, Outcome},
        confirmation_tokens::{Usable, spend, usable},
        context::RequestContext,
        errors::{Result, StripeError},
        methods::{Behaviour, Decline, TestMethod},
        params::Params,
        payment_intent::{AllowRedirects, CaptureMethod, Status},
        quirks::{check_usable, dispute_captured},
    },
};

/// How long most card networks hold an authorization (docs.stripe.com/payments/place-a-hold-on-a-payment-method).
const HOLD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How the customer can, or cannot, be reached during the confirmation.
#[derive(Debug, Clone)]
pub(crate) struct Confirmation {
    return_url: Option<String>,
    off_session: bool,
    error_on_requires_action: bool,
    /// Stripe's script is on the customer's page and takes a further step there.
    uses_sdk: bool,
}

impl Confirmation {
    pub(crate) fn read(params: &mut Params) -> Result<Self> {
        let return_url = params.text("return_url")?;
        if return_url.as_deref().is_some_and(|url| Url::parse(url).is_err()) {
            return StripeError::invalid("Not a valid URL").code("url_invalid").param("return_url").refuse();
        }
        let off_session = [("true", true), ("false", false), ("one_off", true), ("recurring", true)];
        Ok(Self {
            return_url,
            off_session: params.choice("off_session", &off_session)?.unwrap_or(false),
            error_on_requires_action: params.flag("error_on_requires_action")?.unwrap_or(false),
            uses_sdk: false,
        })
    }

    /// The first of its parameters that was used, if any.
    pub(crate) fn first_param(&self) -> Option<&'static str> {
        let used = [
            ("return_url", self.return_url.is_some()),
            ("off_session", self.off_session),
            ("error_on_requires_action", self.error_on_requires_action),
        ];
        used.into_iter().find(|(_, used)| *used).map(|(param, _)| param)
    }

    /// The parameters with what a confirmation token adds.
    pub(crate) fn by_token(&self, token: &Usable) -> Self {
        let return_url = self.return_url.clone().or_else(|| token.return_url.clone());
        Self { return_url, uses_sdk: true, ..self.clone() }
    }

    /// Payment methods that may redirect need a return URL.
    pub(crate) fn check_return_url(&self, automatic: Option<AllowRedirects>) -> Result<()> {
        if automatic == Some(AllowRedirects::Always) && self.return_url.is_none() {
            let message = "This PaymentIntent is configured to accept payment methods that might redirect your \
                 customer off of your page, so you must provide a `return_url`. If you don't want to accept \
                 redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and \
                 `automatic_payment_methods[allow_redirects]` to `never`.";
            return StripeError::invalid(message).refuse();
        }
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    payment_method: Option<String>,
    confirmation_token: Option<String>,
    confirmation: Confirmation,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self {
            intent: intent.to_owned(),
            payment_method: params.text("payment_method")?,
            confirmation_token: params.text("confirmation_token")?,
            confirmation: Confirmation::read(&mut params)?,
            expand: params.texts("expand")?,
        };
        params.unsupported(&["capture_method", "mandate", "mandate_data", "payment_method_data"])?;
        params.ignore(&[
            "payment_method_options",
            "payment_method_types",
            "radar_options",
            "receipt_email",
            "setup_future_usage",
            "shipping",
            "use_stripe_sdk",
        ]);
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let pages = context.pages;
        let token = self.confirmation_token.as_deref().map(|id| usable(context, id)).transpose()?;
        let intent = context.intent(&self.intent)?;
        match &intent.status {
            Status::RequiresPaymentMethod { .. }
            | Status::RequiresConfirmation
            | Status::RequiresAction { .. } => {}
            Status::RequiresCapture | Status::Succeeded { .. } | Status::Canceled { .. } => {
                return intent.unexpected_state("confirmed", pages).refuse();
            }
        }
        let confirmation = token
            .as_ref()
            .map_or_else(|| self.confirmation.clone(), |token| self.confirmation.by_token(token));
        confirmation.check_return_url(intent.terms.automatic_payment_methods)?;
        let method = match (&token, &self.payment_method) {
            (Some(token), _) => Some(token.method),
            (None, named) => named.as_deref().map(find_method).transpose()?,
        };
        if let Some(method) = method {
            check_usable(method, intent.currency)?;
            intent.payment_method = Some(method);
        }
        if let Some(token) = &self.confirmation_token {
            spend(context, token, &self.intent);
        }
        confirm(context, &self.intent, &confirmation)?;
        context.show_intent(&self.intent, &self.expand)
    }
}

/// Tries the PaymentIntent's payment method. A decline leaves the PaymentIntent open for another method.
pub(crate) fn confirm(context: &mut RequestContext<'_>, id: &str, confirmation: &Confirmation) -> Result<()> {
    let (pages, key) = (context.pages, context.idempotency_key.map(str::to_owned));
    let intent = context.intent(id)?;
    let Some(method) = intent.payment_method else {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method. Provide one with \
             the parameter `payment_method`.";
        return StripeError::invalid(message)
            .code("payment_intent_unexpected_state")
            .payment_intent(intent.view(pages))
            .refuse();
    };
    match method.behaviour {
        Behaviour::Approve => complete(context, id, method),
        Behaviour::Decline(decline) => refuse(context, id, method, decline.error(), Some(decline)),
        Behaviour::Authenticate if confirmation.off_session => {
            refuse(context, id, method, authentication_required("authentication_required"), None)
        }
        Behaviour::Authenticate if confirmation.error_on_requires_action => {
            refuse(context, id, method, authentication_required("authentication_not_handled"), None)
        }
        Behaviour::Authenticate => {
            let return_url = confirmation.return_url.clone();
            let uses_sdk = confirmation.uses_sdk || return_url.is_none();
            intent.status = Status::RequiresAction { return_url, uses_sdk, idempotency_key: key };
            context.announce_intent("payment_intent.requires_action", id);
            Ok(())
        }
    }
}

fn authentication_required(decline_code: &'static str) -> StripeError {
    StripeError::card(
        "authentication_required",
        decline_code,
        "Your card was declined. It requires authentication.",
    )
}

/// The card is valid: the money is taken, or held for a later capture.
pub(crate) fn complete(
    context: &mut RequestContext<'_>,
    id: &str,
    method: &'static TestMethod,
) -> Result<()> {
    let intent = context.intent(id)?;
    let (amount, currency, transaction) = (intent.amount, intent.currency, intent.transaction_id());
    let (effect, outcome, event) = if intent.terms.capture_method == CaptureMethod::Manual {
        intent.status = Status::RequiresCapture;
        (EffectKind::Authorize, Outcome::Authorized, "payment_intent.amount_capturable_updated")
    } else {
        intent.status = Status::Succeeded { received: amount };
        let outcome = Outcome::Captured { amount, refunded: 0, refunds: Vec::new() };
        (EffectKind::Charge, outcome, "payment_intent.succeeded")
    };
    let charge = add_charge(context, id, method, outcome)?;
    context.record(effect, amount, currency, id, transaction);
    // Also for an authorization: the charge exists, and is not captured yet.
    context.announce_charge("charge.succeeded", &charge);
    context.announce_intent(event, id);
    dispute_captured(context, &charge);
    Ok(())
}

/// The card is declined: the PaymentIntent waits for another method, and the error contains it.
fn refuse(
    context: &mut RequestContext<'_>,
    id: &str,
    method: &'static TestMethod,
    error: StripeError,
    decline: Option<Decline>,
) -> Result<()> {
    let charge = match decline {
        Some(decline) => Some(add_charge(context, id, method, Outcome::Declined(decline))?),
        None => None,
    };
    let pages = context.pages;
    let intent = context.intent(id)?;
    let error = error.charge(charge.clone()).payment_method(method.view());
    intent.payment_method = None;
    intent.status = Status::RequiresPaymentMethod { last_error: Some(Box::new(error.clone())) };
    let view = intent.view(pages);
    if let Some(charge) = &charge {
        context.announce_charge("charge.failed", charge);
    }
    context.announce_intent("payment_intent.payment_failed", id);
    error.payment_intent(view).refuse()
}

fn add_charge(
    context: &mut RequestContext<'_>,
    intent: &str,
    method: &'static TestMethod,
    outcome: Outcome,
) -> Result<String> {
    let now = context.now;
    let charge_id = ids::stripe("ch");
    let intent = context.intent(intent)?;
    intent.latest_charge = Some(charge_id.clone());
    let held_until = now.saturating_add(HOLD).unwrap_or(Timestamp::MAX);
    let charge = Charge {
        id: charge_id.clone(),
        payment_intent: intent.id.clone(),
        amount: intent.amount,
        currency: intent.currency,
        method,
        metadata: intent.metadata.clone(),
        created: now,
        capture_before: matches!(outcome, Outcome::Authorized).then_some(held_until),
        outcome,
        release: None,
        dispute: None,
    };
    context.objects.charges.insert(&charge_id, charge);
    Ok(charge_id)
}
