//! The order as a patch changes it: the purchase units as JSON, which are read again at the end as if the order was
//! made with them.

use serde_json::{Map, Value};

use super::{operation::Operation, target::PatchTarget};
use crate::paypal::{
    body,
    errors::{PaypalError, Result},
    order::{Intent, Order, Unit},
    orders::unit::{UnitRequest, read_units},
    payer::PayerRequest,
};

pub(super) struct Draft {
    intent: Intent,
    has_payer: bool,
    /// The payer, if the patch changes it.
    payer: Option<PayerRequest>,
    units: Vec<Value>,
}

/// What the patch leaves.
pub(super) struct Changed {
    pub(super) intent: Intent,
    pub(super) payer: Option<PayerRequest>,
    pub(super) units: Vec<Unit>,
}

impl Draft {
    pub(super) fn of(order: &Order) -> Self {
        let document = |unit: &Unit| {
            let mut document = unit.request.document();
            set(&mut document, &["reference_id"], Some(unit.reference_id.clone().into()));
            document
        };
        Self {
            intent: order.intent,
            has_payer: order.has_payer(),
            payer: None,
            units: order.units.iter().map(document).collect(),
        }
    }

    pub(super) fn apply(&mut self, operation: &Operation) -> Result<()> {
        let value = operation.value.clone();
        match &operation.target {
            PatchTarget::Intent => self.intent = body::read_value(value.unwrap_or_default(), "/intent")?,
            PatchTarget::Payer => {
                operation.check_presence(self.has_payer)?;
                self.payer = Some(body::read_value(value.unwrap_or_default(), "/payer")?);
                self.has_payer = true;
            }
            PatchTarget::Unit(reference) => self.put_unit(operation, reference, value.unwrap_or_default())?,
            PatchTarget::UnitField(reference, field) => {
                let unit = self.units.iter_mut().find(|unit| is_named(unit, reference));
                let unit = unit.ok_or_else(|| operation.unknown_reference())?;
                operation.check_presence(get(unit, field.place).is_some())?;
                set(unit, field.place, value);
            }
        }
        Ok(())
    }

    /// Replaces a unit in its place, or adds one at the end.
    fn put_unit(&mut self, operation: &Operation, reference: &str, mut unit: Value) -> Result<()> {
        let position = self.units.iter().position(|unit| is_named(unit, reference));
        operation.check_presence(position.is_some())?;
        let field = format!("/purchase_units/{}", position.unwrap_or(self.units.len()));
        if !unit.is_object() {
            let description = "The value of a field does not conform to the expected format.";
            return PaypalError::invalid("INVALID_PARAMETER_SYNTAX", field, description).refuse();
        }
        match unit.get("reference_id") {
            None | Some(Value::Null) => set(&mut unit, &["reference_id"], Some(reference.into())),
            Some(_) if is_named(&unit, reference) => {}
            // The documentation does not say that a unit can be renamed.
            Some(_) => {
                let description = "Must be the reference_id in the path.";
                let field = format!("{field}/reference_id");
                return PaypalError::invalid("INVALID_PARAMETER_VALUE", field, description).refuse();
            }
        }
        match position.and_then(|position| self.units.get_mut(position)) {
            Some(old) => *old = unit,
            None => self.units.push(unit),
        }
        Ok(())
    }

    /// Checks the whole as strictly as a new order.
    pub(super) fn finish(self) -> Result<Changed> {
        // PayPal's limit for a new order.
        if self.units.len() > 10 {
            let description = "There must be 1 to 10 purchase units.";
            return PaypalError::invalid("INVALID_ARRAY_MAX_ITEMS", "/purchase_units", description).refuse();
        }
        let requests = self.units.into_iter().enumerate();
        let requests =
            requests.map(|(index, unit)| body::read_value(unit, &format!("/purchase_units/{index}")));
        let requests: Vec<UnitRequest> = requests.collect::<Result<_>>()?;
        Ok(Changed { intent: self.intent, payer: self.payer, units: read_units(requests, self.intent)? })
    }
}

fn is_named(unit: &Value, reference: &str) -> bool {
    unit.get("reference_id").and_then(Value::as_str) == Some(reference)
}

fn get<'a>(document: &'a Value, place: &[&str]) -> Option<&'a Value> {
    place.iter().try_fold(document, |value, name| value.get(name))
}

/// Puts a value in its place and makes the objects around it, or removes it.
fn set(document: &mut Value, place: &[&str], value: Option<Value>) {
    let Some(fields) = document.as_object_mut() else { return };
    match (place, value) {
        ([], _) => {}
        ([name], Some(value)) => drop(fields.insert((*name).to_owned(), value)),
        ([name], None) => drop(fields.remove(*name)),
        ([name, rest @ ..], value) => {
            let inner = fields.entry((*name).to_owned()).or_insert_with(|| Map::new().into());
            set(inner, rest, value);
        }
    }
}
