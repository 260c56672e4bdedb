//! Routes for probes and scrapers, on each process's own port.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use payments::usecases::gateway::Gateway;
use tokio_util::sync::CancellationToken;

use super::database_gauges::DatabaseGauges;
use super::log_gauges;
use crate::readiness::Probe;

/// The state behind the probe routes.
#[derive(Clone)]
pub struct Probes {
    pub gateway: Arc<Gateway>,
    pub metrics: PrometheusHandle,
    /// Cancelled when shutdown begins: readiness then fails, so that no new requests are sent here.
    pub draining: CancellationToken,
}

/// `GET /healthz`, `GET /readyz`, `GET /metrics`.
pub fn probes<S>(probes: Probes) -> Router<S> {
    let (gauges, database) = (Arc::new(DatabaseGauges::default()), Arc::new(Probe::default()));
    let ready = move |State(probes): State<Probes>| async move { ready(&probes, &database).await };
    let metrics = move |State(probes): State<Probes>| async move {
        log_gauges::refresh();
        gauges.refresh(&probes.gateway).await;
        // Prometheus text.
        probes.metrics.render()
    };
    Router::new()
        .route("/healthz", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

/// Liveness: the process runs. Checks no dependency, so that a slow database does not cause a restart.
async fn live() -> &'static str {
    "ok\n"
}

/// Readiness: the database takes writes. Does not check the cache and the queue, without which the process still works.
async fn ready(probes: &Probes, database: &Probe) -> (StatusCode, String) {
    if probes.draining.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned());
    }
    match database.ask(probes.gateway.store.ready()).await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("no payment can be recorded: {reason}\n")),
    }
}
