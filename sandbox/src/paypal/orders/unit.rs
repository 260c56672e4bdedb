//! A purchase unit as requested. It is kept with the order, because a later patch changes parts of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::breakdown::{self, Breakdown, Item};
use crate::paypal::{
    body::Text,
    errors::{PaypalError, Result},
    money::MoneyRequest,
    order::{Intent, Unit},
    views::without_inner_nulls,
};

/// Documented, and of no effect in the sandbox.
type Opaque = Map<String, Value>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitRequest {
    amount: AmountRequest,
    reference_id: Option<Text<256>>,
    description: Option<Text<127>>,
    custom_id: Option<Text<127>>,
    invoice_id: Option<Text<127>>,
    soft_descriptor: Option<Text<22>>,
    payee: Option<Opaque>,
    payment_instruction: Option<Opaque>,
    items: Option<Vec<Item>>,
    shipping: Option<Shipping>,
    supplementary_data: Option<Opaque>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AmountRequest {
    currency_code: Text<3>,
    value: Text<32>,
    breakdown: Option<Breakdown>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Shipping {
    name: Option<Opaque>,
    r#type: Option<ShippingType>,
    options: Option<Vec<Opaque>>,
    address: Option<Opaque>,
    email_address: Option<Text<254>>,
    phone_number: Option<Opaque>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ShippingType {
    Shipping,
    PickupInPerson,
    PickupInStore,
    PickupFromPerson,
}

/// The purchase units of one order, which must fit together.
pub(super) fn read_units(bodies: Vec<UnitRequest>, intent: Intent) -> Result<Vec<Unit>> {
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

impl UnitRequest {
    fn read(self, field: &str) -> Result<Unit> {
        let amount = MoneyRequest::new(self.amount.currency_code.clone(), self.amount.value.clone());
        let money = amount.read(&format!("{field}/amount"))?;
        breakdown::check(money, self.amount.breakdown.as_ref(), self.items.as_deref(), field)?;
        Ok(Unit {
            reference_id: self.reference_id.as_ref().map_or_else(|| "default".to_owned(), Text::to_string),
            money,
            custom_id: self.custom_id.as_ref().map(Text::to_string),
            invoice_id: self.invoice_id.as_ref().map(Text::to_string),
            description: self.description.as_ref().map(Text::to_string),
            soft_descriptor: self.soft_descriptor.as_ref().map(Text::to_string),
            captures: Vec::new(),
            authorizations: Vec::new(),
            request: Arc::new(self),
        })
    }

    /// The request as JSON.
    pub(super) fn document(&self) -> Value {
        without_inner_nulls(json!(self))
    }

    /// As requested, or `null`; so are the items and the shipping.
    pub(crate) fn breakdown(&self) -> Value {
        without_inner_nulls(json!(self.amount.breakdown))
    }

    pub(crate) fn items(&self) -> Value {
        without_inner_nulls(json!(self.items))
    }

    pub(crate) fn shipping(&self) -> Value {
        without_inner_nulls(json!(self.shipping))
    }
}
