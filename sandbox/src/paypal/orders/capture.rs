//! `POST /v2/checkout/orders/{id}/capture`

use super::{PayRequest, pay::pay_approved};
use crate::paypal::{
    body,
    context::{RequestContext, Success},
    errors::Result,
    order::Intent,
    request_ids::Resource,
    source::Source,
};

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) order: String,
    source: Option<Source>,
}

impl Request {
    pub(crate) fn read(order: &str, body: &[u8]) -> Result<Self> {
        let body: PayRequest = body::read_or_default(body)?;
        let source = body.payment_source.map(|source| source.read("/payment_source")).transpose()?;
        Ok(Self { order: order.to_owned(), source: source.map(|(source, _)| source) })
    }

    pub(crate) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        pay_approved(context, &self.order, Intent::Capture, self.source, "ORDER_ALREADY_CAPTURED")?;
        Ok(Success::created(Resource::Order(self.order.clone())))
    }
}
