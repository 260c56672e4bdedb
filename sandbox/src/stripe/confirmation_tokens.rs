//! Confirmation tokens: what Stripe's script collected from the payer, to be used once for one payment
//! (docs.stripe.com/api/confirmation_tokens). `POST /v1/confirmation_tokens` stands in for the script's own call, which
//! Stripe does not document; the test helper is Stripe's.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    context::RequestContext,
    errors::{Result, StripeError},
    methods::TestMethod,
    params::{Params, required},
    payment_intents::create::find_method,
};
use crate::ids;

/// How long a token can be used.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// The sandbox's own tokens for what takes time to happen otherwise.
const EXPIRED: &str = "ctoken_sandbox_expired";
const USED: &str = "ctoken_sandbox_used";

#[derive(Debug, Clone)]
pub(crate) struct ConfirmationToken {
    id: String,
    method: &'static TestMethod,
    return_url: Option<String>,
    collected: Collected,
    created: Timestamp,
    expires: Timestamp,
    /// The payment that it was used for.
    payment_intent: Option<String>,
}

/// What a usable token brings to a confirmation.
pub(crate) struct Usable {
    pub(crate) method: &'static TestMethod,
    pub(crate) return_url: Option<String>,
}

/// What the page or the test helper gives besides the payment method. It is shown, and changes no payment.
#[derive(Debug, Clone)]
struct Collected {
    options: Option<Value>,
    setup_future_usage: Option<&'static str>,
    shipping: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Create {
    payment_method: String,
    return_url: Option<String>,
    collected: Collected,
}

/// `payment_method_options[card][installments][plan]`, the only option of a card.
fn options(params: &mut Params) -> Result<Option<Value>> {
    let Some(mut options) = params.hash("payment_method_options")? else { return Ok(None) };
    let mut plan = Value::Null;
    if let Some(mut card) = options.hash("card")? {
        if let Some(mut installments) = card.hash("installments")? {
            let mut given =
                required(installments.hash("plan")?, "payment_method_options[card][installments][plan]")?;
            let kinds = ["bonus", "fixed_count", "revolving"].map(|kind| (kind, kind));
            plan = json!({
                "count": given.integer("count")?,
                "interval": given.choice("interval", &[("month", "month")])?,
                "type": required(given.choice("type", &kinds)?, "payment_method_options[card][installments][plan][type]")?,
            });
            given.finish()?;
            installments.finish()?;
        }
        card.finish()?;
    }
    options.finish()?;
    Ok(Some(json!({ "card": { "cvc_token": null, "installments": { "plan": plan } } })))
}

fn shipping(params: &mut Params) -> Result<Option<Value>> {
    let Some(mut shipping) = params.hash("shipping")? else { return Ok(None) };
    let name = required(shipping.text("name")?, "shipping[name]")?;
    let phone = shipping.text("phone")?;
    let mut given = required(shipping.hash("address")?, "shipping[address]")?;
    let mut address = Map::new();
    for part in ["city", "country", "line1", "line2", "postal_code", "state"] {
        address.insert(part.to_owned(), json!(given.text(part)?));
    }
    given.finish()?;
    shipping.finish()?;
    Ok(Some(json!({ "address": address, "name": name, "phone": phone })))
}

impl Create {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        if params.peek("payment_method_data").is_some() {
            let problem = "The sandbox makes confirmation tokens of a `payment_method` alone, e.g. pm_card_visa: \
                           `payment_method_data` makes methods of other kinds than cards.";
            return StripeError::invalid(problem).param("payment_method_data").refuse();
        }
        let request = Self {
            payment_method: required(params.text("payment_method")?, "payment_method")?,
            return_url: params.text("return_url")?,
            collected: Collected {
                options: options(&mut params)?,
                setup_future_usage: params.choice(
                    "setup_future_usage",
                    &[("off_session", "off_session"), ("on_session", "on_session")],
                )?,
                shipping: shipping(&mut params)?,
            },
        };
        params.ignore(&["expand"]);
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let token = ConfirmationToken {
            id: ids::stripe("ctoken"),
            method: find_method(&self.payment_method)?,
            return_url: self.return_url.clone(),
            collected: self.collected.clone(),
            created: context.now,
            expires: context.now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX),
            payment_intent: None,
        };
        let view = token.view();
        context.objects.confirmation_tokens.insert(token.id.clone(), token);
        Ok(view)
    }
}

/// `GET /v1/confirmation_tokens/{id}`
pub(crate) fn retrieve(context: &RequestContext<'_>, id: &str) -> Result<Value> {
    let found = context.objects.confirmation_tokens.get(id).map(ConfirmationToken::view);
    found.ok_or_else(|| {
        Box::new(StripeError::no_such("confirmation_token", id, "confirmation_token").not_found())
    })
}

/// Checks that the token can be used now.
pub(crate) fn usable(context: &RequestContext<'_>, id: &str) -> Result<Usable> {
    let refuse = |problem: String| StripeError::invalid(problem).param("confirmation_token").refuse();
    let expired = || refuse(format!("The confirmation token {id} has expired. Create a new one."));
    let used =
        |by: &str| refuse(format!("The confirmation token {id} has already been used to confirm {by}."));
    match (id, context.objects.confirmation_tokens.get(id)) {
        (EXPIRED, _) => expired(),
        (USED, _) => used("another PaymentIntent"),
        (_, None) => StripeError::no_such("confirmation_token", id, "confirmation_token").refuse(),
        (_, Some(token)) => match &token.payment_intent {
            Some(intent) => used(intent),
            None if context.now >= token.expires => expired(),
            None => Ok(Usable { method: token.method, return_url: token.return_url.clone() }),
        },
    }
}

/// Notes that the token was used.
pub(crate) fn spend(context: &mut RequestContext<'_>, id: &str, intent: &str) {
    if let Some(token) = context.objects.confirmation_tokens.get_mut(id) {
        token.payment_intent = Some(intent.to_owned());
    }
}

impl ConfirmationToken {
    fn view(&self) -> Value {
        json!({
            "id": self.id,
            "object": "confirmation_token",
            "created": self.created.as_second(),
            "expires_at": self.payment_intent.is_none().then(|| self.expires.as_second()),
            "livemode": false,
            "mandate_data": null,
            "payment_intent": self.payment_intent,
            "payment_method_options": self.collected.options,
            "payment_method_preview": self.method.preview(),
            "return_url": self.return_url,
            "setup_future_usage": self.collected.setup_future_usage,
            "setup_intent": null,
            "shipping": self.collected.shipping,
            "use_stripe_sdk": true,
        })
    }
}
