//! Seals the audit trail on a schedule, following the event log, in one process at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use payments::causes::with_causes;
use payments::usecases::gateway::Gateway;
use tokio_util::sync::CancellationToken;

use super::settings::{AuditSettings, WitnessSettings};
use crate::audit::anchor_file::AnchorFile;
use crate::audit::sealer::{AnchorPlaces, NotSealed, Sealer, Turn, WITNESS_FAILURES};
use crate::audit::witness::Witness;

/// How many records the tree has.
pub const SEALED_GAUGE: &str = "audit_sealed_records";
/// The age of the oldest record that is not sealed, in seconds.
pub const UNSEALED_GAUGE: &str = "audit_unsealed_age_seconds";
/// Whether this process refuses to seal, because the database is not what was sealed before.
pub const REFUSED_GAUGE: &str = "audit_sealing_refused";

/// How long the end of the process waits to give up the lease.
const RELEASE_WITHIN: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, settings: AuditSettings, stop: CancellationToken) {
    let AuditSettings { key, anchor_file, witness, every } = settings;
    let mut shown = SealStatus { waiting_since: None, problem: None };
    // Every gauge exists from the first scrape.
    metrics::gauge!(SEALED_GAUGE).set(0.0);
    metrics::gauge!(REFUSED_GAUGE).set(0.0);
    metrics::counter!(WITNESS_FAILURES).increment(0);
    shown.publish(gateway.now());
    let mut sealer = None;
    loop {
        let turn = async {
            let sealer = match &mut sealer {
                Some(sealer) => sealer,
                None => {
                    let file = anchor_file.clone().map(AnchorFile::new);
                    let asked = |witness: &WitnessSettings| Witness::new(&witness.base, &witness.outgoing);
                    let witness = witness.as_ref().map(asked).transpose()?;
                    let anchors = AnchorPlaces { file, witness };
                    let holder = gateway.new_attempt_id().to_string();
                    let (store, clock) = (gateway.store.clone(), gateway.clock.clone());
                    sealer.insert(Sealer::new(store, clock, key.clone(), holder, anchors).await?)
                }
            };
            sealer.turn().await
        };
        let Some(result) = stop.run_until_cancelled(turn).await else { break };
        shown.take(&result, gateway.now());
        // A backlog is sealed at once.
        let pause = if result.is_ok_and(|turn| turn.is_behind()) { Duration::ZERO } else { every };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            break;
        }
    }
    if let Some(sealer) = &sealer {
        // If it fails, the lease expires.
        let _ = tokio::time::timeout(RELEASE_WITHIN, sealer.release()).await;
    }
}

/// What the metrics and the log show.
struct SealStatus {
    waiting_since: Option<Timestamp>,
    /// Told once, and again when it is another one.
    problem: Option<String>,
}

impl SealStatus {
    #[expect(clippy::cast_precision_loss, reason = "records fit into 52 bits")]
    fn take(&mut self, result: &Result<Turn, NotSealed>, now: Timestamp) {
        match result {
            Ok(turn) => {
                metrics::gauge!(SEALED_GAUGE).set(turn.size as f64);
                if self.problem.take().is_some() {
                    tracing::info!(size = turn.size, "the audit trail is sealed again");
                }
                self.waiting_since = turn.waiting_since;
            }
            Err(problem) => {
                // Whatever comes from now on waits.
                self.waiting_since = self.waiting_since.or(Some(now));
                let text = with_causes(problem);
                if self.problem.as_ref() != Some(&text) {
                    tracing::error!(error = text, "the audit trail cannot be sealed");
                    self.problem = Some(text);
                }
            }
        }
        let is_refused = result.as_ref().is_err_and(NotSealed::is_contradiction);
        metrics::gauge!(REFUSED_GAUGE).set(f64::from(u8::from(is_refused)));
        self.publish(now);
    }

    fn publish(&self, now: Timestamp) {
        let age = self.waiting_since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
        metrics::gauge!(UNSEALED_GAUGE).set(age);
    }
}
