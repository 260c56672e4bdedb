//! `GET /_sandbox/requests`

use std::sync::Arc;

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::json;

use super::invalid_query;
use crate::{http_response::HttpResponse, state::Shared};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    #[serde(default)]
    summary: u8,
}

/// The latest requests, oldest first; with `summary=1` the counts of all.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> HttpResponse {
    match filter {
        Err(rejection) => invalid_query(&rejection),
        Ok(Query(Filter { summary: 0 })) => {
            let latest = shared.state().requests.latest().clone();
            HttpResponse::json(StatusCode::OK, &json!({ "requests": latest }))
        }
        Ok(_) => {
            let summary = shared.state().requests.summary().clone();
            HttpResponse::json(StatusCode::OK, &summary)
        }
    }
}
