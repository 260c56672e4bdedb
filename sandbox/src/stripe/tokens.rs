//! `POST /v1/payment_methods` with the token of a card or a wallet: the documented test tokens stand for the documented
//! test payment methods, so the answer names one of these.

use serde_json::Value;

use super::{
    errors::{Result, StripeError},
    methods::TestMethod,
    params::{Params, required},
};

/// The sandbox's own token for one that was used before.
const USED: &str = "tok_sandbox_used";

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
        if card.peek("number").is_some() {
            let message =
                "Sending credit card numbers directly to the Stripe API is generally unsafe. Use a token.";
            return StripeError::invalid(message).param("card[number]").refuse();
        }
        let token = required(card.text("token")?, "card[token]")?;
        card.finish()?;
        params.ignore(&["billing_details", "expand", "metadata"]);
        params.finish()?;
        Ok(Self { token })
    }

    pub(crate) fn execute(&self) -> Result<Value> {
        if self.token == USED {
            let message = format!("You cannot use a Stripe token more than once: {USED}.");
            return StripeError::invalid(message).code("token_already_used").param("card[token]").refuse();
        }
        let method =
            self.token.strip_prefix("tok_").and_then(|name| TestMethod::find(&format!("pm_card_{name}")));
        method
            .map(TestMethod::view)
            .ok_or_else(|| Box::new(StripeError::no_such("token", &self.token, "card[token]")))
    }
}
