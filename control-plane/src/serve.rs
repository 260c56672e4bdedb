//! Running: from a configuration to a server that ends cleanly.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::background::{Background, Bringer};
use crate::cache;
use crate::config::Config;
use crate::domain::gateway::Gateway;
use crate::edge_clock;
use crate::gateway_setup::{self, Opener};
use crate::http::{self, App, DURATION_METRIC, log_gauges};
use crate::instance_lock::InstanceLock;
use crate::metric_help;
use crate::readiness;
use crate::server;
use crate::start_report::{self, Surroundings};
use crate::unattested;

/// OpenTelemetry's advice for `http.server.request.duration`, in seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `stop` is cancelled, then lets what is under way finish. An error means that the server or
/// a task of its died.
pub async fn serve(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let _lock = InstanceLock::take(&config.gateway.database.uri)?;
    let in_process = || "in this process".to_owned();
    start_report::tell(
        &config.gateway,
        &Surroundings {
            role: "serve",
            edge_cache: config.edge_cache.redis.as_ref().map_or_else(in_process, ToString::to_string),
            queue: config.background.queue.as_ref(),
        },
    );
    // Before everything that counts.
    let metrics = metrics()?;
    let bringer = Bringer::new(config.background.queue);
    let gateway = Arc::new(gateway_setup::open(config.gateway, bringer.queue(), Opener::Service).await?);
    config.process.crash_points.arm();

    let background =
        Background::start(&gateway, bringer, config.background.workers, config.background.reconcile, &stop);
    let keys = Arc::new(config.attestation_keys);
    let cache = cache::open(config.edge_cache.redis, config.edge_cache.keeping, gateway.clock.clone())
        .context("REDIS_URI: the edge cache cannot be set up")?;
    let watch = tokio::spawn(readiness::watch_edge_cache(cache.clone(), stop.clone()));
    let edge_cache = cache::router(cache.clone(), keys.clone(), gateway.clock.clone());
    let app = App {
        gateway: gateway.clone(),
        cache,
        attestation_keys: keys,
        return_url_hosts: Arc::new(config.return_url_hosts),
        metrics: metrics.clone(),
        draining: stop.clone(),
    };

    let upkeep = tokio::spawn(upkeep(metrics, stop.clone()));
    let listener = bind("CONTROL_PLANE_LISTEN", config.listen).await?;
    let api = server::serve(listener, http::router(app), stop.clone());
    let server = match config.edge_cache.listen {
        Some(address) => {
            let listener = bind("EDGE_CACHE_LISTEN", address).await?;
            let edge_cache = server::serve(listener, edge_cache, stop.clone());
            tokio::spawn(async move {
                tokio::join!(api, edge_cache);
            })
        }
        None => tokio::spawn(api),
    };
    until_stopped(server, &gateway, background, config.process.shutdown_grace, stop).await?;
    for task in [watch, upkeep] {
        task.await.context("a background task died")?;
    }
    tracing::info!("stopped");
    Ok(())
}

/// What is left to the rest of the process, should clients have used up all of the grace.
const GRACE_LEFT: Duration = Duration::from_secs(1);

/// Waits for `stop`, then within `grace` for what is under way. An error means that the server died, or that
/// a payment took longer; what clients do is no error.
pub(crate) async fn until_stopped(
    mut server: JoinHandle<()>,
    gateway: &Gateway,
    background: Background,
    grace: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut died = None;
    tokio::select! {
        // First, so that a stop is a stop even if the server ends in the same instant.
        biased;
        () = stop.cancelled() => tracing::info!("draining"),
        ended = &mut server => died = Some(ended),
    }
    // Payments under way end on either way out: their clients may be gone, the money is not.
    stop.cancel();
    gateway.tasks.close();
    let end = Instant::now() + grace;
    if died.is_none() && timeout_at(end, &mut server).await.is_err() {
        tracing::warn!("clients were still asking at the end of SHUTDOWN_GRACE_SECONDS");
        server.abort();
    }
    let drained = timeout_at(end.max(Instant::now() + GRACE_LEFT), async {
        gateway.tasks.wait().await;
        background.end().await
    });
    drained.await.context("payments were still under way at the end of SHUTDOWN_GRACE_SECONDS")??;
    if let Some(ended) = died {
        ended.context("the server died")?;
        anyhow::bail!("the server ended without being asked to");
    }
    Ok(())
}

/// Binds the address that the setting `key` gives.
pub(crate) async fn bind(key: &'static str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    let listener = bound.with_context(|| format!("{key}: cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    tracing::info!(address = %address, setting = key, "listening on {address}");
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

/// Keeps what the recorder holds bounded.
pub(crate) async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METRICS_UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
