//! `POST /v2/checkout/orders`

use serde::{Deserialize, de::IgnoredAny};

use super::{
    breakdown::{self, Breakdown, Item},
    pay::pay,
};
use crate::{
    ids,
    paypal::{
        body::{self, Text},
        context::{RequestContext, Success},
        errors::{PaypalError, Result},
        money::MoneyRequest,
        order::{Funding, Intent, Order, OrderStatus, Unit},
        request_ids::Resource,
        source::{ExperienceContext, Source, SourceRequest},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    intent: Intent,
    purchase_units: Vec<UnitBody>,
    payment_source: Option<SourceRequest>,
    application_context: Option<ExperienceContext>,
    processing_instruction: Option<ProcessingInstruction>,
    #[serde(rename = "payer")]
    _payer: Option<IgnoredAny>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ProcessingInstruction {
    NoInstruction,
    OrderCompleteOnPaymentApproval,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documented fields that change nothing are named so that others can be refused")]
struct UnitBody {
    amount: AmountBody,
    reference_id: Option<Text<256>>,
    description: Option<Text<127>>,
    custom_id: Option<Text<127>>,
    invoice_id: Option<Text<127>>,
    soft_descriptor: Option<Text<22>>,
    payee: Option<IgnoredAny>,
    payment_instruction: Option<IgnoredAny>,
    items: Option<Vec<Item>>,
    shipping: Option<IgnoredAny>,
    supplementary_data: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AmountBody {
    currency_code: Text<3>,
    value: Text<32>,
    breakdown: Option<Breakdown>,
}

#[derive(Debug)]
pub(crate) struct Request {
    intent: Intent,
    units: Vec<Unit>,
    source: Option<Source>,
    experience: ExperienceContext,
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
        Ok(Self { intent: body.intent, units, source, experience })
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

fn read_units(bodies: Vec<UnitBody>, intent: Intent) -> Result<Vec<Unit>> {
    let several = bodies.len() > 1;
    if several && intent == Intent::Authorize {
        return PaypalError::unprocessable("UNSUPPORTED_INTENT").at("/intent").refuse();
    }
    let mut units: Vec<Unit> = Vec::with_capacity(bodies.len());
    for (index, body) in bodies.into_iter().enumerate() {
        let field = format!("/purchase_units/{index}");
        if several && body.reference_id.is_none() {
            return PaypalError::unprocessable("REFERENCE_ID_REQUIRED")
                .at(format!("{field}/reference_id"))
                .refuse();
        }
        let unit = body.read(&field)?;
        if units.iter().any(|other| other.reference_id == unit.reference_id) {
            return PaypalError::unprocessable("DUPLICATE_REFERENCE_ID")
                .at(format!("{field}/reference_id"))
                .refuse();
        }
        if units.iter().any(|other| other.money.currency != unit.money.currency) {
            return PaypalError::unprocessable("MULTI_CURRENCY_ORDER").at(format!("{field}/amount")).refuse();
        }
        units.push(unit);
    }
    Ok(units)
}

impl UnitBody {
    fn read(self, field: &str) -> Result<Unit> {
        let amount = MoneyRequest::new(self.amount.currency_code, self.amount.value);
        let money = amount.read(&format!("{field}/amount"))?;
        breakdown::check(money, self.amount.breakdown.as_ref(), self.items.as_deref(), field)?;
        Ok(Unit {
            reference_id: self.reference_id.map_or_else(|| "default".to_owned(), Text::into_string),
            money,
            custom_id: self.custom_id.map(Text::into_string),
            invoice_id: self.invoice_id.map(Text::into_string),
            description: self.description.map(Text::into_string),
            soft_descriptor: self.soft_descriptor.map(Text::into_string),
            captures: Vec::new(),
            authorizations: Vec::new(),
        })
    }
}
