//! `POST /_sandbox/paypal/payments/{id}/review`

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::json;

use super::{invalid, invalid_query};
use crate::{
    faults::InvalidRule,
    http_response::HttpResponse,
    paypal::review::{Reviewed, Verdict, finish},
    state::Shared,
};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Accept,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    outcome: Outcome,
    /// The state to which a denied capture's order returns.
    order: Option<OrderAfterwards>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderAfterwards {
    Approved,
}

/// Ends the review of a pending capture or authorization with `outcome=accept` or `outcome=deny`. With
/// `order=approved`, the order of a denied capture can be paid by other means.
pub(super) async fn review(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    decision: Result<Query<Decision>, QueryRejection>,
) -> HttpResponse {
    let Query(Decision { outcome, order }) = match decision {
        Ok(decision) => decision,
        Err(rejection) => return invalid_query(&rejection),
    };
    let refusal =
        |message: &str| invalid(&InvalidRule { field: "id".to_owned(), message: message.to_owned() });
    let verdict = match (outcome, order) {
        (Outcome::Accept, None) => Verdict::Accepted,
        (Outcome::Deny, None) => Verdict::Denied,
        (Outcome::Deny, Some(OrderAfterwards::Approved)) => Verdict::DeniedAndReopened,
        (Outcome::Accept, Some(_)) => {
            let message = "is for the outcome `deny` only".to_owned();
            return invalid(&InvalidRule { field: "order".to_owned(), message });
        }
    };
    match finish(&shared, &id, verdict) {
        Reviewed::Done => HttpResponse::json(StatusCode::OK, &json!({ "id": id })),
        Reviewed::NotPending => refusal("is not pending"),
        Reviewed::Unknown => refusal("must be a PayPal capture or authorization of this sandbox"),
    }
}
