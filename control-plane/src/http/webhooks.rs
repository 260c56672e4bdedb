//! Receives the providers' events. An event is stored before it is acknowledged; all processing happens later, so that
//! a provider never waits and never has to resend a stored event.

use axum::Json;
use axum::extract::{Request, State};
use crash_points::reach;
use edge_core::attestation::AttestationError;
use edge_core::error::ErrorCode;
use edge_core::provider::Provider;
use payments::model::webhook::{EventBody, NotAnEvent};
use payments::usecases::webhook;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::attested::{Verified, refused, verified};
use super::error::ApiError;
use super::view::Success;

/// Well above the largest events that providers send.
const BODY_BYTES_MAX: usize = 256 * 1024;

#[derive(Serialize, ToSchema)]
pub(super) struct Received {
    success: Success,
}

/// Receive an event of Stripe.
///
/// It is stored before it is acknowledged.
#[utoipa::path(
    post, path = "/webhooks/stripe", operation_id = "receiveStripeWebhook", tag = "webhooks", security(()),
    request_body(content = Object, description = "The event as Stripe signed it, byte for byte"),
    params(("Stripe-Signature" = String, Header, description = "`t=…,v1=…`, HMAC-SHA256 over time and body")),
    responses((status = 200, description = "It is kept; a second time, too", body = Received)),
)]
pub(super) async fn stripe(State(app): State<App>, request: Request) -> Result<Json<Received>, ApiError> {
    receive(Provider::Stripe, &app, request).await
}

/// Receive an event of PayPal.
///
/// It is stored before it is acknowledged.
#[utoipa::path(
    post, path = "/webhooks/paypal", operation_id = "receivePaypalWebhook", tag = "webhooks", security(()),
    request_body(content = Object, description = "The event as PayPal signed it, byte for byte"),
    params(
        ("PAYPAL-TRANSMISSION-ID" = String, Header),
        ("PAYPAL-TRANSMISSION-TIME" = String, Header, description = "An instant of RFC 3339"),
        ("PAYPAL-TRANSMISSION-SIG" = String, Header, description = "RSA with SHA-256, in Base64"),
        ("PAYPAL-CERT-URL" = String, Header, format = "uri"),
        ("PAYPAL-AUTH-ALGO" = String, Header, pattern = "^SHA256withRSA$"),
    ),
    responses((status = 200, description = "It is kept; a second time, too", body = Received)),
)]
pub(super) async fn paypal(State(app): State<App>, request: Request) -> Result<Json<Received>, ApiError> {
    receive(Provider::Paypal, &app, request).await
}

/// Stores an event, provided that the edge attests the provider's signature. A duplicate gets the same answer.
async fn receive(provider: Provider, app: &App, request: Request) -> Result<Json<Received>, ApiError> {
    let Verified { statement, body, parts, .. } = verified(request, app, BODY_BYTES_MAX).await?;
    if statement.webhook != Some(provider) {
        return Err(refused(AttestationError::Mismatch, &parts));
    }
    let adapter = app.gateway.provider(provider).map_err(|error| ApiError::from(&error))?;
    let body = EventBody::of(&body);
    let notice = adapter
        .read_event(&body.kept)
        .map_err(|problem: NotAnEvent| ApiError::new(ErrorCode::InvalidRequest, problem.to_string()))?;
    webhook::receive(&app.gateway, provider, notice, body).await?;
    reach("before_webhook_ack").await;
    Ok(Json(Received { success: Success }))
}
