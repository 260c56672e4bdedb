//! Limits one client's share of the cache.

use std::collections::HashMap;
use std::time::Duration;

use edge_core::client::ClientId;

/// How long answers are kept, and how many bytes of them per client.
#[derive(Clone, Copy, Debug)]
pub struct KeepPolicy {
    /// 1 s to 24 h. Later repeats are answered from the database row; an answer in the cache only saves that query, and
    /// clients repeat requests within minutes.
    pub answers_for: Duration,
    /// The limit on one client's answers within that time, in bytes of the cache's memory.
    pub client_bytes: u64,
}

impl Default for KeepPolicy {
    /// A third of the 192 MiB that docker-compose.yml's Redis has for answers: some 120,000 answers, or 400 a second.
    fn default() -> Self {
        Self { answers_for: Duration::from_secs(300), client_bytes: 64 * 1024 * 1024 }
    }
}

/// The clients' recent use, in the memory of this process.
#[derive(Debug)]
pub(super) struct Quota {
    keep_policy: KeepPolicy,
    /// Bounded: only clients known to the edge get here.
    spent: HashMap<ClientId, Spent>,
}

#[derive(Debug)]
struct Spent {
    until_us: u64,
    bytes: u64,
}

impl Quota {
    pub(super) fn new(keep_policy: KeepPolicy) -> Self {
        Self { keep_policy, spent: HashMap::new() }
    }

    /// Whether `client` may store `bytes` more; if so, counts them.
    pub(super) fn spend(&mut self, client: &ClientId, bytes: usize, now_us: u64) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let window_us = u64::try_from(self.keep_policy.answers_for.as_micros()).unwrap_or(u64::MAX);
        let spent = self.spent.entry(client.clone()).or_insert(Spent { until_us: 0, bytes: 0 });
        if spent.until_us <= now_us {
            *spent = Spent { until_us: now_us.saturating_add(window_us), bytes: 0 };
        }
        let after = spent.bytes.saturating_add(bytes);
        let is_within = after <= self.keep_policy.client_bytes;
        if is_within {
            spent.bytes = after;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_takes_nobody_elses() {
        let keep_policy = KeepPolicy { answers_for: Duration::from_secs(1), client_bytes: 100 };
        let (mut quota, one, other) =
            (Quota::new(keep_policy), ClientId::parse("one").unwrap(), ClientId::parse("other").unwrap());
        assert!(quota.spend(&one, 60, 0));
        assert!(!quota.spend(&one, 60, 1));
        assert!(quota.spend(&one, 40, 2), "what was refused does not count");
        assert!(quota.spend(&other, 100, 3));
        assert!(!quota.spend(&one, 1, 999_999));
        assert!(quota.spend(&one, 100, 1_000_000), "a new time, a new share");
    }
}
