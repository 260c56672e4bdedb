//! Whether requests can be served, as probes are told: found out now and then, however often it is asked.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use payments::causes::with_causes;
use payments::usecases::gateway::Gateway;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cache::EdgeCache;

/// For so long an answer is passed on instead of asking again. Shorter than the pause of any prober (Envoy: 1 s), so that
/// one of them is hardly ever told what is over.
const KEPT: Duration = Duration::from_millis(500);

/// How often a process finds out for itself whether its database and its edge cache take writes, be it probed or not:
/// connections to a server that has become read-only are replaced when a write meets it, and one that only reads would
/// stay on it.
const PROVE_EVERY: Duration = Duration::from_secs(2);

/// Whether the database took the last write, 1 or 0.
const DATABASE_GAUGE: &str = "database_writable";
/// Whether the edge cache took the last claim, 1 or 0.
const EDGE_CACHE_GAUGE: &str = "edge_cache_writable";

/// The last answer to a question that many ask.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, Result<(), String>)>>);

impl Probe {
    /// Whether `check` succeeds now, or did a moment ago; if not, why. One caller at a time finds out; the others wait
    /// for its answer.
    pub(crate) async fn ask<E: Error + 'static>(
        &self,
        check: impl Future<Output = Result<(), E>>,
    ) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < KEPT
        {
            return answer.clone();
        }
        let answer = check.await.map_err(|problem| with_causes(&problem));
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// Finds out whether the database takes writes, shows it, and says when that changes. Runs until `stop`.
pub(crate) async fn watch_database(gateway: Arc<Gateway>, stop: CancellationToken) {
    let check = || {
        let gateway = gateway.clone();
        async move { gateway.store.ready().await }
    };
    let say = |change: Result<(), String>| match change {
        Err(error) => tracing::error!(error, "the database takes no writes: not ready"),
        Ok(()) => tracing::info!("the database takes writes again: ready"),
    };
    watch(DATABASE_GAUGE, check, say, stop).await;
}

/// The same of the edge cache. Without it, payments go on.
pub(crate) async fn watch_edge_cache(cache: Arc<dyn EdgeCache>, stop: CancellationToken) {
    let check = || {
        let cache = cache.clone();
        async move { cache.ready().await }
    };
    let say = |change: Result<(), String>| match change {
        Err(error) => tracing::warn!(error, "the edge cache takes no claims: not ready (REDIS_URI)"),
        Ok(()) => tracing::info!("the edge cache takes claims again: ready"),
    };
    watch(EDGE_CACHE_GAUGE, check, say, stop).await;
}

/// Until the first check it counts as ready: nothing is known against it, and the first check comes at once.
async fn watch<E: Error + 'static, Checked: Future<Output = Result<(), E>>>(
    gauge: &'static str,
    check: impl Fn() -> Checked,
    say: impl Fn(Result<(), String>),
    stop: CancellationToken,
) {
    let mut every = interval(PROVE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_ready = true;
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let Some(outcome) = stop.run_until_cancelled(check()).await else { return };
        let is_ready = outcome.is_ok();
        metrics::gauge!(gauge).set(f64::from(u8::from(is_ready)));
        if is_ready != was_ready {
            say(outcome.map_err(|problem| with_causes(&problem)));
        }
        was_ready = is_ready;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn however_often_it_is_asked_for_it_is_found_out_once_in_a_while() {
        let (probe, asked) = (Arc::new(Probe::default()), Arc::new(AtomicU32::new(0)));
        let ask = |is_ready: bool| {
            let (probe, asked) = (probe.clone(), asked.clone());
            tokio::spawn(async move {
                let check = async {
                    asked.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    if is_ready { Ok(()) } else { Err(std::io::Error::other("no")) }
                };
                probe.ask(check).await
            })
        };
        let all: Vec<_> = (0..100).map(|_| ask(true)).collect();
        for one in all {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
        assert_eq!(ask(false).await.unwrap(), Ok(()), "it was so a moment ago");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::sleep(KEPT).await;
        assert_eq!(ask(false).await.unwrap(), Err("no".to_owned()));
    }
}
