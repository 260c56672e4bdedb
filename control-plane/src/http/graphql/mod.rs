//! `/graphql`: the API's operations over GraphQL (specification of October 2021, GraphQL over HTTP). It has no logic of
//! its own: queries read the same store, mutations run the same use cases under the same idempotency keys, and errors
//! carry the same codes.

mod caller;
mod conversation;
mod cost;
mod document;
mod documents;
mod ending;
mod enums;
mod errors;
mod expansion;
mod inputs;
mod mutation;
mod objects;
mod pages;
mod payloads;
mod query;
mod respond;
mod scalars;
mod schema;
mod serve;
mod socket;
mod socket_subscriptions;
mod subscription;
mod subscriptions;

pub use documents::{Documents, DocumentsError};
pub use schema::Graphql;

use axum::routing::{any, post};
use utoipa_axum::router::OpenApiRouter;

use super::App;

/// Routes outside the OpenAPI document: GraphQL has its own, the schema.
pub(super) fn routes() -> OpenApiRouter<App> {
    // Over HTTP/2, a WebSocket is opened by CONNECT.
    OpenApiRouter::new().route("/graphql", post(serve::graphql)).route("/graphql/socket", any(socket::socket))
}
