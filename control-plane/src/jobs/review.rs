//! Logs payments and refunds that have been undecided for too long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use payments::model::work::Work;
use payments::usecases::gateway::Gateway;
use payments::usecases::review::for_review;
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_secs(30);
const LIMIT: u32 = 10_000;

/// Runs until `stop`.
pub async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let mut known = HashSet::new();
    loop {
        look(&gateway, &mut known).await;
        if stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_none() {
            return;
        }
    }
}

/// Logs each newly found item once.
async fn look(gateway: &Gateway, known: &mut HashSet<Work>) {
    let found = match for_review(gateway, LIMIT).await {
        Ok(found) => found.items,
        Err(problem) => {
            tracing::error!(error = %problem, "undecided payments and refunds cannot be read");
            return;
        }
    };
    for one in found.iter().filter(|one| !known.contains(&one.work)) {
        tracing::error!(
            work = ?one.work, provider = %one.provider, state = one.state, since = %one.since,
            tries = one.follow_up.tries, reason = one.reason,
            "undecided for too long; see `control-plane payments review`"
        );
    }
    *known = found.into_iter().map(|one| one.work).collect();
}
