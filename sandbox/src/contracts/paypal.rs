//! PayPal's JSON Schemas of the request bodies. They allow unknown fields; the sandbox's own types do not.

use std::{io, path::Path};

use jsonschema::{Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

use super::PaypalSchema;
use super::documents::{read_json, unusable};
use crate::paypal::errors::{PaypalError, Result};

const ORDERS: &str = "paypal/checkout_orders_v2.schemas.json";
const PAYMENTS: &str = "paypal/payments_payment_v2.schemas.json";

impl PaypalSchema {
    const ALL: [Self; 8] = [
        Self::CreateOrder,
        Self::CaptureOrder,
        Self::AuthorizeOrder,
        Self::ConfirmOrder,
        Self::PatchOrder,
        Self::CaptureAuthorization,
        Self::ReauthorizeAuthorization,
        Self::RefundCapture,
    ];

    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::CreateOrder => (ORDERS, "order_request"),
            Self::CaptureOrder => (ORDERS, "order_capture_request"),
            Self::AuthorizeOrder => (ORDERS, "order_authorize_request"),
            Self::ConfirmOrder => (ORDERS, "confirm_order_request"),
            Self::PatchOrder => (ORDERS, "patch_request"),
            Self::CaptureAuthorization => (PAYMENTS, "capture_request"),
            Self::ReauthorizeAuthorization => (PAYMENTS, "reauthorize_request"),
            Self::RefundCapture => (PAYMENTS, "refund_request"),
        }
    }
}

pub(crate) struct PaypalContract {
    validators: Vec<(PaypalSchema, Validator)>,
}

impl PaypalContract {
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        let orders = read_json(&folder.join(ORDERS))?;
        let payments = read_json(&folder.join(PAYMENTS))?;
        let compile = |schema: PaypalSchema| {
            let (file, name) = schema.place();
            let document = if file == ORDERS { &orders } else { &payments };
            let schema_of = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$defs": document.get("$defs"),
                "$ref": format!("#/$defs/{name}"),
            });
            match jsonschema::validator_for(&schema_of) {
                Ok(validator) => Ok((schema, validator)),
                Err(error) => Err(unusable(&folder.join(file), &error.to_string())),
            }
        };
        Ok(Self { validators: PaypalSchema::ALL.into_iter().map(compile).collect::<io::Result<_>>()? })
    }

    /// Checks a request body against the contract; an error names the first violation by its JSON pointer.
    pub(crate) fn check_request(&self, schema: PaypalSchema, body: &[u8]) -> Result<()> {
        let Some((_, validator)) = self.validators.iter().find(|(known, _)| *known == schema) else {
            return Ok(());
        };
        // The body has already been parsed more strictly, so it certainly parses again.
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(error) = validator.iter_errors(&body).next() else { return Ok(()) };
        let mut field = error.instance_path().to_string();
        let issue = match error.kind() {
            ValidationErrorKind::Required { property } => {
                field = format!("{field}/{}", property.as_str().unwrap_or_default());
                "MISSING_REQUIRED_PARAMETER"
            }
            ValidationErrorKind::MaxLength { .. } | ValidationErrorKind::MinLength { .. } => {
                "INVALID_STRING_LENGTH"
            }
            ValidationErrorKind::MaxItems { .. } => "INVALID_ARRAY_MAX_ITEMS",
            ValidationErrorKind::MinItems { .. } => "INVALID_ARRAY_MIN_ITEMS",
            ValidationErrorKind::Enum { .. } => "INVALID_PARAMETER_VALUE",
            _ => "INVALID_PARAMETER_SYNTAX",
        };
        let description = format!("PayPal's published contract refuses this: {}", error.masked());
        PaypalError::invalid(issue, field, description).refuse()
    }
}
