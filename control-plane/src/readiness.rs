//! Whether requests can be served, as probes are told: found out now and then, however often it is asked.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use payments::usecases::gateway::Gateway;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// For so long an answer is passed on instead of asking again. Shorter than the pause of any prober (Envoy: 1 s), so that
/// one of them is hardly ever told what is over.
const KEPT: Duration = Duration::from_millis(500);

/// How often a process finds out for itself whether its database takes writes, be it probed or not: connections to a
/// server that has become read-only are replaced when a write meets it, and one that only reads would stay on it.
const PROVE_EVERY: Duration = Duration::from_secs(2);

/// Whether the database took the last write, 1 or 0.
const WRITABLE_GAUGE: &str = "database_writable";

/// The last answer to a question that many ask.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, bool)>>);

impl Probe {
    /// Whether `check` succeeds now, or did a moment ago. One caller at a time finds out; the others wait for its answer.
    pub(crate) async fn ask<E: Display>(&self, check: impl Future<Output = Result<(), E>>) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < KEPT
        {
            return answer;
        }
        let outcome = check.await;
        if let Err(problem) = &outcome {
            tracing::debug!(error = %problem, "not ready");
        }
        *last = Some((Instant::now(), outcome.is_ok()));
        outcome.is_ok()
    }
}

/// Finds out whether the database takes writes, shows it, and says when that changes. Runs until `stop`.
pub(crate) async fn watch(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut every = interval(PROVE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_writable = true;
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let Some(outcome) = stop.run_until_cancelled(gateway.store.ready()).await else { return };
        metrics::gauge!(WRITABLE_GAUGE).set(f64::from(u8::from(outcome.is_ok())));
        match &outcome {
            Err(problem) if was_writable => {
                tracing::error!(error = %problem, error.source = ?std::error::Error::source(problem), "the database takes no writes: not ready");
            }
            Ok(()) if !was_writable => tracing::info!("the database takes writes again: ready"),
            _ => {}
        }
        was_writable = outcome.is_ok();
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
                    if is_ready { Ok(()) } else { Err("no") }
                };
                probe.ask(check).await
            })
        };
        let all: Vec<_> = (0..100).map(|_| ask(true)).collect();
        for one in all {
            assert!(one.await.unwrap());
        }
        assert!(ask(false).await.unwrap(), "it was so a moment ago");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        tokio::time::sleep(KEPT).await;
        assert!(!ask(false).await.unwrap());
    }
}
