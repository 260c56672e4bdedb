//! The edge cache as a process of its own: beside Envoy, outliving the control plane and its database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use payments::ports::clock::SystemClock;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cache::{self, EdgeCache, KeepPolicy, RedisCache};
use crate::config::EdgeCacheConfig;
use crate::http::log_gauges;
use crate::process::{bind, metrics, upkeep};
use crate::readiness;
use crate::server;

/// For claims in flight when the end comes. Each takes milliseconds, and what is lost goes on unchecked, so nobody waits for
/// callers that hold half of one.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` is cancelled. An error means that the server died.
pub async fn serve_edge_cache(config: EdgeCacheConfig, stop: CancellationToken) -> anyhow::Result<()> {
    let metrics = metrics()?;
    // Answers come from the control planes, and their settings say what is kept.
    let (version, redis) = (env!("CARGO_PKG_VERSION"), config.redis.to_string());
    tracing::info!(role = "edge-cache", version, edge_cache = redis, "starting");
    let cache = RedisCache::open(config.redis, KeepPolicy::default());
    let cache: Arc<dyn EdgeCache> = Arc::new(cache.context("REDIS_URI: Redis cannot be used")?);
    let watch = tokio::spawn(readiness::watch_edge_cache(cache.clone(), stop.clone()));
    let shown = metrics.clone();
    let router = cache::router(cache, Arc::new(config.attestation_keys), Arc::new(SystemClock)).route(
        "/metrics",
        axum::routing::get(move || async move {
            log_gauges::refresh();
            shown.render()
        }),
    );
    let listener = bind("EDGE_CACHE_LISTEN", config.listen).await?;
    let upkeep = tokio::spawn(upkeep(metrics, stop.clone()));
    let mut server = tokio::spawn(server::serve(listener, router, stop.clone()));
    tokio::select! {
        // First, so that a stop is a stop even if the server ends in the same instant.
        biased;
        () = stop.cancelled() => {}
        ended = &mut server => {
            ended.context("the server died")?;
            anyhow::bail!("the server ended without being asked to");
        }
    }
    if timeout(GRACE, &mut server).await.is_err() {
        tracing::debug!("callers are cut that do not end");
        server.abort();
    }
    for task in [watch, upkeep] {
        task.await.context("a background task died")?;
    }
    tracing::info!("stopped");
    Ok(())
}
