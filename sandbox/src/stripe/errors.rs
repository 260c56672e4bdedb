//! Stripe's error shape (docs.stripe.com/api/errors).

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{http_response::HttpResponse, redact::shown};

pub(crate) type Result<T> = std::result::Result<T, Box<StripeError>>;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct StripeError {
    #[serde(skip)]
    status: StatusCode,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_intent: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<Value>,
}

impl StripeError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            decline_code: None,
            advice_code: None,
            param: None,
            message: message.into(),
            doc_url: None,
            charge: None,
            payment_intent: None,
            payment_method: None,
        }
    }

    /// 400: the request is invalid.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    /// 402: the request is valid, but the card is not.
    pub(crate) fn card(code: &'static str, decline_code: &'static str, message: &str) -> Self {
        Self {
            decline_code: Some(decline_code),
            ..Self::new(StatusCode::PAYMENT_REQUIRED, "card_error", message)
        }
        .code(code)
    }

    /// 400 for a value that names nothing; 404 if the URL itself names it.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        Self::invalid(format!("No such {what}: '{}'", shown(id))).code("resource_missing").param(param)
    }

    pub(crate) fn not_found(self) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..self }
    }

    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    pub(crate) fn key_in_use(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you \
             submitted twice, and the other request is still going through): {key}. Please try again later."
        );
        Self::new(StatusCode::CONFLICT, "invalid_request_error", message).code("idempotency_key_in_use")
    }

    pub(crate) fn rate_limited() -> Self {
        let message = "Request rate limit exceeded. The sandbox is configured to reject this call.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", message).code("rate_limit")
    }

    pub(crate) fn internal() -> Self {
        let message = "An unknown error occurred. The sandbox is configured to fail this call.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", message)
    }

    pub(crate) fn code(self, code: &'static str) -> Self {
        let doc_url = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        Self { code: Some(code), doc_url: Some(doc_url), ..self }
    }

    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    pub(crate) fn advice(self, advice_code: Option<&'static str>) -> Self {
        Self { advice_code, ..self }
    }

    pub(crate) fn charge(self, charge: Option<String>) -> Self {
        Self { charge, ..self }
    }

    pub(crate) fn payment_intent(self, view: Value) -> Self {
        Self { payment_intent: Some(view), ..self }
    }

    pub(crate) fn payment_method(self, view: Value) -> Self {
        Self { payment_method: Some(view), ..self }
    }

    /// The error as in `last_payment_error`, which contains no PaymentIntent.
    pub(crate) fn view(&self) -> Value {
        json!(self)
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn refuse<T>(self) -> Result<T> {
        Err(Box::new(self))
    }

    pub(crate) fn response(&self) -> HttpResponse {
        HttpResponse::json(self.status, &json!({ "error": self }))
    }
}
