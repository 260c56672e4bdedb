//! Raises the alarm about what has been undecided for too long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use edge_core::provider::Provider;
use tokio_util::sync::CancellationToken;

use crate::domain::gateway::Gateway;
use crate::domain::operations::review::for_review;
use crate::domain::queue::Work;

const LOOK_EVERY: Duration = Duration::from_secs(30);
const LIMIT: u32 = 10_000;
/// How many are to be looked at by people, by provider.
pub const GAUGE: &str = "payments_in_review";

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

/// Counts, and says of each new one once that it is there.
async fn look(gateway: &Gateway, known: &mut HashSet<Work>) {
    let found = match for_review(gateway, LIMIT).await {
        Ok(found) => found.items,
        Err(problem) => {
            tracing::error!(error = %problem, "what is undecided cannot be read");
            return;
        }
    };
    for provider in Provider::ALL {
        let count = found.iter().filter(|one| one.provider == provider).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!(GAUGE, "provider" => provider.name()).set(f64::from(count));
    }
    for one in found.iter().filter(|one| !known.contains(&one.work)) {
        tracing::error!(
            work = ?one.work, provider = %one.provider, state = one.state, since = %one.since,
            tries = one.follow_up.tries, reason = one.reason,
            "has not been decided for too long; see `control-plane payments review`"
        );
    }
    *known = found.into_iter().map(|one| one.work).collect();
}
