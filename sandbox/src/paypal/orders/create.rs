//! `POST /v2/checkout/orders`

use serde::Deserialize;

use super::{
    pay::pay,
    unit::{UnitRequest, read_units},
};
use crate::{
    ids,
    paypal::{
        body,
        context::{RequestContext, Success},
        errors::{PaypalError, Result},
        order::{Funding, Intent, Order, OrderStatus, Unit},
        payer::PayerRequest,
        request_ids::Resource,
        source::{ExperienceContext, Source, SourceRequest},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    intent: Intent,
    purchase_units: Vec<UnitRequest>,
    payment_source: Option<SourceRequest>,
    application_context: Option<ExperienceContext>,
    processing_instruction: Option<ProcessingInstruction>,
    payer: Option<PayerRequest>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ProcessingInstruction {
    NoInstruction,
    OrderCompleteOnPaymentApproval,
}

#[derive(Debug)]
pub(crate) struct Request {
    intent: Intent,
    units: Vec<Unit>,
    source: Option<Source>,
    experience: ExperienceContext,
    payer: Option<PayerRequest>,
}

impl Request {
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        let body: Body = body::read(body)?;
        if !(1..=10).contains(&body.purchase_units.len()) {
            let issue = if body.purchase_units.is_empty() {
                "INVALID_ARRAY_MIN_ITEMS"
            } else {
                "INVALID_ARRAY_MAX_ITEMS"
            };
            return PaypalError::invalid(issue, "/purchase_units", "There must be 1 to 10 purchase units.")
                .refuse();
        }
        if body.processing_instruction == Some(ProcessingInstruction::OrderCompleteOnPaymentApproval) {
            return PaypalError::unprocessable("UNSUPPORTED_PROCESSING_INSTRUCTION")
                .at("/processing_instruction")
                .refuse();
        }
        let units = read_units(body.purchase_units, body.intent)?;
        let (source, experience) = match body.payment_source {
            Some(source) => {
                let (source, experience) = source.read("/payment_source")?;
                (Some(source), experience)
            }
            None => (None, body.application_context.unwrap_or_default()),
        };
        Ok(Self { intent: body.intent, units, source, experience, payer: body.payer })
    }

    pub(crate) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Creates the order; with a source that needs no approval it is paid at once.
    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        let id = ids::paypal();
        let order = Order {
            id: id.clone(),
            intent: self.intent,
            status: Order::status_with(self.source),
            units: self.units.clone(),
            source: self.source,
            payer: self.payer.clone(),
            funding: Funding::default(),
            refusals: 0,
            reopened: false,
            return_url: self.experience.return_url.as_ref().map(ToString::to_string),
            cancel_url: self.experience.cancel_url.as_ref().map(ToString::to_string),
            created: context.now,
            updated: context.now,
        };
        let pay_now = order.status == OrderStatus::Approved;
        context.objects.orders.insert(id.clone(), order);
        if pay_now && let Err(error) = pay(context, &id) {
            context.objects.orders.remove(&id);
            return Err(error);
        }
        Ok(Success::created(Resource::Order(id)))
    }
}
