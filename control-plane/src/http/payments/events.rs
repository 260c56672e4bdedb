//! `GET /payments/{id}/events`: the audit trail of a payment.

use axum::Json;
use axum::extract::State;
use edge_core::client::ClientId;
use edge_core::error::ErrorCode;
use payments::ports::store::audit::TrailRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::payment_id;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::event_view::EventView;
use crate::http::path_id::PathId;
use crate::http::view::Success;
use crate::http::wire::PaymentId;

#[derive(Serialize, ToSchema)]
pub(super) struct EventsAnswer {
    success: Success,
    data: Vec<TrailEventView>,
}

/// One record of the audit trail, and whether it is sealed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TrailEvent)]
pub(super) struct TrailEventView {
    #[serde(flatten)]
    event: EventView,
    /// The version of the payment, or of the refund if there is a `refundId`: they count their own transitions.
    version: u32,
    /// Whether it is in the sealed trail, so that it can be proved: `GET /payments/{id}/events/proof`.
    sealed: bool,
    /// Its place in the sealed trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

impl From<TrailRecord> for TrailEventView {
    fn from(TrailRecord { event, leaf, bytes: _ }: TrailRecord) -> Self {
        Self { version: event.version, event: event.into(), sealed: leaf.is_some(), index: leaf }
    }
}

/// The records of a payment of `client`.
///
/// # Errors
/// There is no such payment, or the database is unavailable.
pub(super) async fn trail(app: &App, client: &ClientId, id: &str) -> Result<Vec<TrailRecord>, ApiError> {
    let (id, store) = (payment_id(id)?, &app.gateway.store);
    let records = store.audit().trail(client, id).await?;
    // Every payment has at least the record of its creation, unless its records are unreadable.
    if records.is_empty() && store.payment(client, id).await?.is_none() {
        return Err(ApiError::new(ErrorCode::TransactionNotFound, "no such payment"));
    }
    Ok(records)
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
    let records = trail(&app, &attested.cause.client, &id).await?;
    Ok(Json(EventsAnswer { success: Success, data: records.into_iter().map(TrailEventView::from).collect() }))
}
