//! `GET /v1/refunds/{refund}`

use serde_json::Value;

use crate::stripe::{
    context::RequestContext,
    errors::{Result, StripeError},
    params::Params,
};

#[derive(Debug)]
pub(crate) struct Request {
    refund: String,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(refund: &str, mut params: Params) -> Result<Self> {
        let request = Self { refund: refund.to_owned(), expand: params.texts("expand")? };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let Some(refund) = context.objects.refunds.get(&self.refund) else {
            return StripeError::no_such("refund", &self.refund, "refund").not_found().refuse();
        };
        let mut view = refund.view();
        context.expand(&mut view, &self.expand)?;
        Ok(view)
    }
}
