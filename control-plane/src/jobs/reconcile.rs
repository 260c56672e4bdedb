//! Reconciles the gateway's records with the providers' on a schedule, in one process at a time.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use payments::ports::store::StoreError;
use payments::ports::store::reconciling::ReconcileRun;
use payments::usecases::gateway::Gateway;
use payments::usecases::reconcile::{Compared, Finding, Pace, ReconcileCursor, Reconciliation, Unseen};
use tokio_util::sync::CancellationToken;

use super::settings::ReconcileSettings;
use payments::causes::with_causes;

/// How often to check whether a reconciliation is due.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The lease on a run. A part takes seconds, so a process without progress for this long is dead.
const HELD_FOR: SignedDuration = SignedDuration::from_mins(10);
/// When the last reconciliation ended, in seconds since 1970. With several processes, the largest value counts.
pub const FINISHED_GAUGE: &str = "reconcile_finished_timestamp_seconds";
/// Compared payments and refunds, by finding.
pub const COUNTER: &str = "reconcile_compared_total";

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, settings: ReconcileSettings, stop: CancellationToken) {
    let holder = gateway.new_attempt_id().to_string();
    let pace = Pace::new(settings.per_second);
    // 1970 until this process finishes one.
    show_finished(Timestamp::UNIX_EPOCH);
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        let turn = once(&gateway, settings.every, &pace, &holder);
        match stop.run_until_cancelled(turn).await {
            Some(Ok(_)) => {}
            Some(Err(problem)) => {
                tracing::error!(
                    error = with_causes(&problem),
                    "reconciling is interrupted; it resumes later"
                );
            }
            None => return,
        }
    }
}

/// Runs a reconciliation if one is due, or the rest of an interrupted one. `None` if nothing is due, or if another
/// process took over.
///
/// # Errors
/// The database is unavailable. Progress up to then is kept.
pub async fn once(
    gateway: &Gateway,
    every: SignedDuration,
    pace: &Pace,
    holder: &str,
) -> Result<Option<ReconcileRun>, StoreError> {
    let held_until = || gateway.now() + HELD_FOR;
    let Some(mut run) = gateway.store.take_run(holder, gateway.now(), every, held_until()).await? else {
        return Ok(None);
    };
    // The cursor was written below, so it parses.
    let cursor = run.place.parse().unwrap_or(ReconcileCursor::BEGINNING);
    tracing::info!(since = %run.since, %cursor, "reconciling");
    let mut reconciliation = Reconciliation::new(gateway, run.since, cursor, pace);
    while let Some(part) = reconciliation.compare_next().await? {
        for compared in &part {
            tell(compared, &mut run);
        }
        run.place = reconciliation.cursor().to_string();
        if !gateway.store.keep_run(holder, &run, held_until()).await? {
            tracing::warn!("another process has taken over reconciling");
            return Ok(None);
        }
    }
    reconciliation.unseen.iter().for_each(tell_unseen);
    run.finished_at = Some(gateway.now());
    if gateway.store.keep_run(holder, &run, held_until()).await? {
        show_finished(gateway.now());
        let ReconcileRun { compared, different, .. } = run;
        tracing::info!(compared, different, "reconciled");
    }
    Ok(Some(run))
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
fn show_finished(at: Timestamp) {
    metrics::gauge!(FINISHED_GAUGE).set(at.as_second() as f64);
}

/// Counts and logs one comparison. Unresolved differences are errors: they need an operator.
fn tell(compared: &Compared, run: &mut ReconcileRun) {
    let (finding, what) = match &compared.finding {
        Finding::Same => ("same", None),
        Finding::InFlight => ("under_way", None),
        Finding::Applied(what) => ("adopted", Some(what)),
        Finding::Differs(what) => ("differs", Some(what)),
        Finding::NotSeen(what) => ("not_seen", Some(what)),
    };
    metrics::counter!(COUNTER, "provider" => compared.provider.name(), "finding" => finding).increment(1);
    run.compared = run.compared.saturating_add(1);
    let Some(what) = what else { return };
    run.different = run.different.saturating_add(1);
    let payment = compared.payment.map(|id| id.to_string()).unwrap_or_default();
    let provider = compared.provider;
    if matches!(compared.finding, Finding::Differs(_)) {
        tracing::error!(payment.id = payment, provider = %provider, finding, what, "the records and the provider's differ");
    } else {
        tracing::warn!(payment.id = payment, provider = %provider, finding, what, "the records and the provider's differed");
    }
}

fn tell_unseen(unseen: &Unseen) {
    if unseen.is_failure() {
        tracing::error!(?unseen, "reconciliation could not read everything");
    } else {
        tracing::info!(?unseen, "reconciliation cannot read everything");
    }
}
