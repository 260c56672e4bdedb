//! `GET /v1/payment_intents/{intent}`

use serde_json::Value;

use crate::stripe::{
    context::RequestContext,
    errors::{Result, StripeError},
    params::Params,
};

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    client_secret: Option<String>,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self {
            intent: intent.to_owned(),
            client_secret: params.text("client_secret")?,
            expand: params.texts("expand")?,
        };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        if let Some(secret) = &self.client_secret
            && context.intent(&self.intent)?.client_secret != *secret
        {
            let message = "The client_secret provided does not match the client_secret associated with the PaymentIntent.";
            return StripeError::invalid(message)
                .code("payment_intent_invalid_parameter")
                .param("client_secret")
                .refuse();
        }
        context.show_intent(&self.intent, &self.expand)
    }
}
