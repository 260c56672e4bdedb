use axum::Json;
use axum::extract::State;
use edge_core::error::{ErrorBody, ErrorCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::payment_id;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::path_id::PathId;
use crate::http::view::{DisputeView, PaymentView, RefundView};

#[derive(Serialize, ToSchema)]
pub(super) struct PaymentAnswer {
    /// Always `true`.
    success: bool,
    #[serde(flatten)]
    payment: PaymentView,
    /// In the order they were made.
    refunds: Vec<RefundView>,
    /// Complaints of the payer, in the order they were opened.
    disputes: Vec<DisputeView>,
}

/// A payment with its refunds and disputes.
#[utoipa::path(
    get, path = "/payments/{id}", tag = "payments",
    params(("id" = String, Path, description = "`txn_…`")),
    responses(
        (status = 200, description = "The payment", body = PaymentAnswer),
        (status = 404, description = "No such payment of yours", body = ErrorBody),
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
        success: true,
        payment: payment.into(),
        refunds: refunds.into_iter().map(RefundView::from).collect(),
        disputes: disputes.into_iter().map(DisputeView::from).collect(),
    }))
}
