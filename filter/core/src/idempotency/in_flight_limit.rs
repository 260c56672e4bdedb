//! Limits how long the cache may report a key as in flight.

use std::collections::{HashMap, VecDeque};

use super::{ClaimRequest, Scope};

/// How many keys a worker tracks, at about 100 bytes each. Past that, the oldest is forgotten and starts from zero.
const KEYS_MAX: usize = 1_024;

/// How long a key is tracked, in seconds, unless four leases are longer. A client that retries less often is only
/// delayed once more.
const COUNTED_FOR_S: u64 = 600;

/// When a worker first answered that a key is in flight. An honest cache reports so until a lease ends, and during
/// one more lease if another request took it; a cache that reports so for longer blocks a key that no request holds.
#[derive(Debug, Default)]
pub(super) struct InFlightLimit {
    since: HashMap<Scope, u64>,
    /// The same, by age.
    order: VecDeque<(u64, Scope)>,
}

impl InFlightLimit {
    /// Whether the key of `claim`, reported in flight at `now_s` (Unix seconds), may still be in flight.
    pub(super) fn allows(&mut self, claim: &ClaimRequest, now_s: u64) -> bool {
        let lease_s = u64::from(claim.lease.as_ms()).div_ceil(1_000);
        let counted_for_s = COUNTED_FOR_S.max(4 * lease_s);
        self.forget(|since, known| now_s.saturating_sub(since) >= counted_for_s || known > KEYS_MAX);
        match self.since.get(&claim.scope) {
            Some(since) => now_s.saturating_sub(*since) <= 2 * lease_s,
            None => {
                self.since.insert(claim.scope, now_s);
                self.order.push_back((now_s, claim.scope));
                self.forget(|_, known| known > KEYS_MAX);
                true
            }
        }
    }

    fn forget(&mut self, is_over: impl Fn(u64, usize) -> bool) {
        while let Some((since, scope)) = self.order.front().copied()
            && is_over(since, self.order.len())
        {
            self.order.pop_front();
            self.since.remove(&scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::{Fingerprint, Lease};
    use crate::test;

    const NOW: u64 = 1_764_000_000;

    fn claim(n: u32, lease_ms: u32) -> ClaimRequest {
        let mut scope = [0; 32];
        scope[..4].copy_from_slice(&n.to_be_bytes());
        ClaimRequest {
            scope: Scope::from_hex(&hex::encode(scope)).unwrap(),
            fingerprint: Fingerprint::from_hex(&"cd".repeat(32)).unwrap(),
            lease: Lease::from_ms(lease_ms).unwrap(),
        }
    }

    #[test]
    fn a_key_is_in_flight_for_at_most_two_leases() {
        let (mut limit, claim) = (InFlightLimit::default(), claim(1, 15_000));
        for (after_s, allows) in [(0, true), (15, true), (30, true), (31, false), (599, false)] {
            assert_eq!(limit.allows(&claim, NOW + after_s), allows, "{after_s}");
        }
    }

    #[test]
    fn a_key_without_requests_for_long_starts_from_zero() {
        let (mut limit, claim) = (InFlightLimit::default(), claim(1, 15_000));
        assert!(limit.allows(&claim, NOW));
        assert!(limit.allows(&claim, NOW + 600));
        assert!(!limit.allows(&claim, NOW + 631));
    }

    #[test]
    fn a_long_lease_is_waited_for() {
        let (mut limit, claim) = (InFlightLimit::default(), claim(1, 600_000));
        for (after_s, allows) in [(0, true), (1_200, true), (1_201, false), (2_399, false)] {
            assert_eq!(limit.allows(&claim, NOW + after_s), allows, "{after_s}");
        }
    }

    #[test]
    fn the_number_of_tracked_keys_is_bounded() {
        let mut limit = InFlightLimit::default();
        for n in 0..5_000 {
            assert!(limit.allows(&claim(n, 15_000), NOW));
        }
        assert_eq!((limit.since.len(), limit.order.len()), (KEYS_MAX, KEYS_MAX));
        assert!(!limit.allows(&claim(4_999, 15_000), NOW + 31), "the latest are tracked");
    }

    #[test]
    fn a_clock_that_is_set_back_is_harmless() {
        let (mut limit, claim) = (InFlightLimit::default(), claim(1, 15_000));
        assert!(limit.allows(&claim, NOW));
        assert!(limit.allows(&claim, NOW - 1_000));
    }
}
