//! A PaymentIntent and its states.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{currencies::StripeCurrency, errors::StripeError, methods::TestMethod, params::Metadata};

#[derive(Debug, Clone)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) client_secret: String,
    /// In Stripe's units of the currency.
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    pub(crate) terms: Terms,
    pub(crate) payment_method: Option<&'static TestMethod>,
    pub(crate) metadata: Metadata,
    pub(crate) created: Timestamp,
    pub(crate) status: Status,
    pub(crate) latest_charge: Option<String>,
}

/// Terms that are set at creation and only shown in responses.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) capture_method: CaptureMethod,
    pub(crate) confirmation_method: &'static str,
    pub(crate) payment_method_types: Vec<String>,
    /// `allow_redirects`, if automatic payment methods are enabled.
    pub(crate) automatic_payment_methods: Option<AllowRedirects>,
    pub(crate) description: Option<String>,
    pub(crate) receipt_email: Option<String>,
    pub(crate) statement_descriptor: Option<String>,
    pub(crate) statement_descriptor_suffix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaptureMethod {
    Automatic,
    AutomaticAsync,
    Manual,
}

impl CaptureMethod {
    fn name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::AutomaticAsync => "automatic_async",
            Self::Manual => "manual",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowRedirects {
    Always,
    Never,
}

#[derive(Debug, Clone)]
pub(crate) enum Status {
    /// Also after a decline, which is then in `last_error`.
    RequiresPaymentMethod {
        last_error: Option<Box<StripeError>>,
    },
    RequiresConfirmation,
    /// The customer has to authenticate; the key is that of the request that required it.
    RequiresAction {
        return_url: Option<String>,
        /// Stripe's script takes the step, on the merchant's page.
        uses_sdk: bool,
        idempotency_key: Option<String>,
    },
    RequiresCapture,
    Succeeded {
        received: i64,
    },
    Canceled {
        at: Timestamp,
        reason: Option<&'static str>,
    },
}

impl Status {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod { .. } => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction { .. } => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded { .. } => "succeeded",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// The key to which a later effect is attributed.
    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        if let Self::RequiresAction { idempotency_key, .. } = self {
            idempotency_key.as_deref()
        } else {
            None
        }
    }
}

impl PaymentIntent {
    /// The gateway's transaction, from the metadata.
    pub(crate) fn transaction_id(&self) -> Option<String> {
        transaction_id(&self.metadata)
    }

    pub(crate) fn capturable(&self) -> i64 {
        if matches!(self.status, Status::RequiresCapture) { self.amount } else { 0 }
    }

    /// 400: the state does not allow the operation.
    pub(crate) fn unexpected_state(&self, verb: &str, pages: &str) -> StripeError {
        let message = format!(
            "This PaymentIntent could not be {verb} because it has a status of {}.",
            self.status.name()
        );
        StripeError::invalid(message).code("payment_intent_unexpected_state").payment_intent(self.view(pages))
    }

    /// The view of the object.
    pub(crate) fn view(&self, pages: &str) -> Value {
        let (canceled_at, cancellation_reason) = match &self.status {
            Status::Canceled { at, reason } => (Some(at.as_second()), *reason),
            _ => (None, None),
        };
        let received = if let Status::Succeeded { received } = self.status { received } else { 0 };
        let last_error = match &self.status {
            Status::RequiresPaymentMethod { last_error: Some(error) } => error.view(),
            _ => Value::Null,
        };
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.capturable(),
            "amount_details": { "tip": {} },
            "amount_received": received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": self.terms.automatic_payment_methods.map(automatic_view),
            "canceled_at": canceled_at,
            "cancellation_reason": cancellation_reason,
            "capture_method": self.terms.capture_method.name(),
            "client_secret": self.client_secret,
            "confirmation_method": self.terms.confirmation_method,
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "customer": null,
            "description": self.terms.description,
            "last_payment_error": last_error,
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": metadata_view(&self.metadata),
            "next_action": self.next_action(pages),
            "on_behalf_of": null,
            "payment_method": self.payment_method.map(|method| method.id),
            "payment_method_options": {},
            "payment_method_types": self.terms.payment_method_types,
            "processing": null,
            "receipt_email": self.terms.receipt_email,
            "review": null,
            "setup_future_usage": null,
            "shipping": null,
            "statement_descriptor": self.terms.statement_descriptor,
            "statement_descriptor_suffix": self.terms.statement_descriptor_suffix,
            "status": self.status.name(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }

    /// Stripe redirects only with a return URL, to a page whose URL has the client secret; otherwise, or if its script
    /// is on the page, it leaves the step to that.
    fn next_action(&self, pages: &str) -> Value {
        let Status::RequiresAction { return_url, uses_sdk, .. } = &self.status else { return Value::Null };
        let page = format!("{pages}/_sandbox/stripe/authenticate/{}", self.id);
        match return_url {
            Some(return_url) if !uses_sdk => json!({
                "type": "redirect_to_url",
                "redirect_to_url": {
                    "return_url": return_url,
                    "url": format!("{page}?payment_intent_client_secret={}", self.client_secret),
                },
            }),
            _ => json!({
                "type": "use_stripe_sdk",
                "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": page },
            }),
        }
    }
}

fn automatic_view(allow_redirects: AllowRedirects) -> Value {
    let allow_redirects = match allow_redirects {
        AllowRedirects::Always => "always",
        AllowRedirects::Never => "never",
    };
    json!({ "allow_redirects": allow_redirects, "enabled": true })
}

pub(crate) fn metadata_view(metadata: &Metadata) -> Value {
    Value::Object(metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>())
}

pub(crate) fn transaction_id(metadata: &Metadata) -> Option<String> {
    metadata.iter().find(|(name, _)| name == "transactionId").map(|(_, value)| value.clone())
}
