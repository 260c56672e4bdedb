//! Brings forward what a clock put off that has been put back since: it would be due only when the clock is there again, in
//! an hour or in a day.

use std::sync::Arc;
use std::time::Duration;

use payments::model::work::Lane;
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use tokio_util::sync::CancellationToken;

/// Each look is a step into an index, for each kind and provider.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        if let Err(problem) = once(&gateway).await {
            tracing::warn!(error = %problem, "what a clock put off too far cannot be looked for now");
        }
    }
}

/// Makes due what is further ahead than anything is ever put off; how much.
///
/// # Errors
/// If the database cannot be used.
pub async fn once(gateway: &Gateway) -> Result<u64, StoreError> {
    let (now, mut all) = (gateway.now(), 0);
    for lane in Lane::all() {
        let furthest = now.saturating_add(gateway.retries.policy().furthest(lane.kind)).unwrap_or(now);
        let number = gateway.store.bring_forward(lane, furthest, now).await?;
        if number > 0 {
            tracing::warn!(
                number, kind = lane.kind.name(), provider = %lane.provider,
                "the clock was put back: work that it put off too far is done now"
            );
        }
        all += number;
    }
    Ok(all)
}
