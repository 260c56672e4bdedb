//! `POST /v1/oauth2/token`

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::json;
use url::form_urlencoded;

use super::{errors::PaypalError, tokens::Holder};
use crate::{
    exchange::{self, Call, RequestLine},
    http_response::HttpResponse,
    ids,
    provider::{Operation, Provider},
    requests_log::Received,
    server::Connection,
    state::{SandboxState, Shared},
};

const BODY_BYTES_MAX: usize = 16 * 1024;

pub(crate) async fn issue(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let line = RequestLine { method: parts.method, uri: parts.uri };
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let refusal = if !is_known(&parts.headers, shared.config.paypal_credentials.as_ref()) {
        Some(refuse(StatusCode::UNAUTHORIZED, "invalid_client", "Client Authentication failed"))
    } else if !asks_for_client_credentials(&body) {
        Some(refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", "unsupported grant_type"))
    } else {
        None
    };
    let call = TokenCall { holder: holder(&body) };
    let Some(response) = refusal else { return exchange::run(shared, line, connection, call).await };
    shared.state().requests.record(Received {
        status: Some(response.status.as_u16()),
        ..line.received(Provider::Paypal, Operation::Token, shared.now())
    });
    response.into_response()
}

/// Errors here have OAuth's format, not the API's.
fn refuse(status: StatusCode, error: &str, description: &str) -> HttpResponse {
    HttpResponse::json(status, &json!({ "error": error, "error_description": description }))
}

fn is_known(headers: &HeaderMap, expected: Option<&(String, String)>) -> bool {
    let Some((id, secret)) = credentials(headers) else { return false };
    match expected {
        Some((expected_id, expected_secret)) => id == *expected_id && secret == *expected_secret,
        None => !id.is_empty() && !secret.is_empty(),
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (id.to_owned(), secret.to_owned()))
}

fn asks_for_client_credentials(body: &[u8]) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "grant_type" && value == "client_credentials")
}

/// `response_type=client_token` asks for a token for PayPal's script. Its domains (`domains[]`) are not checked: a
/// browser's requests to the sandbox come from anywhere.
fn holder(body: &[u8]) -> Holder {
    let is_client =
        form_urlencoded::parse(body).any(|(name, value)| name == "response_type" && value == "client_token");
    if is_client { Holder::Browser } else { Holder::Server }
}

/// The lifetime of a client token, in seconds.
pub(super) const CLIENT_TOKEN_SECONDS: u32 = 900;

/// A token request with valid credentials.
struct TokenCall {
    holder: Holder,
}

impl Call for TokenCall {
    const PROVIDER: Provider = Provider::Paypal;

    fn operation(&self, _: &SandboxState) -> Operation {
        Operation::Token
    }

    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    fn claim(&self, _: &Shared, _: &mut SandboxState, _: Timestamp) -> Option<HttpResponse> {
        None
    }

    fn execute(&self, shared: &Shared, state: &mut SandboxState, now: Timestamp) -> HttpResponse {
        let seconds = match self.holder {
            Holder::Server => shared.config.paypal_token_seconds,
            Holder::Browser => CLIENT_TOKEN_SECONDS,
        };
        let body = json!({
            "scope": "https://uri.paypal.com/services/payments/payment https://uri.paypal.com/services/payments/refund",
            "access_token": state.paypal.tokens.issue(now, seconds, self.holder),
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": seconds,
            "nonce": ids::debug_id(),
        });
        HttpResponse::json(StatusCode::OK, &body)
    }

    fn rate_limited(&self) -> HttpResponse {
        PaypalError::rate_limited().response()
    }

    fn internal_error(&self) -> HttpResponse {
        PaypalError::internal().response()
    }
}
