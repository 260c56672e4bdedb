//! What an edge believes of what the cache says.
//!
//! The cache and the wire to it may be an attacker's. So an answer and a mismatch count only with the control plane's
//! seal; without one the durable row is asked. The rest needs no seal. A turn that is given twice meets the durable row,
//! whose commit decides. "In flight" only delays, for a time that [`InFlightLimit`](super::in_flight_limit::InFlightLimit) bounds. A
//! made-up fence does no harm either: only the cache's own record is compared with it, so the worst it can do is that an
//! answer is not kept there.

use super::protocol::RETRY_AFTER_MS_MAX;
use super::{Answer, ClaimRequest, Fence, Unproven, Verdict};
use crate::attestation::Keys;

/// The cache's checked on a claim, as far as it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckedVerdict {
    /// The request goes on under this fence.
    Start { fence: Fence },
    /// It was answered before, proven by the seal of who answered.
    Replay(Answer),
    /// Another request's turn. Asking again makes sense after this time, at most [`RETRY_AFTER_MS_MAX`].
    InFlight { retry_after_ms: u32 },
    /// The key stands for another request, proven by that one's seal.
    Mismatch,
    /// Another request under the key is being worked on, it is said, which nobody can prove: it is as if nothing was said,
    /// and no reason to complain.
    Contested,
    /// What was said proves nothing, so it is as if nothing was said.
    Unproven(Unproven),
    /// Nothing was said: the cache could not be asked, was too late, or what came is no verdict.
    Unavailable,
}

impl CheckedVerdict {
    /// What the verdict on `claim` is worth.
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
    fn what_is_sealed_is_believed() {
        assert_eq!(checked(Verdict::Replay(sealed(&keys())), 1), CheckedVerdict::Replay(answer()));
        let held = sealed(&keys()).held(claim(1).fingerprint);
        assert_eq!(checked(Verdict::Mismatch { held: Some(held) }, 2), CheckedVerdict::Mismatch);
    }

    #[test]
    fn what_a_stranger_sealed_or_nobody_is_not() {
        let stranger = Keys::parse(&format!("k1:{}", "02".repeat(32))).unwrap();
        let altered = CheckedVerdict::Unproven(Unproven::Altered);
        assert_eq!(checked(Verdict::Replay(sealed(&stranger)), 1), altered);
        assert_eq!(checked(Verdict::Replay(sealed(&keys())), 2), altered, "another request's answer");
        let held = sealed(&stranger).held(claim(1).fingerprint);
        assert_eq!(checked(Verdict::Mismatch { held: Some(held) }, 2), altered);
    }

    #[test]
    fn a_mismatch_without_a_proof_is_not_one() {
        assert_eq!(checked(Verdict::Mismatch { held: None }, 2), CheckedVerdict::Contested);
    }

    #[test]
    fn a_request_is_never_a_mismatch_of_itself() {
        let held = sealed(&keys()).held(claim(1).fingerprint);
        assert_eq!(
            checked(Verdict::Mismatch { held: Some(held) }, 1),
            CheckedVerdict::Unproven(Unproven::NoOther)
        );
    }

    #[test]
    fn nobody_is_sent_away_for_longer_than_a_second_at_a_time() {
        for (said, told) in [(0, 1), (250, 250), (1_001, 1_000), (u32::MAX, 1_000)] {
            let checked = checked(Verdict::InFlight { retry_after_ms: said }, 1);
            assert_eq!(checked, CheckedVerdict::InFlight { retry_after_ms: told });
        }
    }
}
