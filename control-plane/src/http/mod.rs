//! The HTTP layer: authenticates and parses requests, and renders answers. Decides nothing about money.

mod attested;
mod broken_frame;
mod card_frame;
mod database_gauges;
mod due_gauges;
mod error;
mod event_gauges;
mod event_log;
mod event_view;
mod graphql;
mod health;
mod keyless;
pub(crate) mod log_gauges;
mod observe;
mod once;
mod openapi;
mod path_id;
mod payments;
mod refunds;
mod sending;
mod socket_upgrade;
mod view;
mod wallet_settings;
mod wallets;
mod webhooks;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use ::payments::usecases::call::Renders;
use ::payments::usecases::gateway::Gateway;
use axum::Router;
use edge_core::attestation::Keys;
use edge_core::request::ReturnUrlHosts;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::event_log::event_as_json;
pub use self::graphql::{Documents, DocumentsError, Graphql};
pub use self::payments::charge_terms;
pub use health::{Probes, probes};
pub use observe::DURATION_METRIC;
pub use openapi::document as openapi_document;
pub use wallet_settings::WalletSettings;

use crate::cache::EdgeCache;
use crate::live::Live;

/// State shared by the handlers.
#[derive(Clone)]
pub struct App {
    pub gateway: Arc<Gateway>,
    /// The cache in which the edges first look up a key's answer.
    pub cache: Arc<dyn EdgeCache>,
    pub attestation_keys: Arc<Keys>,
    /// Delivers events to those who watch.
    pub live: Live,
    /// What `/graphql` executes.
    pub graphql: Arc<Graphql>,
    /// How long a connection that watches events lasts at most before its client must authenticate again.
    pub stream_tenure: Duration,
    /// Whole days that the event log goes back at least; `None`: for good.
    pub events_days: Option<u32>,
    /// The hosts to which payers may be sent.
    pub return_url_hosts: Arc<ReturnUrlHosts>,
    /// What clients' pages need to show wallets, and where they may.
    pub wallets: Arc<WalletSettings>,
    pub metrics: PrometheusHandle,
    /// Cancelled when shutdown begins: readiness then fails, so that no new requests are sent here.
    pub draining: CancellationToken,
}

/// The answer renderers of all operations, for outcomes decided while no request waits.
#[must_use]
pub const fn renders() -> Renders {
    payments::RENDERS
}

/// All routes on the control plane's port.
pub fn router(app: App) -> Router {
    let probed =
        Probes { gateway: app.gateway.clone(), metrics: app.metrics.clone(), draining: app.draining.clone() };
    let (api, _) = api().split_for_parts();
    api.fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(axum::middleware::from_fn(observe::observe))
        // Not observed: probes and scrapes are not client requests.
        .merge(probes(probed))
        .layer(CatchPanicLayer::custom(error::panicked))
        .with_state(app)
}

/// The API: the routes, and their OpenAPI description generated from the same declarations.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(payments::routes())
        .merge(refunds::routes())
        .merge(event_log::routes())
        .merge(graphql::routes())
        .routes(routes!(wallets::config))
        .routes(routes!(webhooks::stripe))
        .routes(routes!(webhooks::paypal))
        .routes(routes!(openapi::serve))
}
