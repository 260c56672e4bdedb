//! Common to every process of the service: metrics, listening, and a clean shutdown.

pub(crate) mod gateway_setup;
pub(crate) mod instance_lock;
pub(crate) mod start_report;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use payments::usecases::gateway::Gateway;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::http::{DURATION_METRIC, log_gauges};
use crate::jobs::Background;
use crate::life::Life;
use crate::server::{Tls, TlsSettings};
use crate::{edge_clock, metric_help, unattested};

/// OpenTelemetry's recommended buckets for `http.server.request.duration`, in seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// The task of a process's listeners.
pub(crate) const SERVER: &str = "server";

/// The time left for the rest of the process if clients used up the whole grace period.
const GRACE_LEFT: Duration = Duration::from_secs(1);

/// Waits for the end of `life`, then up to `grace` for requests and payments in flight. Returns an error if a task
/// dies, or if a payment takes longer; slow clients are not an error.
pub(crate) async fn until_stopped(
    mut server: JoinHandle<()>,
    gateway: &Gateway,
    background: Background,
    grace: Duration,
    life: &Life,
) -> anyhow::Result<()> {
    tokio::select! {
        // First, so that a stop counts as one even if the server ends in the same instant.
        biased;
        () = life.stop().cancelled() => {}
        task = gateway.store.died() => life.lose(task),
        _ = &mut server => life.lose(SERVER),
    }
    tracing::info!("draining");
    // Either way, complete the payments in flight: their clients may be gone, the money is not.
    gateway.tasks.close();
    let end = Instant::now() + grace;
    if !server.is_finished() && timeout_at(end, &mut server).await.is_err() {
        tracing::warn!("requests were still in flight at the end of SHUTDOWN_GRACE_SECONDS");
        server.abort();
    }
    let drained = timeout_at(end.max(Instant::now() + GRACE_LEFT), async {
        gateway.tasks.wait().await;
        background.end().await
    });
    drained.await.context("payments were still in flight at the end of SHUTDOWN_GRACE_SECONDS")??;
    // It may have died since.
    if let Some(task) = gateway.store.died().now_or_never() {
        life.lose(task);
    }
    Ok(life.outcome()?)
}

/// The TLS of this process's listeners, which follows its files until the process ends.
pub(crate) fn listener_tls(settings: Option<TlsSettings>, life: &Life) -> anyhow::Result<Option<Tls>> {
    let tls = settings.map(|settings| Tls::open(settings, life)).transpose();
    tls.context("SERVICE_TLS_…: TLS cannot start")
}

/// Binds `address`, the value of the setting `key`.
pub(crate) async fn bind(
    key: &'static str,
    address: SocketAddr,
    tls: Option<&Tls>,
) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    let listener = bound.with_context(|| format!("{key}: cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    let tls = if tls.is_some() { "1.3, with client certificates" } else { "off" };
    tracing::info!(address = %address, setting = key, tls, "listening");
    Ok(listener)
}

pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION_METRIC.to_owned()), &DURATION_BUCKETS)?
        .install_recorder()
        .context("metrics cannot start")?;
    metric_help::describe();
    edge_clock::show();
    log_gauges::refresh();
    unattested::show();
    Ok(handle)
}

/// Runs the recorder's upkeep, which bounds its memory.
pub(crate) async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METRICS_UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
