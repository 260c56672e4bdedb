//! The request headers that PayPal reads.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde::Deserialize;

use super::{
    errors::{PaypalError, Result},
    issues,
    request_ids::CHARS_MAX,
};

pub(crate) fn request_id(headers: &HeaderMap) -> Result<Option<String>> {
    let mut values = headers.get_all("paypal-request-id").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let id = value.to_str().unwrap_or_default();
    if (1..=CHARS_MAX).contains(&id.len()) && values.next().is_none() {
        return Ok(Some(id.to_owned()));
    }
    let description = "The value of a field is either too short or too long";
    PaypalError::invalid_header("INVALID_STRING_LENGTH", "PayPal-Request-Id", description).refuse()
}

/// Whether the caller prefers the full object to its id, status and links.
pub(crate) fn prefers_representation(headers: &HeaderMap) -> Result<bool> {
    match headers.get("prefer").map(|value| value.to_str().unwrap_or_default().trim()) {
        None | Some("return=minimal") => Ok(false),
        Some("return=representation") => Ok(true),
        Some(_) => {
            let description = "Must be return=minimal or return=representation.";
            PaypalError::invalid_header("INVALID_PARAMETER_VALUE", "Prefer", description).refuse()
        }
    }
}

pub(crate) fn require_json(headers: &HeaderMap) -> Result<()> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        PaypalError::unsupported_media_type().refuse()
    }
}

/// `PayPal-Mock-Response: {"mock_application_codes":"INSTRUMENT_DECLINED"}` requests an error
/// (developer.paypal.com/tools/sandbox/negative-testing/request-headers).
pub(crate) fn mocked_error(headers: &HeaderMap) -> Result<Option<Box<PaypalError>>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mock {
        mock_application_codes: String,
    }
    let Some(value) = headers.get("paypal-mock-response") else { return Ok(None) };
    let invalid = || {
        let description =
            "Must be {\"mock_application_codes\":\"…\"} with an issue code that the sandbox knows.";
        Box::new(PaypalError::invalid_header("INVALID_PARAMETER_VALUE", "PayPal-Mock-Response", description))
    };
    let mock: Mock = serde_json::from_slice(value.as_bytes()).map_err(|_| invalid())?;
    let error = match mock.mock_application_codes.as_str() {
        "INTERNAL_SERVER_ERROR" => PaypalError::internal(),
        "PREVIOUS_REQUEST_IN_PROGRESS" => PaypalError::in_progress(),
        "RATE_LIMIT_REACHED" => PaypalError::rate_limited(),
        code => PaypalError::unprocessable(issues::find(code).ok_or_else(invalid)?.0),
    };
    Ok(Some(Box::new(error)))
}
