//! PayPal: access tokens, Orders v2 and Payments v2.

mod authorization;
mod authorizations;
mod body;
mod books;
mod call;
mod capture;
mod certificate;
mod command;
mod dashboard;
mod desk;
mod dispute;
mod endpoint;
pub(crate) mod errors;
mod events;
mod headers;
mod issues;
mod money;
mod order;
mod orders;
mod page;
mod refund;
mod refund_capture;
mod request_ids;
pub(crate) mod review;
pub(crate) mod scripts;
mod source;
mod token;
mod tokens;
mod verify_signature;
mod views;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};

use self::call::Arrival;
pub(crate) use self::{books::Books, dispute::OutcomeCode, events::EventContent};
use crate::{
    exchange::{self, RequestLine},
    provider::Provider,
    requests_log::Received,
    server::Connection,
    world::Shared,
};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/oauth2/token", post(token::issue))
        .route("/v1/notifications/certs/{id}", get(certificate::show))
        .route("/v1/notifications/verify-webhook-signature", post(verify_signature::verify))
        .route("/v1/customer/{*path}", any(handle))
        .route("/v2/{*path}", any(handle))
        .route("/checkoutnow", get(page::show).post(page::submit))
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let line = RequestLine { method: parts.method, uri: parts.uri };
    let arrival = Arrival::receive(line, parts.headers, body).await;
    match arrival.understand(&shared) {
        Ok(call) => exchange::run(shared, arrival.line, connection, call).await,
        Err(error) => {
            let answer = error.answer();
            let mut world = shared.world();
            let operation = arrival.operation(&world);
            world.requests.record(Received {
                status: Some(answer.status.as_u16()),
                ..arrival.line.received(Provider::Paypal, operation, shared.now())
            });
            answer.into_response()
        }
    }
}
