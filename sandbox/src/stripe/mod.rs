//! Stripe: PaymentIntents, refunds and charges under `/v1`.

mod account;
mod auth;
mod books;
mod call;
mod charge;
mod charges;
mod command;
mod currencies;
mod dashboard;
mod desk;
mod dispute;
mod endpoint;
pub(crate) mod errors;
mod events;
pub(crate) mod form;
mod idempotency;
mod lists;
mod methods;
mod page;
mod params;
mod payment_intent;
mod payment_intents;
mod quirks;
mod refunds;
mod release;
pub(crate) mod scripts;
mod version;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{any, get},
};

use self::call::Arrival;
pub(crate) use self::{account::Account, books::Books, events::EventContent};
use crate::{
    exchange::{self, RequestLine},
    provider::Provider,
    requests_log::Received,
    server::Connection,
    world::Shared,
};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/{*path}", any(handle))
        .route("/_sandbox/stripe/authenticate/{intent}", get(page::show).post(page::submit))
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
            let answer = arrival.refusal(&error);
            let mut world = shared.world();
            let operation = arrival.operation(&world);
            world.requests.record(Received {
                status: Some(answer.status.as_u16()),
                ..arrival.line.received(Provider::Stripe, operation, shared.now())
            });
            answer.into_response()
        }
    }
}
