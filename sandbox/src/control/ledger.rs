//! `GET /_sandbox/ledger`

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde_json::json;

use super::invalid_query;
use crate::{http_response::HttpResponse, ledger::Filter, state::Shared};

/// The effects that match `transactionId`, `kind` and `provider`, in order; with `summary=1` their counts and sums.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> HttpResponse {
    let Query(filter) = match filter {
        Ok(filter) => filter,
        Err(rejection) => return invalid_query(&rejection),
    };
    if filter.wants_summary() {
        let summary = shared.state().ledger.summarize(&filter);
        return HttpResponse::json(StatusCode::OK, &summary);
    }
    // Copied, so that writing a long ledger does not block the providers.
    let effects: Vec<_> = shared.state().ledger.select(&filter).cloned().collect();
    HttpResponse::json(StatusCode::OK, &json!({ "effects": effects }))
}
