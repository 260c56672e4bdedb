//! Stripe: PaymentIntents, refunds and charges under `/v1`.

mod account;
mod auth;
mod call;
mod charge;
mod charges;
mod command;
mod confirmation_tokens;
mod context;
mod currencies;
mod dashboard;
mod dispute;
mod domains;
mod endpoint;
pub(crate) mod errors;
mod events;
pub(crate) mod form;
mod idempotency;
mod lists;
mod methods;
mod objects;
mod page;
mod params;
mod payment_intent;
mod payment_intents;
mod quirks;
mod refunds;
mod release;
pub(crate) mod scripts;
mod tokens;
mod version;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{any, get},
};

use self::call::RawRequest;
pub(crate) use self::{account::Account, events::EventContent, objects::Objects};
use crate::{
    exchange::{self, RequestLine},
    provider::Provider,
    requests_log::Received,
    server::Connection,
    state::Shared,
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
    let raw = RawRequest::receive(line, parts.headers, body).await;
    match raw.parse(&shared) {
        Ok(call) => exchange::run(shared, raw.line, connection, call).await,
        Err(error) => {
            let response = raw.refusal(&error);
            let mut state = shared.state();
            let operation = raw.operation(&state);
            state.requests.record(Received {
                status: Some(response.status.as_u16()),
                ..raw.line.received(Provider::Stripe, operation, shared.now())
            });
            response.into_response()
        }
    }
}
