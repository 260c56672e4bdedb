//! `GET /v1/events/{event}`

use serde_json::Value;

use super::show;
use crate::{
    provider::Provider,
    stripe::{
        context::RequestContext,
        errors::{Result, StripeError},
        params::Params,
    },
};

#[derive(Debug)]
pub(crate) struct Request(String);

impl Request {
    pub(crate) fn read(event: &str, params: Params) -> Result<Self> {
        params.finish()?;
        Ok(Self(event.to_owned()))
    }

    pub(crate) fn execute(&self, context: &RequestContext<'_>) -> Result<Value> {
        match context.announcer.outbox.lane(Provider::Stripe).find(&self.0) {
            Some(record) => Ok(show(record, context.pages)),
            None => StripeError::no_such("event", &self.0, "id").not_found().refuse(),
        }
    }
}
