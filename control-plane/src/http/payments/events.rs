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
use crate::http::view::{EventView, Success};
use crate::http::wire::PaymentId;

#[derive(Serialize, ToSchema)]
pub(super) struct EventsAnswer {
    success: Success,
    data: Vec<EventView>,
}

/// List a payment's events.
///
/// Its audit trail, its refunds' included, oldest first.
#[utoipa::path(
    get, path = "/payments/{id}/events", operation_id = "listPaymentEvents", tag = "payments",
    params(("id" = PaymentId, Path)),
    responses(
        (status = 200, description = "Every transition, once", body = EventsAnswer),
    ),
)]
pub(super) async fn events(
    State(app): State<App>,
    id: PathId,
    attested: Attested,
) -> Result<Json<EventsAnswer>, ApiError> {
    let id = payment_id(&id)?;
    let events = app.gateway.store.events(&attested.cause.client, id).await?;
    // Every payment has at least the record of its creation, unless its records are unreadable.
    if events.is_empty() && app.gateway.store.payment(&attested.cause.client, id).await?.is_none() {
        return Err(ApiError::new(ErrorCode::TransactionNotFound, "no such payment"));
    }
    Ok(Json(EventsAnswer { success: Success, data: events.into_iter().map(EventView::from).collect() }))
}
