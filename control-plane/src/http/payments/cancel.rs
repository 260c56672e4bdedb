//! `POST /payments/{id}/cancel`

use axum::extract::State;
use axum::response::Response;
use edge_core::request::CancelRequest;
use payments::model::idempotency::StoredAnswer;
use payments::model::payment::Payment;
use payments::model::provider::OperationKind;
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
pub(super) struct CancelAnswer {
    success: Success,
    transaction_id: PaymentId,
    status: Status,
    /// `true`: the money moved before it could be canceled, and is given back in full.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refunding: bool,
}

/// Cancel a payment.
///
/// Releases what is authorized, ends a payment whose payer has not acted yet, or cancels a charge that is queued. While the
/// outcome of a charge is not known, the wish is kept: the amount is released or given back as soon as it is known.
#[utoipa::path(
    post, path = "/payments/{id}/cancel", operation_id = "cancelPayment", tag = "payments",
    request_body = Option<CancelRequest>,
    params(("id" = PaymentId, Path)),
    responses(
        (status = 200, description = "Canceled; no money moved, or (`refunding`) it goes back", body = CancelAnswer),
        (status = 202, description = "Taken; carried out as soon as the outcome of what is in flight is known", body = CancelAnswer),
    ),
)]
pub(super) async fn cancel(
    State(app): State<App>,
    id: PathId,
    attested: Attested,
) -> Result<Response, ApiError> {
    CancelRequest::parse(&attested.body)?;
    let id = payment_id(&id)?;
    let gateway = app.gateway.clone();
    once(app, attested, answer, OperationKind::Cancel.into(), move |call| {
        usecases::cancel(gateway.clone(), id, call)
    })
    .await
}

pub(super) fn answer(result: &Result<Payment, OperationError>, request_id: &str) -> StoredAnswer {
    let payment = match result {
        Ok(payment) => payment,
        Err(error) => return ApiError::from(error).answer(request_id),
    };
    let answer = CancelAnswer {
        success: Success,
        transaction_id: payment.id.into(),
        status: payment.state.status().into(),
        refunding: payment.state.is_to_be_refunded(),
    };
    StoredAnswer::json(status_code(payment), &answer)
}
