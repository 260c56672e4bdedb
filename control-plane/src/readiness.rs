//! Readiness for probes, checked at a bounded rate however often it is probed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use payments::causes::with_causes;
use payments::usecases::gateway::Gateway;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How long a result is reused. Shorter than any prober's interval (Envoy: 1 s), so that a prober hardly ever gets a
/// stale one.
const KEPT: Duration = Duration::from_millis(500);

/// How often a process checks that its database and its edge cache take writes, probed or not. Connections to a server
/// that became read-only are replaced when a write fails; a process that only reads would stay on it.
const PROVE_EVERY: Duration = Duration::from_secs(2);

/// Whether the database took the last write, 1 or 0.
const DATABASE_GAUGE: &str = "database_writable";

/// The last result of a check that many callers request.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, Result<(), String>)>>);

impl Probe {
    /// Runs `check`, or returns its recent result. One caller at a time runs it; the others wait for the result.
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

/// Checks whether the database takes writes, updates the gauge, and logs changes. Runs until `stop`.
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

/// Checks every few seconds until `stop`, updates the gauge, and tells each change. The first check, which runs
/// immediately, tells only what is not ready; until it ends, the gauge is 0.
pub(crate) async fn watch<E: Error + 'static, Checked: Future<Output = Result<(), E>>>(
    gauge: &'static str,
    check: impl Fn() -> Checked,
    say: impl Fn(Result<(), String>),
    stop: CancellationToken,
) {
    // Present from the first scrape, however long the first check takes.
    metrics::gauge!(gauge).set(0.0);
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
    use std::convert::Infallible;
    use std::future::pending;
    use std::sync::atomic::{AtomicU32, Ordering};

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[tokio::test]
    async fn the_gauge_is_there_before_the_first_check_has_ended() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let hangs = pending::<Result<(), Infallible>>;
        let watching = watch(DATABASE_GAUGE, hangs, |_| (), CancellationToken::new());
        tokio::time::timeout(Duration::from_millis(50), watching).await.unwrap_err();
        let shown = recorder.handle().render();
        assert!(shown.lines().any(|line| line == "database_writable 0"), "{shown}");
    }

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
