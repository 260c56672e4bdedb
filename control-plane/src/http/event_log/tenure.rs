//! The end of a connection that a ticket has opened.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::watcher::Pass;
use crate::http::App;

/// When a connection ends; never, if a key has opened it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tenure(Option<Instant>);

impl Tenure {
    /// Begins now.
    pub(super) fn begin(app: &App, pass: Option<Pass>) -> Self {
        Self(pass.map(|pass| Instant::now() + left_of(pass, app)))
    }

    /// Waits for the end.
    pub(super) async fn over(self) {
        match self.0 {
            Some(ends) => sleep_until(ends).await,
            None => std::future::pending().await,
        }
    }
}

fn left_of(pass: Pass, app: &App) -> Duration {
    let now_ms = app.gateway.now().as_millisecond();
    let expires_ms = i64::try_from(pass.expires_s).unwrap_or(i64::MAX).saturating_mul(1_000);
    Duration::from_millis(u64::try_from(expires_ms.saturating_sub(now_ms)).unwrap_or(0))
}
