//! The rules of the cache: which request may execute, and which verdict every other one gets.

use std::time::Duration;

use super::{ClaimRequest, Fence, Fingerprint, SealedAnswer, Verdict};

/// How long the cache remembers a claim after its lease, so that a late answer is stored, too. An operation takes less:
/// at most two and a half times `PROVIDER_TIMEOUT_SECONDS`, which is 10 by default.
pub const KEPT_AFTER_LEASE: Duration = Duration::from_secs(60);

/// The cache's state of one scope. Times are microseconds since 1970 by the cache's clock, which may be set back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// Unknown or forgotten.
    #[default]
    Free,
    /// A request is executing, or its process has died. After the lease any request may take the next one: only the
    /// control plane knows what was executed, and the request that never completed may have been the wrong one.
    Leased {
        fingerprint: Fingerprint,
        fence: Fence,
        lease_until_us: u64,
        until_us: u64,
    },
    Answered {
        fingerprint: Fingerprint,
        fence: Fence,
        since_us: u64,
        until_us: u64,
        answer: SealedAnswer,
    },
}

/// The result of a change that presented a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    /// The record is as requested, by this call or by an identical earlier one.
    Applied,
    /// The lease is lost: another request holds a later one, or the cache has forgotten this one. Nothing changed.
    Stale,
}

impl Record {
    /// Requests the lease. `latest` is the highest fence that the cache remembers granting: no two leases get the same
    /// fence.
    pub fn claim(&mut self, claim: &ClaimRequest, latest: Option<Fence>, now_us: u64) -> Verdict {
        let fingerprint = claim.fingerprint;
        if let Some(verdict) = self.verdict(fingerprint, now_us) {
            return verdict;
        }
        let fence = Fence::after(self.fence().max(latest), now_us);
        let lease_until_us = now_us.saturating_add(claim.lease.as_us());
        let until_us = lease_until_us.saturating_add(us(KEPT_AFTER_LEASE));
        *self = Self::Leased { fingerprint, fence, lease_until_us, until_us };
        Verdict::Start { fence }
    }

    /// Stores the answer of the lease `fence` for `kept_for`. The first answer wins. It may come after the lease, as
    /// long as no other request has taken the next one.
    pub fn complete(
        &mut self,
        fence: Fence,
        answer: &SealedAnswer,
        kept_for: Duration,
        now_us: u64,
    ) -> Fenced {
        if self.is_forgotten(now_us) || self.fence() != Some(fence) {
            return Fenced::Stale;
        }
        if let Self::Leased { fingerprint, .. } = *self {
            let until_us = now_us.saturating_add(us(kept_for));
            *self = Self::Answered { fingerprint, fence, since_us: now_us, until_us, answer: answer.clone() };
        }
        Fenced::Applied
    }

    /// Releases the lease `fence` because nothing was executed: the key is free again.
    pub fn release(&mut self, fence: Fence, now_us: u64) -> Fenced {
        match self {
            Self::Leased { fence: held, .. } if *held == fence && !self.is_forgotten(now_us) => {
                *self = Self::Free;
                Fenced::Applied
            }
            _ => Fenced::Stale,
        }
    }

    /// Whether its retention has ended.
    #[must_use]
    pub const fn is_forgotten(&self, now_us: u64) -> bool {
        match self {
            Self::Free => true,
            Self::Leased { until_us, .. } | Self::Answered { until_us, .. } => *until_us <= now_us,
        }
    }

    /// From when on no request can be executing under it: a full cache evicts the earliest first.
    #[must_use]
    pub const fn idle_from_us(&self) -> u64 {
        match self {
            Self::Free => 0,
            Self::Leased { lease_until_us, .. } => *lease_until_us,
            Self::Answered { since_us, .. } => *since_us,
        }
    }

    /// The verdict on a claim that changes nothing; `None` if the lease is free.
    fn verdict(&self, fingerprint: Fingerprint, now_us: u64) -> Option<Verdict> {
        if self.is_forgotten(now_us) {
            return None;
        }
        match self {
            Self::Free => None,
            Self::Leased { fingerprint: held, lease_until_us, .. } => {
                let left_us = lease_until_us.checked_sub(now_us).filter(|left| *left > 0)?;
                Some(match *held == fingerprint {
                    true => Verdict::in_flight(left_us),
                    false => Verdict::Mismatch { held: None },
                })
            }
            Self::Answered { fingerprint: held, answer, .. } => Some(match *held == fingerprint {
                true => Verdict::Replay(answer.clone()),
                false => Verdict::Mismatch { held: Some(answer.held(*held)) },
            }),
        }
    }

    const fn fence(&self) -> Option<Fence> {
        match self {
            Self::Free => None,
            Self::Leased { fence, .. } | Self::Answered { fence, .. } => Some(*fence),
        }
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attestation::Keys;
    use crate::idempotency::{Answer, Lease, Scope};
    use crate::test;

    const NOW: u64 = 1_764_000_000_000_000;
    const LEASE_US: u64 = 30_000_000;
    const DAY_US: u64 = 86_400_000_000;
    const KEPT_FOR: Duration = Duration::from_secs(300);
    const KEPT_US: u64 = 300_000_000;
    const AFTER_LEASE_US: u64 = 60_000_000;

    fn fingerprint(n: u8) -> Fingerprint {
        Fingerprint::new("POST", "/payments/charge", "", b"application/json", &[n])
    }

    fn keys() -> Keys {
        Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
    }

    fn answer(body: &str) -> SealedAnswer {
        let answer = Answer::new(200, "application/json".to_owned(), body.to_owned()).unwrap();
        SealedAnswer::new(answer, &scope(), &fingerprint(1), &keys())
    }

    fn scope() -> Scope {
        Scope::from_hex(&"ab".repeat(32)).unwrap()
    }

    fn asked(n: u8, lease_ms: u32) -> ClaimRequest {
        ClaimRequest { scope: scope(), fingerprint: fingerprint(n), lease: Lease::from_ms(lease_ms).unwrap() }
    }

    fn claim(record: &mut Record, n: u8, now_us: u64) -> Verdict {
        record.claim(&asked(n, 30_000), None, now_us)
    }

    fn complete(record: &mut Record, fence: Fence, body: &str, now_us: u64) -> Fenced {
        record.complete(fence, &answer(body), KEPT_FOR, now_us)
    }

    fn is_mismatch(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Mismatch { .. })
    }

    fn start(record: &mut Record, now_us: u64) -> Fence {
        match claim(record, 1, now_us) {
            Verdict::Start { fence } => fence,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_claim_starts_and_the_second_is_in_flight() {
        let mut record = Record::Free;
        assert_eq!(start(&mut record, NOW).get(), NOW);
        assert_eq!(
            claim(&mut record, 1, NOW + LEASE_US - 250_000),
            Verdict::InFlight { retry_after_ms: 250 }
        );
    }

    #[test]
    fn after_the_lease_the_next_claim_gets_a_higher_fence() {
        let mut record = Record::Free;
        let first = start(&mut record, NOW);
        assert!(start(&mut record, NOW + LEASE_US) > first);
    }

    #[test]
    fn a_fence_rises_even_when_the_clock_falls() {
        let mut record = Record::Free;
        let first = start(&mut record, NOW);
        // Expired by a clock that was set back to long before the fence.
        let Record::Leased { lease_until_us, .. } = &mut record else { panic!("{record:?}") };
        *lease_until_us = 0;
        assert_eq!(start(&mut record, NOW - DAY_US).get(), first.get() + 1);
    }

    #[test]
    fn no_two_leases_get_the_same_fence() {
        let mut record = Record::Free;
        let first = start(&mut record, NOW);
        record.release(first, NOW);
        let verdict = record.claim(&asked(1, 1), Some(first), NOW);
        assert_eq!(verdict, Verdict::Start { fence: Fence::new(first.get() + 1).unwrap() });
    }

    #[test]
    fn another_request_is_a_mismatch_during_the_lease_and_after_the_answer() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        assert_eq!(claim(&mut record, 2, NOW + LEASE_US - 1), Verdict::Mismatch { held: None });
        complete(&mut record, fence, "a", NOW + LEASE_US);
        let proof = Some(answer("a").held(fingerprint(1)));
        assert_eq!(claim(&mut record, 2, NOW + LEASE_US + 1), Verdict::Mismatch { held: proof });
    }

    #[test]
    fn a_wrong_request_whose_process_died_does_not_block_the_right_one() {
        let mut record = Record::Free;
        assert!(matches!(claim(&mut record, 2, NOW), Verdict::Start { .. }));
        assert!(matches!(claim(&mut record, 1, NOW + LEASE_US), Verdict::Start { .. }));
        assert!(is_mismatch(&claim(&mut record, 2, NOW + LEASE_US + 1)));
    }

    #[test]
    fn an_answer_is_replayed_for_as_long_as_it_is_kept() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        assert_eq!(complete(&mut record, fence, "a", NOW + 1), Fenced::Applied);
        assert_eq!(claim(&mut record, 1, NOW + KEPT_US), Verdict::Replay(answer("a")));
        assert!(start(&mut record, NOW + 1 + KEPT_US) > fence);
    }

    #[test]
    fn a_late_answer_is_stored_if_no_other_lease_was_granted() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        assert_eq!(complete(&mut record, fence, "a", NOW + 2 * LEASE_US), Fenced::Applied);
        assert_eq!(claim(&mut record, 1, NOW + 2 * LEASE_US), Verdict::Replay(answer("a")));
    }

    #[test]
    fn a_stale_fence_never_wins() {
        let mut record = Record::Free;
        let first = start(&mut record, NOW);
        let second = start(&mut record, NOW + LEASE_US);
        for now_us in [NOW + LEASE_US, NOW + 2 * LEASE_US] {
            assert_eq!(complete(&mut record, first, "late", now_us), Fenced::Stale);
            assert_eq!(record.release(first, now_us), Fenced::Stale);
        }
        assert_eq!(complete(&mut record, second, "b", NOW + 2 * LEASE_US), Fenced::Applied);
        assert_eq!(complete(&mut record, first, "late", NOW + 2 * LEASE_US), Fenced::Stale);
        assert_eq!(claim(&mut record, 1, NOW + 2 * LEASE_US), Verdict::Replay(answer("b")));
    }

    #[test]
    fn the_first_answer_wins_and_completing_again_is_harmless() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        complete(&mut record, fence, "a", NOW);
        assert_eq!(complete(&mut record, fence, "b", NOW), Fenced::Applied);
        assert_eq!(record.release(fence, NOW), Fenced::Stale);
        assert_eq!(claim(&mut record, 1, NOW), Verdict::Replay(answer("a")));
    }

    #[test]
    fn a_released_key_accepts_any_request() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        assert_eq!(record.release(fence, NOW + 1), Fenced::Applied);
        assert!(matches!(claim(&mut record, 2, NOW + 2), Verdict::Start { .. }));
    }

    #[test]
    fn a_forgotten_claim_cannot_be_completed() {
        let mut record = Record::Free;
        let fence = start(&mut record, NOW);
        let forgotten_us = NOW + LEASE_US + AFTER_LEASE_US;
        assert_eq!(record.clone().complete(fence, &answer("a"), KEPT_FOR, forgotten_us - 1), Fenced::Applied);
        assert_eq!(complete(&mut record, fence, "a", forgotten_us), Fenced::Stale);
        assert_eq!(Record::Free.complete(fence, &answer("a"), KEPT_FOR, NOW), Fenced::Stale);
        assert_eq!(Record::Free.release(fence, NOW), Fenced::Stale);
    }
}
