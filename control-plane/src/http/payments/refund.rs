use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use edge_core::error::{ErrorBody, ErrorCode};
use edge_core::request::RefundRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::operations;
use crate::domain::refund::{RefundState, RefundStatus};
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundAnswer {
    /// Always `true`.
    success: bool,
    refund_id: String,
    status: RefundStatus,
}

/// Give back a captured payment, in whole or in part.
#[utoipa::path(
    post, path = "/payments/refund", tag = "payments", request_body = RefundRequest,
    responses(
        (status = 200, description = "Done, or `pending`: the provider took it and decides later", body = RefundAnswer),
        (status = 202, description = "Taken; the outcome is not known yet. Ask `GET /refunds/{id}`.", body = RefundAnswer),
        (status = 400, description = "The request is at fault; `param` names the field", body = ErrorBody),
        (status = 402, description = "The provider refused it", body = ErrorBody),
        (status = 404, description = "No such payment of yours", body = ErrorBody),
        (status = 409, description = "The payment has not been captured", body = ErrorBody),
        (status = 422, description = "More than what is left", body = ErrorBody),
        (status = 503, description = "Not executed; try again", body = ErrorBody),
    ),
)]
pub(super) async fn refund(
    State(app): State<App>,
    attested: Attested,
) -> Result<(StatusCode, Json<RefundAnswer>), ApiError> {
    let request = RefundRequest::parse(&attested.body)?;
    let payment = request
        .transaction_id
        .parse()
        .map_err(|_| ApiError::new(ErrorCode::TransactionNotFound, "no such payment"))?;
    let refund = operations::refund(app.gateway, payment, request.amount, attested.cause).await?;
    let status = match refund.state {
        RefundState::Processing { .. } | RefundState::Unknown { .. } => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let answer =
        RefundAnswer { success: true, refund_id: refund.id.to_string(), status: refund.state.status() };
    Ok((status, Json(answer)))
}
