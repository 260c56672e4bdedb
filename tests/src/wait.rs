//! Polls for a condition, with a time limit.

use std::time::{Duration, Instant};

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Polls until there is a result.
///
/// # Panics
/// If there is none in time; `what` names it.
pub async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask).await
}

/// Polls until there is a result, for slow operations.
///
/// # Panics
/// If there is none within `patience`; `what` names it.
pub async fn until_within<T>(patience: Duration, what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(response) = ask().await {
            return response;
        }
        assert!(Instant::now() < deadline, "within {patience:?} there was no sign of {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
