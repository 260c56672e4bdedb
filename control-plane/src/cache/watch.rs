//! Whether the edge cache takes claims, probed or not.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::EdgeCache;
use crate::readiness;

/// Whether the edge cache took the last claim, 1 or 0.
const EDGE_CACHE_GAUGE: &str = "edge_cache_writable";

/// Checks whether the edge cache takes claims, updates the gauge, and logs changes as a warning only: payments work
/// without it. Runs until `stop`.
pub(crate) async fn watch(cache: Arc<dyn EdgeCache>, stop: CancellationToken) {
    let check = || {
        let cache = cache.clone();
        async move { cache.ready().await }
    };
    let say = |change: Result<(), String>| match change {
        Err(error) => tracing::warn!(error, "the edge cache takes no claims: not ready (REDIS_URI)"),
        Ok(()) => tracing::info!("the edge cache takes claims again: ready"),
    };
    readiness::watch(EDGE_CACHE_GAUGE, check, say, stop).await;
}
