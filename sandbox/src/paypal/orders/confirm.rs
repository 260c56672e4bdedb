//! `POST /v2/checkout/orders/{id}/confirm-payment-source`

use serde::{Deserialize, de::IgnoredAny};

use super::create::ProcessingInstruction;
use crate::paypal::{
    body,
    context::{RequestContext, Success},
    errors::{PaypalError, Result},
    order::{Funding, Order, OrderStatus},
    request_ids::Resource,
    source::{ExperienceContext, Source, SourceRequest},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    payment_source: SourceRequest,
    processing_instruction: Option<ProcessingInstruction>,
    #[serde(rename = "application_context")]
    _application_context: Option<IgnoredAny>,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) order: String,
    source: Source,
    experience: ExperienceContext,
}

impl Request {
    pub(crate) fn read(order: &str, body: &[u8]) -> Result<Self> {
        let body: Body = body::read(body)?;
        if body.processing_instruction == Some(ProcessingInstruction::OrderCompleteOnPaymentApproval) {
            return PaypalError::unprocessable("UNSUPPORTED_PROCESSING_INSTRUCTION")
                .at("/processing_instruction")
                .refuse();
        }
        let (source, experience) = body.payment_source.read("/payment_source")?;
        Ok(Self { order: order.to_owned(), source, experience })
    }

    /// Sets the source; nothing is paid yet.
    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        let now = context.now;
        let order = context.order(&self.order)?;
        if matches!(order.status, OrderStatus::Completed | OrderStatus::Voided) {
            return PaypalError::unprocessable("ORDER_CANNOT_BE_CONFIRMED").refuse();
        }
        let source = match (order.source, self.source) {
            (Some(Source::ToBeConfirmed { is_always: true, .. }), Source::InWallet(card)) => {
                Source::InWallet(card.always_verified())
            }
            (_, given) => given,
        };
        order.source = Some(source);
        order.funding = Funding::default();
        order.status = Order::status_with(Some(source));
        order.updated = now;
        let urls = [
            (&mut order.return_url, &self.experience.return_url),
            (&mut order.cancel_url, &self.experience.cancel_url),
        ];
        for (kept, given) in urls {
            if let Some(url) = given {
                *kept = Some(url.to_string());
            }
        }
        if order.status == OrderStatus::Approved {
            context.announce_order("CHECKOUT.ORDER.APPROVED", &self.order);
        }
        Ok(Success::ok(Resource::Order(self.order.clone())))
    }
}
