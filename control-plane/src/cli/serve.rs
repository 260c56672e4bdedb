//! `control-plane serve`: runs the service and shuts it down cleanly.

use std::sync::Arc;

use anyhow::Context;

use crate::config::{BackgroundSettings, Config};
use crate::http::{self, App};
use crate::jobs::{Background, WorkSource};
use crate::life::Life;
use crate::live::Live;
use crate::process::gateway_setup;
use crate::process::instance_lock::InstanceLock;
use crate::process::start_report::{self, Surroundings};
use crate::process::{SERVER, bind, listener_tls, metrics, until_stopped, upkeep};
use crate::{cache, server};

/// Serves until the end of `life`, then completes requests and payments in flight. Returns an error if a task dies, or
/// if a payment takes longer than the grace period.
pub async fn serve(config: Config, life: Life) -> anyhow::Result<()> {
    let stop = life.stop().clone();
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
    // Before anything that records metrics.
    let metrics = metrics()?;
    let source = WorkSource::new(config.background.queue);
    let opened = gateway_setup::open_until(&stop, config.gateway, source.queue()).await?;
    let Some(gateway) = opened.map(Arc::new) else { return Ok(()) };
    config.process.crash_points.arm();

    let BackgroundSettings { workers, reconcile, audit, .. } = config.background;
    let background = Background::start(&gateway, source, workers, reconcile, audit, &life);
    let keys = Arc::new(config.attestation_keys);
    let redis = config.edge_cache.redis;
    let cache = cache::open(redis.clone(), config.edge_cache.keep_policy, &keys, gateway.clock.clone())
        .context("REDIS_URI: the edge cache cannot be set up")?;
    let watch = cache::watch(cache.clone(), stop.clone());
    let watch = life.spawn("readiness of the edge cache", watch);
    let edge_cache = cache::router(cache.clone(), keys.clone(), gateway.clock.clone());
    let live = Live::start(gateway.store.clone(), redis, life.clone());
    let live = live.context("REDIS_URI: notices of commits cannot be sent")?;
    let app = App {
        gateway: gateway.clone(),
        cache,
        attestation_keys: keys,
        live,
        graphql: Arc::new(config.graphql),
        stream_tenure: config.stream_tenure,
        events_days: config.events_days,
        return_url_hosts: Arc::new(config.return_url_hosts),
        wallets: Arc::new(config.wallets),
        metrics: metrics.clone(),
        draining: stop.clone(),
    };

    let upkeep = life.spawn("upkeep of metrics", upkeep(metrics, stop.clone()));
    let tls = listener_tls(config.tls, &life)?;
    let listener = bind("CONTROL_PLANE_LISTEN", config.listen, tls.as_ref()).await?;
    let api = server::serve(listener, tls.clone(), http::router(app), stop.clone());
    let server = match config.edge_cache.listen {
        Some(address) => {
            let listener = bind("EDGE_CACHE_LISTEN", address, tls.as_ref()).await?;
            let edge_cache = server::serve(listener, tls, edge_cache, stop.clone());
            life.spawn(SERVER, async move {
                tokio::join!(api, edge_cache);
            })
        }
        None => life.spawn(SERVER, api),
    };
    until_stopped(server, &gateway, background, config.process.shutdown_grace, &life).await?;
    for task in [watch, upkeep] {
        task.await.context("a background task died")?;
    }
    tracing::info!("stopped");
    Ok(())
}
