//! One worker's view of the cache.

use super::in_flight_limit::InFlightLimit;
use super::{CheckedVerdict, ClaimRequest, Recent, Unproven, Verdict};
use crate::attestation::Keys;

/// How often a worker logs that it does not trust the cache, in seconds; the metric counts every case.
const WARNING_EVERY_S: u64 = 10;

/// What a worker trusts and remembers of the cache's verdicts.
#[derive(Debug)]
pub struct CacheView {
    recent: Recent,
    in_flight_limit: InFlightLimit,
    /// When it last logged a warning, in Unix seconds.
    warned_at_s: Option<u64>,
    /// Unproven verdicts since then.
    unproven: u64,
}

impl CacheView {
    /// Remembers `answers_max` answers of a few hundred bytes each; 0 remembers nothing.
    #[must_use]
    pub fn new(answers_max: usize) -> Self {
        Self {
            recent: Recent::new(answers_max),
            in_flight_limit: InFlightLimit::default(),
            warned_at_s: None,
            unproven: 0,
        }
    }

    /// The cache's verdict, if this worker knows it.
    #[must_use]
    pub fn known_verdict(&self, claim: &ClaimRequest) -> Option<CheckedVerdict> {
        self.recent.verdict(claim)
    }

    /// Checks the cache's verdict at `now_s` (Unix seconds). Final answers are remembered.
    pub fn check(
        &mut self,
        claim: &ClaimRequest,
        verdict: Option<Verdict>,
        keys: &Keys,
        now_s: u64,
    ) -> CheckedVerdict {
        match CheckedVerdict::new(verdict, claim, keys) {
            CheckedVerdict::InFlight { .. } if !self.in_flight_limit.allows(claim, now_s) => {
                CheckedVerdict::Unproven(Unproven::TooLong)
            }
            checked => {
                self.recent.remember(claim, &checked, now_s);
                checked
            }
        }
    }

    /// The warning to log about `checked` at `now_s` (Unix seconds): none if it was trusted, or if the last warning was
    /// a moment ago.
    pub fn warning(&mut self, checked: &CheckedVerdict, now_s: u64) -> Option<String> {
        let CheckedVerdict::Unproven(why) = checked else { return None };
        self.unproven += 1;
        if self.warned_at_s.is_some_and(|at_s| now_s.abs_diff(at_s) < WARNING_EVERY_S) {
            return None;
        }
        self.warned_at_s = Some(now_s);
        let count = std::mem::take(&mut self.unproven);
        Some(format!(
            "the edge cache is not trusted and counts as unavailable: {why} ({count} such verdicts since the last warning)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::{Answer, Fingerprint, Lease, Scope, SealedAnswer};
    use crate::test;

    const NOW: u64 = 1_764_000_000;

    fn keys() -> Keys {
        Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
    }

    fn claim() -> ClaimRequest {
        ClaimRequest {
            scope: Scope::from_hex(&"ab".repeat(32)).unwrap(),
            fingerprint: Fingerprint::from_hex(&"cd".repeat(32)).unwrap(),
            lease: Lease::from_ms(15_000).unwrap(),
        }
    }

    fn replay(keys: &Keys) -> (Option<Verdict>, CheckedVerdict) {
        let answer = Answer::new(200, "application/json".to_owned(), "{}".to_owned()).unwrap();
        let sealed = SealedAnswer::new(answer.clone(), &claim().scope, &claim().fingerprint, keys);
        (Some(Verdict::Replay(sealed)), CheckedVerdict::Replay(answer))
    }

    #[test]
    fn only_proven_answers_are_remembered() {
        let stranger = Keys::parse(&format!("k1:{}", "02".repeat(32))).unwrap();
        let mut view = CacheView::new(8);
        let forged = view.check(&claim(), replay(&stranger).0, &keys(), NOW);
        assert_eq!(forged, CheckedVerdict::Unproven(Unproven::Altered));
        assert_eq!(view.known_verdict(&claim()), None);
        let (verdict, checked) = replay(&keys());
        assert_eq!(view.check(&claim(), verdict, &keys(), NOW), checked);
        assert_eq!(view.known_verdict(&claim()), Some(checked));
    }

    #[test]
    fn a_key_that_stays_in_flight_forever_is_not_trusted() {
        let mut view = CacheView::new(8);
        let in_flight = Some(Verdict::InFlight { retry_after_ms: 500 });
        for after_s in [0, 10, 20, 30] {
            let checked = view.check(&claim(), in_flight.clone(), &keys(), NOW + after_s);
            assert_eq!(checked, CheckedVerdict::InFlight { retry_after_ms: 500 });
        }
        let checked = view.check(&claim(), in_flight, &keys(), NOW + 40);
        assert_eq!(checked, CheckedVerdict::Unproven(Unproven::TooLong));
    }

    #[test]
    fn warnings_come_at_once_and_then_at_most_every_ten_seconds() {
        let mut view = CacheView::new(0);
        let forged = CheckedVerdict::Unproven(Unproven::Unsealed);
        assert_eq!(view.warning(&CheckedVerdict::Unavailable, NOW), None);
        assert!(view.warning(&forged, NOW).unwrap().contains("(1 such"));
        for after_s in [0, 1, 9] {
            assert_eq!(view.warning(&forged, NOW + after_s), None);
        }
        assert!(view.warning(&forged, NOW + 10).unwrap().contains("(4 such"));
    }
}
