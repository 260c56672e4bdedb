//! `GET /payments/{id}`

use axum::Json;
use axum::extract::State;
use edge_core::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::payment_id;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::path_id::PathId;
use crate::http::view::{DisputeView, PaymentView, RefundView, Success};
use crate::http::wire::PaymentId;

#[derive(Serialize, ToSchema)]
pub(super) struct PaymentAnswer {
    success: Success,
    #[serde(flatten)]
    payment: PaymentView,
    /// In the order they were made.
    refunds: Vec<RefundView>,
    /// Complaints of the payer, in the order they were opened.
    disputes: Vec<DisputeView>,
}

/// Get a payment.
///
/// With its refunds and disputes.
#[utoipa::path(
    get, path = "/payments/{id}", operation_id = "getPayment", tag = "payments",
    params(("id" = PaymentId, Path)),
    responses(
        (status = 200, description = "The payment", body = PaymentAnswer),
    ),
)]
pub(super) async fn get(
    State(app): State<App>,
    id: PathId,
    attested: Attested,
) -> Result<Json<PaymentAnswer>, ApiError> {
    let id = payment_id(&id)?;
    let client = &attested.cause.client;
    let payment = app.gateway.store.payment(client, id).await?;
    let payment = payment.ok_or_else(|| ApiError::new(ErrorCode::TransactionNotFound, "no such payment"))?;
    let refunds = app.gateway.store.refunds(client, id).await?.items;
    let disputes = app.gateway.store.disputes(client, id).await?;
    Ok(Json(PaymentAnswer {
        success: Success,
        payment: payment.into(),
        refunds: refunds.into_iter().map(RefundView::from).collect(),
        disputes: disputes.into_iter().map(DisputeView::from).collect(),
    }))
}
