//! `POST /payments/{id}/capture`

use axum::extract::State;
use axum::response::Response;
use edge_core::request::CaptureRequest;
use payments::model::idempotency::StoredAnswer;
use payments::model::payment::Payment;
use payments::model::provider::OperationKind;
use payments::usecases::call::RequestedOperation;
use payments::usecases::{self, OperationError};
use serde::Serialize;
use utoipa::ToSchema;

use super::charge::status_code;
use super::payment_id;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once::once;
use crate::http::path_id::PathId;
use crate::http::view::Success;
use crate::http::wire::{PaymentId, Status};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaptureAnswer {
    success: Success,
    transaction_id: PaymentId,
    status: Status,
    /// `true`: it was canceled meanwhile, so the money is given back in full.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refunding: bool,
    /// Minor units.
    amount_captured: u64,
}

/// Capture a payment.
///
/// Takes what is authorized, in whole or in part; the rest is released.
#[utoipa::path(
    post, path = "/payments/{id}/capture", operation_id = "capturePayment", tag = "payments",
    request_body = Option<CaptureRequest>,
    params(("id" = PaymentId, Path)),
    responses(
        (status = 200, description = "Captured", body = CaptureAnswer),
        (status = 202, description = "Taken; the outcome is not known yet", body = CaptureAnswer),
    ),
)]
pub(super) async fn capture(
    State(app): State<App>,
    id: PathId,
    attested: Attested,
) -> Result<Response, ApiError> {
    let request = CaptureRequest::parse(&attested.body)?;
    let id = payment_id(&id)?;
    let gateway = app.gateway.clone();
    let asked = RequestedOperation { operation: OperationKind::Capture, amount: request.amount };
    once(app, attested, answer, asked, move |call| {
        usecases::capture(gateway.clone(), id, request.amount, call)
    })
    .await
}

pub(super) fn answer(result: &Result<Payment, OperationError>, request_id: &str) -> StoredAnswer {
    let payment = match result {
        Ok(payment) => payment,
        Err(error) => return ApiError::from(error).answer(request_id),
    };
    let answer = CaptureAnswer {
        success: Success,
        transaction_id: payment.id.into(),
        status: payment.state.status().into(),
        refunding: payment.state.is_to_be_refunded(),
        amount_captured: payment.captured().map_or(0, |(_, amount)| amount.minor()),
    };
    StoredAnswer::json(status_code(payment), &answer)
}
