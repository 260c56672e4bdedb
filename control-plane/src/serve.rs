//! Running: from a configuration to a server that ends cleanly.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use edge_core::provider::Provider;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::domain::clock::{Clock, SystemClock, SystemEntropy};
use crate::domain::gateway::Gateway;
use crate::http::{self, App, DURATION_METRIC};
use crate::providers::Providers;
use crate::{store, worker};

/// OpenTelemetry's advice for `http.server.request.duration`, in seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `stop` is cancelled, then lets what is under way finish. An error means that the server or
/// a task of its died.
pub async fn serve(config: Config, stop: CancellationToken) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let providers =
        Providers::new(config.providers, clock.clone()).context("the providers cannot be set up")?;
    let tasks = TaskTracker::new();
    let gateway = Arc::new(Gateway {
        store: store::open(&config.db_uri).await.context("DB_URI: the database cannot be opened")?,
        providers: Provider::ALL.into_iter().filter_map(|p| Some((p, providers.get(p)?))).collect(),
        started_at: clock.now(),
        clock,
        entropy: Arc::new(SystemEntropy),
        tasks: tasks.clone(),
        event_arrived: tokio::sync::Notify::new(),
    });
    for provider in Provider::ALL {
        let configured = gateway.providers.contains_key(&provider);
        tracing::info!(provider = %provider, configured, "{provider} is {}configured", if configured { "" } else { "not " });
    }

    let events = tokio::spawn(worker::webhooks::run(gateway.clone(), stop.clone()));
    let app = App {
        gateway,
        attestation_keys: Arc::new(config.attestation_keys),
        metrics: metrics()?,
        draining: stop.clone(),
    };
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("CONTROL_PLANE_LISTEN: cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    tracing::info!(address = %address, "listening on {address}");

    let upkeep = tokio::spawn(upkeep(app.metrics.clone(), stop.clone()));
    let server =
        axum::serve(listener, http::router(app)).with_graceful_shutdown(stop.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());
    let mut died = None;
    tokio::select! {
        // First, so that a stop is a stop even if the server ends in the same instant.
        biased;
        () = stop.cancelled() => tracing::info!("draining"),
        ended = &mut server => died = Some(ended),
    }
    // Payments under way end on either way out: their clients may be gone, the money is not.
    stop.cancel();
    tasks.close();
    let drained = tokio::time::timeout(config.shutdown_grace, async {
        if died.is_none() {
            let _ = (&mut server).await;
        }
        tasks.wait().await;
    });
    drained.await.context("payments were still under way at the end of SHUTDOWN_GRACE_SECONDS")?;
    if let Some(ended) = died {
        ended.context("the server died")?.context("the server failed")?;
        anyhow::bail!("the server ended without being asked to");
    }
    events.await.context("a background task died")?;
    upkeep.await.context("a background task died")?;
    tracing::info!("stopped");
    Ok(())
}

fn metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(DURATION_METRIC.to_owned()), &DURATION_BUCKETS)?
        .install_recorder()
        .context("metrics cannot start")
}

/// Keeps what the recorder holds bounded.
async fn upkeep(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METRICS_UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}
