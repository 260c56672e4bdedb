use axum::extract::State;
use axum::response::Response;
use edge_core::error::ErrorBody;
use edge_core::request::RefundRequest;
use serde::Serialize;
use utoipa::ToSchema;

use super::payment_id;
use crate::domain::idempotency::Answer;
use crate::domain::operations::{self, OperationError};
use crate::domain::provider::OperationKind;
use crate::domain::refund::{Refund, RefundState, RefundStatus};
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;

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
pub(super) async fn refund(State(app): State<App>, attested: Attested) -> Result<Response, ApiError> {
    let request = RefundRequest::parse(&attested.body)?;
    let payment = payment_id(&request.transaction_id)?;
    let gateway = app.gateway.clone();
    once(app, attested, answer, OperationKind::Refund.into(), move |call| {
        operations::refund(gateway.clone(), payment, request.amount, call)
    })
    .await
}

pub(super) fn answer(result: &Result<Refund, OperationError>, request_id: &str) -> Answer {
    let refund = match result {
        Ok(refund) => refund,
        Err(error) => return ApiError::from(error).answer(request_id),
    };
    let status = match refund.state {
        RefundState::Processing { .. } | RefundState::Queued { .. } | RefundState::Unknown { .. } => 202,
        _ => 200,
    };
    let refund_id = refund.id.to_string();
    Answer::json(status, &RefundAnswer { success: true, refund_id, status: refund.state.status() })
}
