//! `/_sandbox/faults`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;
use serde_json::json;

use super::invalid;
use crate::{faults::Rule, http_response::HttpResponse, state::Shared};

/// Adds a fault rule. It stays until it is cleared, or has fired `times` times.
pub(super) async fn add(State(shared): State<Arc<Shared>>, body: Bytes) -> HttpResponse {
    match Rule::parse(&body) {
        Ok(rule) => {
            let fault = shared.state().faults.add(rule);
            HttpResponse::json(StatusCode::CREATED, &fault)
        }
        Err(rule) => invalid(&rule),
    }
}

/// The fault rules, with how often each matched and fired.
pub(super) async fn list(State(shared): State<Arc<Shared>>) -> HttpResponse {
    let faults = shared.state().faults.all().to_vec();
    HttpResponse::json(StatusCode::OK, &json!({ "faults": faults }))
}

pub(super) async fn clear(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.state().faults.clear();
    StatusCode::NO_CONTENT
}
