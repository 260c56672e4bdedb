//! `POST /v1/payment_intents/{intent}`

use serde_json::Value;

use super::create::DESCRIPTION_CHARS_MAX;
use crate::stripe::{
    context::RequestContext,
    errors::{Result, StripeError},
    params::{Metadata, Params, merge},
    payment_intent::Status,
};

/// The fields that can be changed. The terms of the payment are fixed at creation.
#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    description: Option<String>,
    receipt_email: Option<String>,
    metadata: Metadata,
    expand: Vec<String>,
}

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self {
            intent: intent.to_owned(),
            description: params.text_up_to(DESCRIPTION_CHARS_MAX, "description")?,
            receipt_email: params.text("receipt_email")?,
            metadata: params.metadata()?,
            expand: params.texts("expand")?,
        };
        params.unsupported(&[
            "amount",
            "application_fee_amount",
            "capture_method",
            "currency",
            "customer",
            "payment_method",
            "payment_method_data",
            "payment_method_options",
            "payment_method_types",
            "setup_future_usage",
            "shipping",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_data",
            "transfer_group",
        ])?;
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let pages = context.pages;
        let intent = context.intent(&self.intent)?;
        if matches!(intent.status, Status::Canceled { .. }) {
            let message = "This PaymentIntent could not be updated because it has a status of canceled.";
            return StripeError::invalid(message)
                .code("payment_intent_unexpected_state")
                .payment_intent(intent.view(pages))
                .refuse();
        }
        merge(&mut intent.metadata, &self.metadata);
        if let Some(description) = &self.description {
            intent.terms.description = Some(description.clone());
        }
        if let Some(email) = &self.receipt_email {
            intent.terms.receipt_email = Some(email.clone());
        }
        context.show_intent(&self.intent, &self.expand)
    }
}
