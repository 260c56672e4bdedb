//! `GET /v1/payment_intents/{intent}`

use serde_json::Value;

use crate::stripe::{context::RequestContext, errors::Result, params::Params};

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self { intent: intent.to_owned(), expand: params.texts("expand")? };
        params.ignore(&["client_secret"]);
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        context.show_intent(&self.intent, &self.expand)
    }
}
