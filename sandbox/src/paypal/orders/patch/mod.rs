//! `PATCH /v2/checkout/orders/{id}` (developer.paypal.com/docs/api/orders/v2/#orders_patch)

mod draft;
mod operation;
mod target;

use self::{
    draft::Draft,
    operation::{Operation, OperationRequest},
};
use crate::paypal::{
    body::{self, malformed},
    context::{RequestContext, Success},
    errors::{PaypalError, Result},
    order::OrderStatus,
    request_ids::Resource,
};

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) order: String,
    operations: Vec<Operation>,
}

impl Request {
    pub(crate) fn read(order: &str, body: &[u8]) -> Result<Self> {
        // PayPal calls any other JSON than an array malformed.
        if !body.trim_ascii_start().starts_with(b"[") {
            return malformed().refuse();
        }
        let requests: Vec<OperationRequest> = body::read(body)?;
        // What PayPal answers to no operation at all is not documented.
        if requests.is_empty() {
            let description = "There must be at least one operation.";
            return PaypalError::invalid("MISSING_REQUIRED_PARAMETER", "/", description).refuse();
        }
        let operations = requests.into_iter().enumerate().map(|(index, request)| request.read(index));
        Ok(Self { order: order.to_owned(), operations: operations.collect::<Result<_>>()? })
    }

    /// Applies all operations or none.
    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        let now = context.now;
        let order = context.order(&self.order)?;
        match order.status {
            OrderStatus::Created | OrderStatus::Approved => {}
            OrderStatus::Completed => return PaypalError::unprocessable("ORDER_ALREADY_COMPLETED").refuse(),
            // The documentation allows the two above only, and names no issue for these.
            OrderStatus::PayerActionRequired | OrderStatus::Voided => {
                return PaypalError::unprocessable("NOT_PATCHABLE").refuse();
            }
        }
        let mut draft = Draft::of(order);
        for operation in &self.operations {
            draft.apply(operation)?;
        }
        let mut changed = draft.finish()?;
        // Units are replaced in their place and added at the end. A payment that failed stays with its unit.
        for (unit, old) in changed.units.iter_mut().zip(&order.units) {
            unit.captures.clone_from(&old.captures);
            unit.authorizations.clone_from(&old.authorizations);
        }
        order.intent = changed.intent;
        order.units = changed.units;
        if changed.payer.is_some() {
            order.payer = changed.payer;
        }
        order.updated = now;
        Ok(Success::ok(Resource::Order(self.order.clone())))
    }
}
