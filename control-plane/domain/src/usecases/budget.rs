//! A token bucket that limits calls per second to each provider, beyond those that clients request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use edge_core::provider::Provider;
use jiff::Timestamp;

/// The burst size, in seconds' worth of tokens.
const BURST_S: f64 = 4.0;

pub(crate) struct Budget {
    per_second: f64,
    left: Mutex<HashMap<Provider, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Budget {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), left: Mutex::new(HashMap::new()) }
    }

    /// Takes one token; `false`: none is left now.
    pub(crate) fn take(&self, provider: Provider, now: Timestamp) -> bool {
        self.with(provider, now, |bucket| {
            let enough = bucket.tokens >= 1.0;
            if enough {
                bucket.tokens -= 1.0;
            }
            enough
        })
    }

    pub(crate) fn give_back(&self, provider: Provider) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = left.get_mut(&provider) {
            bucket.tokens = (bucket.tokens + 1.0).min(self.per_second * BURST_S);
        }
    }

    pub(crate) fn left(&self, provider: Provider, now: Timestamp) -> u32 {
        // The cast saturates: too large a value becomes the maximum.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
        self.with(provider, now, |bucket| bucket.tokens as u32)
    }

    fn with<T>(&self, provider: Provider, now: Timestamp, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let full = self.per_second * BURST_S;
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = left.entry(provider).or_insert(Bucket { tokens: full, at: now });
        let earned = now.duration_since(bucket.at).as_secs_f64().max(0.0) * self.per_second;
        bucket.tokens = (bucket.tokens + earned).min(full);
        bucket.at = now;
        act(bucket)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_provider_in_trouble_is_not_asked_more_often_than_the_budget_allows() {
        let budget = Budget::new(10);
        let start = Timestamp::UNIX_EPOCH;
        let made = |at| (0..100).filter(|_| budget.take(Provider::Stripe, at)).count();
        assert_eq!((budget.left(Provider::Stripe, start), made(start)), (40, 40));
        assert_eq!(made(start + SignedDuration::from_secs(1)), 10);
        assert_eq!(made(start + SignedDuration::from_hours(1)), 40);
        assert!(budget.take(Provider::Paypal, start), "each provider has its own");
        assert_eq!(made(start), 0, "a clock that goes back earns nothing");
        budget.give_back(Provider::Stripe);
        assert_eq!(made(start), 1);
    }
}
