use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again until there is an answer.
///
/// # Panics
/// If there is none in time; `what` says what was awaited.
pub async fn until<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask).await
}

/// Asks again until there is an answer, for something that takes its time.
///
/// # Panics
/// If there is none within `patience`; `what` says what was awaited.
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
