//! PayPal's error shape (developer.paypal.com/api/rest/responses).

use axum::http::StatusCode;
use serde::Serialize;

use super::issues;
use crate::{http_response::HttpResponse, ids};

pub(crate) type Result<T> = std::result::Result<T, Box<PaypalError>>;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct PaypalError {
    #[serde(skip)]
    status: StatusCode,
    name: &'static str,
    message: &'static str,
    debug_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
    links: Vec<Link>,
}

#[derive(Debug, Clone, Serialize)]
struct Detail {
    /// JSON pointer into the body, or the name of a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'static str>,
    issue: &'static str,
    description: String,
}

#[derive(Debug, Clone, Serialize)]
struct Link {
    href: String,
    rel: &'static str,
    method: &'static str,
}

impl PaypalError {
    fn new(status: StatusCode, name: &'static str, message: &'static str) -> Self {
        Self { status, name, message, debug_id: ids::debug_id(), details: Vec::new(), links: Vec::new() }
    }

    /// 400: the request is malformed at `field`.
    pub(crate) fn invalid(
        issue: &'static str,
        field: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message).detail(
            Some(field.into()),
            Some("body"),
            issue,
            description.into(),
        )
    }

    /// As [`Self::invalid`], for a header. PayPal has no name for that location.
    pub(crate) fn invalid_header(issue: &'static str, header: &str, description: &str) -> Self {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message).detail(
            Some(header.to_owned()),
            None,
            issue,
            description.to_owned(),
        )
    }

    /// 422: well-formed, but it cannot be executed.
    pub(crate) fn unprocessable(issue: &'static str) -> Self {
        let message = "The requested action could not be performed, semantically incorrect, or failed business validation.";
        let description = issues::find(issue).map_or(issue, |(_, description)| description);
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "UNPROCESSABLE_ENTITY", message).detail(
            None,
            None,
            issue,
            description.to_owned(),
        )
    }

    pub(crate) fn unauthenticated() -> Self {
        let message = "Authentication failed due to missing authorization header, or invalid authentication credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "AUTHENTICATION_FAILURE", message)
    }

    pub(crate) fn card_processing_not_enabled() -> Self {
        let message = "Authorization failed due to insufficient permissions.";
        let description = "The sandbox takes no card numbers: use a vault id.".to_owned();
        Self::new(StatusCode::FORBIDDEN, "NOT_AUTHORIZED", message).detail(
            None,
            None,
            "NOT_ENABLED_FOR_CARD_PROCESSING",
            description,
        )
    }

    pub(crate) fn not_found() -> Self {
        let description = "Specified resource ID does not exist. Please check the resource ID and try again.";
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
            .detail(None, None, "INVALID_RESOURCE_ID", description.to_owned())
    }

    pub(crate) fn unknown_url() -> Self {
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
    }

    pub(crate) fn in_progress() -> Self {
        let description = "A previous request on this resource is currently in progress. Please wait for sometime and \
             try again. It is best to space out the initial and the subsequent request(s) to avoid receiving this error.";
        let message = "The server has detected a conflict while processing this request.";
        Self::new(StatusCode::CONFLICT, "RESOURCE_CONFLICT", message).detail(
            None,
            None,
            "PREVIOUS_REQUEST_IN_PROGRESS",
            description.to_owned(),
        )
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let message = "The server does not support the request payload's media type.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(crate) fn rate_limited() -> Self {
        let message = "Too many requests. Blocked due to rate limiting.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_REACHED", message)
    }

    pub(crate) fn internal() -> Self {
        let message = "An internal server error occurred.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", message)
    }

    fn detail(
        mut self,
        field: Option<String>,
        location: Option<&'static str>,
        issue: &'static str,
        description: String,
    ) -> Self {
        self.details.push(Detail { field, location, issue, description });
        self
    }

    /// Names the body field that the issue is about.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        if let Some(detail) = self.details.first_mut() {
            detail.field = Some(field.into());
            detail.location = Some("body");
        }
        self
    }

    /// The page where the payer can choose other means of payment.
    pub(crate) fn redirect_to(mut self, href: String) -> Self {
        let reason = self.reason();
        let information = format!("https://developer.paypal.com/docs/api/orders/v2/#error-{reason}");
        self.links.push(Link { href: information, rel: "information_link", method: "GET" });
        self.links.push(Link { href, rel: "redirect", method: "GET" });
        self
    }

    /// The issue, or else the error's name.
    pub(crate) fn reason(&self) -> &'static str {
        self.details.first().map_or(self.name, |detail| detail.issue)
    }

    pub(crate) fn refuse<T>(self) -> Result<T> {
        Err(Box::new(self))
    }

    pub(crate) fn response(&self) -> HttpResponse {
        HttpResponse::json(self.status, self).with("paypal-debug-id", &self.debug_id)
    }
}
