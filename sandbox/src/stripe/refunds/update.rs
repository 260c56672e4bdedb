//! `POST /v1/refunds/{refund}`: metadata only.

use serde_json::Value;

use crate::stripe::{
    context::RequestContext,
    errors::{Result, StripeError},
    events::Snapshot,
    params::{Metadata, Params, merge},
};

#[derive(Debug)]
pub(crate) struct Request {
    refund: String,
    metadata: Metadata,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(refund: &str, mut params: Params) -> Result<Self> {
        let request =
            Self { refund: refund.to_owned(), metadata: params.metadata()?, expand: params.texts("expand")? };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let Some(refund) = context.objects.refunds.get_mut(&self.refund) else {
            return StripeError::no_such("refund", &self.refund, "refund").not_found().refuse();
        };
        merge(&mut refund.metadata, &self.metadata);
        let refund = refund.clone();
        let mut view = refund.view();
        context.announce("refund.updated", Snapshot::Refund(Box::new(refund)));
        context.expand(&mut view, &self.expand)?;
        Ok(view)
    }
}
