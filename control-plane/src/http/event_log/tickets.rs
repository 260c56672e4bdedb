//! `POST /events/tickets`: lets a browser watch one payment without the client's key.

use axum::Json;
use axum::extract::State;
use edge_core::error::ErrorCode;
use edge_core::request::TicketRequest;
use edge_core::ticket::Ticket;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::view::Success;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketAnswer {
    success: Success,
    /// For the payer's browser: `?ticket=` of `/events` and `/events/socket`.
    #[schema(pattern = "^evtk_[a-p]+$")]
    ticket: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Make a ticket for a browser.
///
/// With it, a browser watches the events of one payment without your key. It allows to read and nothing else, and shows less than your key does. Nothing is stored, so no `Idempotency-Key` is
/// needed.
#[utoipa::path(
    post, path = "/events/tickets", operation_id = "createEventTicket", tag = "events",
    request_body = TicketRequest,
    responses(
        (status = 200, description = "The ticket", body = TicketAnswer),
    ),
)]
pub(super) async fn create(
    State(app): State<App>,
    attested: Attested,
) -> Result<Json<TicketAnswer>, ApiError> {
    let request = TicketRequest::parse(&attested.body)?;
    let unknown = || ApiError::new(ErrorCode::TransactionNotFound, "no such payment");
    let id = request.payment.parse().map_err(|_| unknown())?;
    let client = attested.cause.client;
    app.gateway.store.payment(&client, id).await?.ok_or_else(unknown)?;
    // Whole seconds, as the ticket has them.
    let now = Timestamp::from_second(app.gateway.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
    let expires_at =
        now.checked_add(SignedDuration::from_secs(request.expires_in.into())).unwrap_or(Timestamp::MAX);
    let expires_s = u64::try_from(expires_at.as_second()).unwrap_or(0);
    let ticket = Ticket { client, payment: request.payment, expires_s }.sign(&app.attestation_keys);
    Ok(Json(TicketAnswer { success: Success, ticket, expires_at }))
}
