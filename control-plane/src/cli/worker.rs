//! `control-plane worker`: processes due work in a separate process, which serves only probes.

use std::sync::Arc;

use anyhow::Context as _;

use crate::cache::RedisUri;
use crate::config::{BackgroundSettings, WorkerConfig};
use crate::http::{self, Probes};
use crate::jobs::{Background, WorkSource};
use crate::life::Life;
use crate::process::gateway_setup;
use crate::process::start_report::{self, Surroundings};
use crate::process::{SERVER, bind, listener_tls, metrics, until_stopped, upkeep};
use crate::{live, server};

/// Works until the end of `life`, then completes work in flight. Returns an error if a task dies, or if a payment takes
/// longer than the grace period.
pub async fn serve_worker(config: WorkerConfig, life: Life) -> anyhow::Result<()> {
    let stop = life.stop().clone();
    let around = Surroundings {
        role: "worker",
        edge_cache: edge_cache(config.redis.as_ref()),
        queue: config.background.queue.as_ref(),
    };
    start_report::tell(&config.gateway, &around);
    // Before anything that records metrics.
    let metrics = metrics()?;
    let source = WorkSource::new(config.background.queue);
    let opened = gateway_setup::open_until(&stop, config.gateway, source.queue()).await?;
    let Some(gateway) = opened.map(Arc::new) else { return Ok(()) };
    config.process.crash_points.arm();

    if let Some(redis) = &config.redis {
        live::announce(gateway.store.clone(), redis, &life)
            .context("REDIS_URI: notices of commits cannot be sent")?;
    }
    let probes = Probes { gateway: gateway.clone(), metrics: metrics.clone(), draining: stop.clone() };
    let tls = listener_tls(config.tls, &life)?;
    let listener = bind("WORKER_LISTEN", config.listen, tls.as_ref()).await?;
    let BackgroundSettings { workers, reconcile, audit, .. } = config.background;
    let background = Background::start(&gateway, source, workers, reconcile, audit, &life);
    let upkeep = life.spawn("upkeep of metrics", upkeep(metrics, stop.clone()));
    let server = life.spawn(SERVER, server::serve(listener, tls, http::probes(probes), stop));
    until_stopped(server, &gateway, background, config.process.shutdown_grace, &life).await?;
    upkeep.await?;
    tracing::info!("stopped");
    Ok(())
}

/// What a worker uses the edge cache for: it answers no claims.
fn edge_cache(redis: Option<&RedisUri>) -> String {
    redis.map_or_else(
        || "not used".to_owned(),
        |redis| format!("{redis}, only for notices of new events to other processes"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_start_says_what_a_worker_uses_redis_for() {
        let redis = "redis://:hidden@cache:6379/2".parse().unwrap();
        let said = edge_cache(Some(&redis));
        assert_eq!(said, "Redis cache:6379, database 2, only for notices of new events to other processes");
        assert_eq!(edge_cache(None), "not used");
    }
}
