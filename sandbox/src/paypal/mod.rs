//! PayPal: access tokens, Orders v2 and Payments v2.

mod authorization;
mod authorizations;
mod body;
mod call;
mod capture;
mod certificate;
mod command;
mod context;
mod dashboard;
mod digital_wallet;
mod dispute;
mod endpoint;
pub(crate) mod errors;
mod events;
mod headers;
mod issues;
mod money;
mod objects;
mod order;
mod orders;
mod page;
mod payer;
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
use jiff::Timestamp;

use self::{call::RawRequest, tokens::Holder};
pub(crate) use self::{dispute::OutcomeCode, events::EventContent, objects::Objects};
use crate::{
    exchange::{self, RequestLine},
    provider::Provider,
    requests_log::Received,
    server::Connection,
    state::Shared,
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

/// A client token, as a merchant's server gets it for its page.
pub(crate) fn client_token(objects: &mut Objects, now: Timestamp) -> String {
    objects.tokens.issue(now, token::CLIENT_TOKEN_SECONDS, Holder::Browser)
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
            let response = error.response();
            let mut state = shared.state();
            let operation = raw.operation(&state);
            state.requests.record(Received {
                status: Some(response.status.as_u16()),
                ..raw.line.received(Provider::Paypal, operation, shared.now())
            });
            response.into_response()
        }
    }
}
