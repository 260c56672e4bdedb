//! `GET /refunds/{id}`

use axum::Json;
use axum::extract::State;
use edge_core::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::path_id::PathId;
use crate::http::view::{RefundView, Success};
use crate::http::wire::RefundId;

#[derive(Serialize, ToSchema)]
pub(super) struct RefundFound {
    success: Success,
    #[serde(flatten)]
    refund: RefundView,
}

/// Get a refund.
#[utoipa::path(
    get, path = "/refunds/{id}", operation_id = "getRefund", tag = "refunds",
    params(("id" = RefundId, Path)),
    responses(
        (status = 200, description = "The refund", body = RefundFound),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    id: PathId,
    attested: Attested,
) -> Result<Json<RefundFound>, ApiError> {
    let missing = || ApiError::new(ErrorCode::NotFound, "no such refund");
    let id = id.parse().map_err(|_| missing())?;
    let refund = app.gateway.store.refund(&attested.cause.client, id).await?.ok_or_else(missing)?;
    Ok(Json(RefundFound { success: Success, refund: refund.into() }))
}
