//! `/_sandbox`: the sandbox's own controls, which the providers do not have. Responses are JSON, errors
//! `{"error":{"field":…,"message":…}}`.

mod account;
mod faults;
mod happen;
mod ledger;
mod payments;
mod requests;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    extract::{State, rejection::QueryRejection},
    http::StatusCode,
    http::header::CONTENT_TYPE,
    response::{Html, IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{faults::InvalidRule, http_response::HttpResponse, pages::escape, state::Shared};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox", delete(reset))
        .route(
            "/_sandbox/health",
            get(async || HttpResponse::json(StatusCode::OK, &json!({ "status": "ok" }))),
        )
        .route("/_sandbox/ledger", get(ledger::show))
        .route("/_sandbox/requests", get(requests::show))
        .route("/_sandbox/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_sandbox/live", get(live))
        .route("/_sandbox/happen", post(happen::happen))
        .route("/_sandbox/stripe/account", get(account::show).put(account::change))
        .route("/_sandbox/paypal/payments/{id}/review", post(payments::review))
        .route("/_sandbox/paypal-ca.pem", get(paypal_ca))
        .route("/_sandbox/webhooks", get(webhooks::list).put(webhooks::aim))
        .route("/_sandbox/webhooks/release", post(webhooks::release))
        .route("/_sandbox/webhooks/send", post(webhooks::send))
        .route("/_sandbox/webhooks/{event}", get(webhooks::show))
        .route("/_sandbox/webhooks/{event}/redeliver", post(webhooks::redeliver))
}

/// `GET /_sandbox/live`: a page that shows one payment as it changes, by a ticket of the sandbox's gateway.
async fn live(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(include_str!("live.html").replace("GATEWAY_URL", &escape(&shared.gateway.url)))
}

/// `GET /_sandbox/paypal-ca.pem`: the root certificate of PayPal's webhook certificates in this sandbox.
async fn paypal_ca(State(shared): State<Arc<Shared>>) -> Response {
    match shared.authority().await {
        Ok(authority) => ([(CONTENT_TYPE, "application/x-pem-file")], authority.root.clone()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// `DELETE /_sandbox`
async fn reset(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.state().reset();
    StatusCode::NO_CONTENT
}

fn invalid(rule: &InvalidRule) -> HttpResponse {
    HttpResponse::json(StatusCode::BAD_REQUEST, &json!({ "error": rule }))
}

fn invalid_query(rejection: &QueryRejection) -> HttpResponse {
    invalid(&InvalidRule { field: "query".to_owned(), message: rejection.body_text() })
}

/// Parses a body strictly; the error names the field.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, InvalidRule> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| InvalidRule {
        field: error.path().to_string(),
        message: error.into_inner().to_string(),
    })?;
    json.end().map_err(|error| InvalidRule { field: ".".to_owned(), message: error.to_string() })?;
    Ok(value)
}
