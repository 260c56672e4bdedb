//! Limits the rate of calls to the provider.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Admits a fixed number of callers per second, one at a time.
pub struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `per_second`: 1 or more.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits until it is the caller's turn.
    pub(crate) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let turn = (*next).max(Instant::now());
            *next = turn + self.gap;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_at_the_rate_and_do_not_pile_up() {
        let pace = Pace::new(100);
        let began = Instant::now();
        for _ in 0..11 {
            pace.turn().await;
        }
        assert!(began.elapsed() >= Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(60)).await;
        let later = Instant::now();
        for _ in 0..6 {
            pace.turn().await;
        }
        assert!(later.elapsed() >= Duration::from_millis(50), "idle time must not accumulate into a burst");
    }
}
