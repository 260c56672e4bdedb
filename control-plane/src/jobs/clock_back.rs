//! Brings forward work that was scheduled before the clock was set back. Otherwise it would be due only once the clock
//! catches up, an hour or a day later.

use std::sync::Arc;
use std::time::Duration;

use payments::model::work::Lane;
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use tokio_util::sync::CancellationToken;

/// Each check costs one index lookup per kind and provider.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(problem) = once(&gateway).await {
            tracing::warn!(error = %problem, "work scheduled too far ahead cannot be searched for now");
        }
    }
}

/// Makes work due now if it is scheduled further ahead than any backoff allows. Returns the number of pieces.
///
/// # Errors
/// The database is unavailable.
pub async fn once(gateway: &Gateway) -> Result<u64, StoreError> {
    let (now, mut all) = (gateway.now(), 0);
    for lane in Lane::all() {
        let furthest = now.saturating_add(gateway.retries.policy().furthest(lane.kind)).unwrap_or(now);
        let number = gateway.store.bring_forward(lane, furthest, now).await?;
        if number > 0 {
            tracing::warn!(
                number, kind = lane.kind.name(), provider = %lane.provider,
                "the clock was set back: work scheduled too far ahead is due now"
            );
        }
        all += number;
    }
    Ok(all)
}
