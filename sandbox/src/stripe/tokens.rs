//! Tokens of cards and wallets, and payment methods that are made of them. The documented test tokens stand for the
//! documented test payment methods and can be used again and again, as at Stripe; one that `POST /v1/tokens` has made
//! can be used once. That call stands in for Stripe's scripts, and takes the payment method that the token is to stand
//! for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::RequestContext,
    errors::{Result, StripeError},
    methods::TestMethod,
    params::{Params, required},
    payment_intents::create::find_method,
};
use crate::ids;

/// The sandbox's own tokens for one that was used before, and one that is too old.
const USED: &str = "tok_sandbox_used";
const EXPIRED: &str = "tok_sandbox_expired";

#[derive(Debug, Clone)]
pub(crate) struct Token {
    id: String,
    method: &'static TestMethod,
    created: Timestamp,
    used: bool,
}

/// `POST /v1/tokens`
#[derive(Debug)]
pub(crate) struct Create {
    payment_method: String,
}

impl Create {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        if let Some(card) = params.hash("card")? {
            refuse_number(&card)?;
            card.finish()?;
        }
        let request = Self { payment_method: required(params.text("payment_method")?, "payment_method")? };
        params.ignore(&["expand"]);
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let token = Token {
            id: ids::stripe("tok"),
            method: find_method(&self.payment_method)?,
            created: context.now,
            used: false,
        };
        let view = token.view();
        context.objects.tokens.insert(token.id.clone(), token);
        Ok(view)
    }
}

/// `GET /v1/tokens/{id}`
pub(crate) fn retrieve(context: &RequestContext<'_>, id: &str) -> Result<Value> {
    let found = context.objects.tokens.get(id).map(Token::view);
    found.ok_or_else(|| Box::new(StripeError::no_such("token", id, "token").not_found()))
}

/// `POST /v1/payment_methods` with a token: the answer names one of the test payment methods.
#[derive(Debug)]
pub(crate) struct CreateMethod {
    token: String,
}

impl CreateMethod {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let kind = required(params.text("type")?, "type")?;
        if kind != "card" {
            return StripeError::invalid("The sandbox makes payment methods of the type card.")
                .param("type")
                .refuse();
        }
        let mut card = required(params.hash("card")?, "card")?;
        refuse_number(&card)?;
        let token = required(card.text("token")?, "card[token]")?;
        card.finish()?;
        params.ignore(&["billing_details", "expand", "metadata"]);
        params.finish()?;
        Ok(Self { token })
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let made = context.objects.tokens.get_mut(&self.token);
        if self.token == USED || made.as_ref().is_some_and(|token| token.used) {
            let message = format!("You cannot use a Stripe token more than once: {}.", self.token);
            return StripeError::invalid(message).code("token_already_used").param("card[token]").refuse();
        }
        if self.token == EXPIRED {
            let message = format!("The Stripe token {EXPIRED} has expired. Create a new one.");
            return StripeError::invalid(message).param("card[token]").refuse();
        }
        let method = match made {
            Some(token) => {
                token.used = true;
                Some(token.method)
            }
            None => {
                let name = self.token.strip_prefix("tok_");
                name.and_then(|name| TestMethod::find(&format!("pm_card_{name}")))
            }
        };
        method
            .map(TestMethod::view)
            .ok_or_else(|| Box::new(StripeError::no_such("token", &self.token, "card[token]")))
    }
}

fn refuse_number(card: &Params) -> Result<()> {
    if card.peek("number").is_some() {
        let message =
            "Sending credit card numbers directly to the Stripe API is generally unsafe. Use a token.";
        return StripeError::invalid(message).param("card[number]").refuse();
    }
    Ok(())
}

impl Token {
    fn view(&self) -> Value {
        let wallet = match self.method.wallet {
            // Its name of before.
            Some("google_pay") => Some("android_pay"),
            other => other,
        };
        json!({
            "id": self.id,
            "object": "token",
            "card": {
                "id": self.id.replacen("tok", "card", 1),
                "object": "card",
                "brand": self.method.brand,
                "country": "US",
                "exp_month": 12,
                "exp_year": 2040,
                "funding": "credit",
                "last4": self.method.last4,
                "tokenization_method": wallet,
            },
            "client_ip": null,
            "created": self.created.as_second(),
            "livemode": false,
            "type": "card",
            "used": self.used,
        })
    }
}
