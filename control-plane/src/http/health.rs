//! For probes and scrapers, on the control plane's own port.

use axum::extract::State;
use axum::http::StatusCode;

use super::App;

/// The process runs. Asks nobody else, so that a slow database does not get it restarted.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether requests should be sent here now.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match app.gateway.store.ready().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

/// Prometheus text.
pub(super) async fn metrics(State(app): State<App>) -> String {
    app.metrics.render()
}
