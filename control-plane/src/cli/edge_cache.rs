//! The edge cache as a separate process: beside Envoy, independent of the control plane and its database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use payments::ports::clock::SystemClock;
use tokio::time::timeout;

use crate::cache::{self, EdgeCache, KeepPolicy, RedisCache};
use crate::config::EdgeCacheConfig;
use crate::http::log_gauges;
use crate::life::Life;
use crate::process::{SERVER, bind, listener_tls, metrics, upkeep};
use crate::server;

/// The shutdown grace for claims in flight. A claim takes milliseconds, and a lost one lets its request pass unchecked,
/// so the shutdown does not wait for callers that sent half a claim.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until the end of `life`. Returns an error if a task dies.
pub async fn serve_edge_cache(config: EdgeCacheConfig, life: Life) -> anyhow::Result<()> {
    let stop = life.stop().clone();
    let metrics = metrics()?;
    // The control planes store the answers, so the keep policy comes from their settings.
    let (version, redis) = (env!("CARGO_PKG_VERSION"), config.redis.to_string());
    tracing::info!(role = "edge-cache", version, edge_cache = redis, "starting");
    let cache = RedisCache::open(config.redis, KeepPolicy::default(), &config.attestation_keys);
    let cache: Arc<dyn EdgeCache> = Arc::new(cache.context("REDIS_URI: Redis cannot be used")?);
    let watch = cache::watch(cache.clone(), stop.clone());
    let watch = life.spawn("readiness of the edge cache", watch);
    let shown = metrics.clone();
    let router = cache::router(cache, Arc::new(config.attestation_keys), Arc::new(SystemClock)).route(
        "/metrics",
        axum::routing::get(move || async move {
            log_gauges::refresh();
            shown.render()
        }),
    );
    let tls = listener_tls(config.tls, &life)?;
    let listener = bind("EDGE_CACHE_LISTEN", config.listen, tls.as_ref()).await?;
    let upkeep = life.spawn("upkeep of metrics", upkeep(metrics, stop.clone()));
    let mut server = life.spawn(SERVER, server::serve(listener, tls, router, stop.clone()));
    tokio::select! {
        // First, so that a stop counts as one even if the server ends in the same instant.
        biased;
        () = stop.cancelled() => {}
        _ = &mut server => life.lose(SERVER),
    }
    if !server.is_finished() && timeout(GRACE, &mut server).await.is_err() {
        tracing::debug!("cutting callers that did not end");
        server.abort();
    }
    for task in [watch, upkeep] {
        task.await.context("a background task died")?;
    }
    life.outcome()?;
    tracing::info!("stopped");
    Ok(())
}
