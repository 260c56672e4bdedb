//! `POST /payments/refund`

use axum::extract::State;
use axum::response::Response;
use edge_core::request::RefundRequest;
use payments::model::idempotency::StoredAnswer;
use payments::model::provider::OperationKind;
use payments::model::refund::{Refund, RefundState};
use payments::usecases::{self, OperationError};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment_id;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;
use crate::http::view::Success;
use crate::http::wire::{RefundId, RefundStatus};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundAnswer {
    success: Success,
    refund_id: RefundId,
    status: RefundStatus,
}

/// Refund a payment.
///
/// In whole or in part; a payment takes several refunds.
#[utoipa::path(
    post, path = "/payments/refund", operation_id = "createRefund", tag = "payments",
    request_body = RefundRequest,
    responses(
        (status = 200, description = "Done, or `pending`: the provider took it and decides later", body = RefundAnswer),
        (status = 202, description = "Taken; the outcome is not known yet. Ask `GET /refunds/{id}`.", body = RefundAnswer),
    ),
)]
pub(super) async fn refund(State(app): State<App>, attested: Attested) -> Result<Response, ApiError> {
    let request = RefundRequest::parse(&attested.body)?;
    let payment = payment_id(&request.transaction_id)?;
    let gateway = app.gateway.clone();
    once(app, attested, answer, OperationKind::Refund.into(), move |call| {
        usecases::refund(gateway.clone(), payment, request.amount, call)
    })
    .await
}

pub(super) fn answer(result: &Result<Refund, OperationError>, request_id: &str) -> StoredAnswer {
    let refund = match result {
        Ok(refund) => refund,
        Err(error) => return ApiError::from(error).answer(request_id),
    };
    let status = match refund.state {
        RefundState::Processing { .. } | RefundState::Queued { .. } | RefundState::Unknown { .. } => 202,
        _ => 200,
    };
    StoredAnswer::json(
        status,
        &RefundAnswer { success: Success, refund_id: refund.id.into(), status: refund.state.status().into() },
    )
}
