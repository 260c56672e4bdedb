//! For how long a connection may stay open before its client must show its key or its ticket again.
//!
//! Envoy checks a key when a connection is opened and never again, so a connection that stays open would outlive its
//! key. Each therefore ends after a while, and its client connects again after its last event: with a key that was
//! removed meanwhile, it is refused.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::http::App;

/// The clients of connections that end for their tenure return within this time, each at its own moment.
const RETURN_MS_MIN: u64 = 50;
const RETURN_MS_SPREAD: u32 = 450;
/// Those of connections that end otherwise return within this time, so that they do not all return at once.
pub(in crate::http) const CUT_MS_MIN: u64 = 1_000;
pub(in crate::http) const CUT_MS_MAX: u64 = 5_000;
/// Longest time to deliver the last message: the client may read nothing.
const LAST_MAX: Duration = Duration::from_secs(10);
/// Longest time after the tenure until the connection is closed, delivered or not.
const LAST_BEHIND: Duration = Duration::from_secs(5);

/// The end of one connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Tenure {
    ends: Instant,
    over: Over,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Over {
    /// The client is to connect again, and its key or ticket is checked.
    Renew,
    /// The ticket has expired.
    Expired,
}

impl Tenure {
    /// Begins now, and ends with a ticket at `expires_s` (Unix seconds). The last fifth of the tenure is random, so
    /// that connections that were opened together do not end together.
    pub(in crate::http) fn begin(app: &App, expires_s: Option<u64>) -> Self {
        let tenure = app.stream_tenure;
        let spread = u32::try_from(tenure.as_millis() / 5).unwrap_or(u32::MAX).max(1);
        let tenure = tenure.saturating_sub(Duration::from_millis((app.gateway.random() % spread).into()));
        let left = expires_s.map(|expires_s| left_until(expires_s, app));
        let (after, over) = match left {
            Some(left) if left <= tenure => (left, Over::Expired),
            _ => (tenure, Over::Renew),
        };
        Self { ends: Instant::now() + after, over }
    }

    /// Waits for the end.
    pub(in crate::http) async fn over(self) -> Over {
        sleep_until(self.ends).await;
        self.over
    }

    /// When the last message must have been sent.
    pub(in crate::http) fn last_words(self) -> Instant {
        (Instant::now() + LAST_MAX).min(self.cut_at())
    }

    /// When the connection is cut, whatever has been sent.
    pub(in crate::http) fn cut_at(self) -> Instant {
        self.ends + LAST_BEHIND
    }

    #[cfg(test)]
    pub(in crate::http) fn lasting(tenure: Duration) -> Self {
        Self { ends: Instant::now() + tenure, over: Over::Renew }
    }
}

fn left_until(expires_s: u64, app: &App) -> Duration {
    let now_ms = app.gateway.now().as_millisecond();
    let expires_ms = i64::try_from(expires_s).unwrap_or(i64::MAX).saturating_mul(1_000);
    Duration::from_millis(u64::try_from(expires_ms.saturating_sub(now_ms)).unwrap_or(0))
}

/// When a client is to connect again after a connection that ended otherwise.
pub(in crate::http) fn return_after_cut_ms(app: &App) -> u64 {
    let spread = u32::try_from(CUT_MS_MAX.saturating_sub(CUT_MS_MIN)).unwrap_or(u32::MAX).max(1);
    CUT_MS_MIN + u64::from(app.gateway.random() % spread)
}

/// When a client is to connect again after its tenure.
pub(in crate::http) fn return_after_ms(app: &App) -> u64 {
    RETURN_MS_MIN + u64::from(app.gateway.random() % RETURN_MS_SPREAD)
}
