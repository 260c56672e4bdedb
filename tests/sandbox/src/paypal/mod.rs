//! PayPal: access tokens, Orders v2 and Payments v2.

mod authorization;
mod authorizations;
mod body;
mod books;
mod call;
mod capture;
mod command;
mod desk;
mod endpoint;
pub(crate) mod errors;
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
mod source;
mod token;
mod tokens;
mod views;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};

pub(crate) use self::books::Books;
use self::call::Arrival;
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
