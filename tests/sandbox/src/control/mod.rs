//! `/_sandbox`: what the sandbox has and the providers do not. Its answers are JSON, its errors
//! `{"error":{"field":…,"message":…}}`.

mod faults;
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
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde_json::json;

use crate::{answer::Answer, faults::InvalidRule, world::Shared};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox", delete(reset))
        .route("/_sandbox/health", get(async || Answer::json(StatusCode::OK, &json!({ "status": "ok" }))))
        .route("/_sandbox/ledger", get(ledger::show))
        .route("/_sandbox/requests", get(requests::show))
        .route("/_sandbox/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_sandbox/paypal/payments/{id}/review", post(payments::review))
        .route("/_sandbox/paypal-ca.pem", get(paypal_ca))
        .route("/_sandbox/webhooks", get(webhooks::list).put(webhooks::aim))
        .route("/_sandbox/webhooks/release", post(webhooks::release))
        .route("/_sandbox/webhooks/send", post(webhooks::send))
        .route("/_sandbox/webhooks/{event}", get(webhooks::show))
        .route("/_sandbox/webhooks/{event}/redeliver", post(webhooks::redeliver))
}

/// `GET /_sandbox/paypal-ca.pem`: the root that PayPal's webhook certificates come from here.
async fn paypal_ca(State(shared): State<Arc<Shared>>) -> Response {
    match shared.authority().await {
        Ok(authority) => ([(CONTENT_TYPE, "application/x-pem-file")], authority.root.clone()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// `DELETE /_sandbox`
async fn reset(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.world().reset();
    StatusCode::NO_CONTENT
}

fn invalid(rule: &InvalidRule) -> Answer {
    Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": rule }))
}

fn invalid_query(rejection: &QueryRejection) -> Answer {
    invalid(&InvalidRule { field: "query".to_owned(), message: rejection.body_text() })
}
