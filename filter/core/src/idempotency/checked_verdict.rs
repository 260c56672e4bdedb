//! How far an edge trusts a verdict of the cache.
//!
//! An attacker may control the cache or the network to it. So an answer and a mismatch count only with the control
//! plane's seal; without one the durable row decides. The rest needs no seal. A lease that is granted twice ends at the
//! durable row, whose commit decides. "In flight" only delays, for a time that
//! [`InFlightLimit`](super::in_flight_limit::InFlightLimit) bounds. A forged fence is harmless, too: only the cache's
//! own record is compared with it, so at worst an answer is not stored there.

use super::protocol::RETRY_AFTER_MS_MAX;
use super::{Answer, ClaimRequest, Fence, Unproven, Verdict};
use crate::attestation::Keys;

/// The cache's verdict on a claim, after its proofs were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckedVerdict {
    /// The request is forwarded under this fence.
    Start { fence: Fence },
    /// The request was answered before, as the seal proves.
    Replay(Answer),
    /// Another request holds the lease. Retry after this time, at most [`RETRY_AFTER_MS_MAX`].
    InFlight { retry_after_ms: u32 },
    /// The key stands for a different request, as that one's seal proves.
    Mismatch,
    /// A different request under the key is in progress, which cannot be proven yet: treated like no verdict, but not
    /// suspicious.
    Contested,
    /// The verdict proves nothing, so it is treated like no verdict.
    Unproven(Unproven),
    /// No verdict: the cache was unavailable or too late, or its response was not a verdict.
    Unavailable,
}

impl CheckedVerdict {
    /// Checks the verdict on `claim`.
    #[must_use]
    pub fn new(verdict: Option<Verdict>, claim: &ClaimRequest, keys: &Keys) -> Self {
        let proven = match verdict {
            None => return Self::Unavailable,
            Some(Verdict::Start { fence }) => Ok(Self::Start { fence }),
            Some(Verdict::Replay(sealed)) => sealed.open(claim, keys).map(Self::Replay),
            Some(Verdict::InFlight { retry_after_ms }) => {
                Ok(Self::InFlight { retry_after_ms: retry_after_ms.clamp(1, RETRY_AFTER_MS_MAX) })
            }
            Some(Verdict::Mismatch { held: None }) => Ok(Self::Contested),
            Some(Verdict::Mismatch { held: Some(held) }) => {
                held.check_other(claim, keys).map(|()| Self::Mismatch)
            }
        };
        proven.unwrap_or_else(Self::Unproven)
    }

    /// The name in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Replay(_) => "replay",
            Self::InFlight { .. } => "in_flight",
            Self::Mismatch => "mismatch",
            Self::Contested => "contested",
            Self::Unproven(_) => "unproven",
            Self::Unavailable => "unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::{Fingerprint, Lease, Scope, SealedAnswer};
    use crate::test;

    fn keys() -> Keys {
        Keys::parse(&format!("k1:{}", "01".repeat(32))).unwrap()
    }

    fn claim(fingerprint: u8) -> ClaimRequest {
        ClaimRequest {
            scope: Scope::from_hex(&"ab".repeat(32)).unwrap(),
            fingerprint: Fingerprint::from_hex(&hex::encode([fingerprint; 32])).unwrap(),
            lease: Lease::from_ms(15_000).unwrap(),
        }
    }

    fn answer() -> Answer {
        Answer::new(200, "application/json".to_owned(), "{}".to_owned()).unwrap()
    }

    fn checked(verdict: Verdict, fingerprint: u8) -> CheckedVerdict {
        CheckedVerdict::new(Some(verdict), &claim(fingerprint), &keys())
    }

    fn sealed(keys: &Keys) -> SealedAnswer {
        SealedAnswer::new(answer(), &claim(1).scope, &claim(1).fingerprint, keys)
    }

    #[test]
    fn sealed_verdicts_are_trusted() {
        assert_eq!(checked(Verdict::Replay(sealed(&keys())), 1), CheckedVerdict::Replay(answer()));
        let held = sealed(&keys()).held(claim(1).fingerprint);
        assert_eq!(checked(Verdict::Mismatch { held: Some(held) }, 2), CheckedVerdict::Mismatch);
    }

    #[test]
    fn verdicts_with_a_strangers_seal_or_none_are_not_trusted() {
        let stranger = Keys::parse(&format!("k1:{}", "02".repeat(32))).unwrap();
        let altered = CheckedVerdict::Unproven(Unproven::Altered);
        assert_eq!(checked(Verdict::Replay(sealed(&stranger)), 1), altered);
        assert_eq!(checked(Verdict::Replay(sealed(&keys())), 2), altered, "another request's answer");
        let held = sealed(&stranger).held(claim(1).fingerprint);
        assert_eq!(checked(Verdict::Mismatch { held: Some(held) }, 2), altered);
    }

    #[test]
    fn a_mismatch_without_a_proof_is_contested() {
        assert_eq!(checked(Verdict::Mismatch { held: None }, 2), CheckedVerdict::Contested);
    }

    #[test]
    fn a_request_never_mismatches_itself() {
        let held = sealed(&keys()).held(claim(1).fingerprint);
        assert_eq!(
            checked(Verdict::Mismatch { held: Some(held) }, 1),
            CheckedVerdict::Unproven(Unproven::NoOther)
        );
    }

    #[test]
    fn the_retry_delay_is_at_most_a_second() {
        for (given, clamped) in [(0, 1), (250, 250), (1_001, 1_000), (u32::MAX, 1_000)] {
            let checked = checked(Verdict::InFlight { retry_after_ms: given }, 1);
            assert_eq!(checked, CheckedVerdict::InFlight { retry_after_ms: clamped });
        }
    }
}
