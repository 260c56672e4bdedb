//! The HTTP protocol between the edge and the cache.
//!
//! `POST /claims` with 1 to [`CLAIMS_MAX`] [`ClaimRequest`]s as a JSON array, signed as an attestation without a client
//! ([`crate::attestation`]), answered by as many [`Verdict`]s in the same order, `null` for a claim that the cache
//! could not decide. Only 200 with the marker header and these verdicts is an answer: a response that a proxy
//! synthesizes while the cache is unavailable (503, 504, no headers at all) says nothing about the claims.

use serde::{Deserialize, Serialize};

use super::{CLAIMS_MAX, Fence, Fingerprint, Lease, MismatchProof, Scope, SealedAnswer};
use crate::attestation::{self, Audience, Keys, Statement};

/// The path that claims are posted to.
pub const CLAIMS_PATH: &str = "/claims";

/// The header that distinguishes the cache's answers from a proxy's, in lower case.
pub const MARKER_HEADER: &str = "x-edge-cache";

/// The value of [`MARKER_HEADER`]: the version of this protocol.
pub const MARKER: &str = "2";

/// The longest retry delay that the cache advises, in milliseconds. Most operations end long before their lease.
pub const RETRY_AFTER_MS_MAX: u32 = 1_000;

/// Asks for the lease to execute a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimRequest {
    pub scope: Scope,
    pub fingerprint: Fingerprint,
    #[serde(rename = "leaseMs")]
    pub lease: Lease,
}

/// Claims ready to be sent to [`CLAIMS_PATH`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimCall {
    /// The value of [`attestation::HEADER`].
    pub attestation: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// The cache's answer to a claim. It may come from an attacker who controls the cache or the network, so it is trusted
/// only as a [`CheckedVerdict`](super::CheckedVerdict).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// The lease is granted. Completing or releasing the claim requires the fence.
    Start { fence: Fence },
    /// The request was answered before; this is the answer.
    Replay(SealedAnswer),
    /// Another request holds the lease. Retry after this time, 1 to [`RETRY_AFTER_MS_MAX`].
    InFlight { retry_after_ms: u32 },
    /// The key stands for a different request.
    Mismatch {
        /// The proof. There is none while the other request is in progress.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<MismatchProof>,
    },
}

impl ClaimCall {
    /// The call that sends these claims at `now_s` (Unix seconds), the first of them for the request `request_id`.
    #[must_use]
    pub fn new(claims: &[ClaimRequest], keys: &Keys, request_id: &str, now_s: u64) -> Self {
        // Hashes and numbers always serialize; an empty body would only be rejected.
        let body = serde_json::to_vec(claims).unwrap_or_default();
        let signer = Statement::anonymous(request_id.to_owned());
        let request = attestation::Request::new("POST", CLAIMS_PATH, &body).to(Audience::EdgeCache);
        Self { attestation: keys.sign(&request, &signer, now_s), body }
    }
}

impl ClaimRequest {
    /// Parses the claims of one call.
    ///
    /// # Errors
    /// Names the field and what would be right.
    pub fn read_all(body: &[u8]) -> Result<Vec<Self>, serde_json::Error> {
        let claims: Vec<Self> = serde_json::from_slice(body)?;
        match claims.len() {
            1..=CLAIMS_MAX => Ok(claims),
            other => {
                let message = format!("{other} claims in one call; there must be 1 to {CLAIMS_MAX}");
                Err(serde::de::Error::custom(message))
            }
        }
    }
}

impl Verdict {
    /// The verdict for a claim that arrived `left_us` microseconds before another request's lease ends.
    #[must_use]
    pub fn in_flight(left_us: u64) -> Self {
        let left_ms = u32::try_from(left_us.div_ceil(1_000)).unwrap_or(RETRY_AFTER_MS_MAX);
        Self::InFlight { retry_after_ms: left_ms.clamp(1, RETRY_AFTER_MS_MAX) }
    }

    /// Parses the verdicts on `claims` claims from an HTTP response: its status, the value of [`MARKER_HEADER`], its
    /// body. `None` for anything but the cache's answer to these claims; any of them may then have been granted or not.
    #[must_use]
    pub fn read_all(
        status: u16,
        marker: Option<&[u8]>,
        body: &[u8],
        claims: usize,
    ) -> Option<Vec<Option<Self>>> {
        let ours = status == 200 && marker == Some(MARKER.as_bytes());
        let verdicts: Vec<Option<Self>> = ours.then(|| serde_json::from_slice(body).ok()).flatten()?;
        (verdicts.len() == claims).then_some(verdicts)
    }

    /// The body of the HTTP response.
    #[must_use]
    pub fn encode_all(verdicts: &[Option<Self>]) -> Vec<u8> {
        // Numbers and strings always serialize; an empty body would only count as no answer.
        serde_json::to_vec(verdicts).unwrap_or_default()
    }

    /// The name in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Replay(_) => "replay",
            Self::InFlight { .. } => "in_flight",
            Self::Mismatch { .. } => "mismatch",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::Answer;
    use crate::test;

    const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";
    const NOW: u64 = 1_764_000_000;

    fn claim() -> ClaimRequest {
        ClaimRequest {
            scope: Scope::from_hex(&"ab".repeat(32)).unwrap(),
            fingerprint: Fingerprint::from_hex(&"cd".repeat(32)).unwrap(),
            lease: Lease::from_ms(30_000).unwrap(),
        }
    }

    /// The one verdict in a valid answer.
    fn read(verdict: &str) -> Option<Verdict> {
        Verdict::read_all(200, Some(b"2"), format!("[{verdict}]").as_bytes(), 1)?.pop()?
    }

    #[test]
    fn a_call_has_the_documented_form_and_is_attested() {
        let keys = Keys::parse(KEYS).unwrap();
        let call = ClaimCall::new(&[claim(), claim()], &keys, "7d1b", NOW);
        let one = format!(
            r#"{{"scope":"{}","fingerprint":"{}","leaseMs":30000}}"#,
            "ab".repeat(32),
            "cd".repeat(32)
        );
        assert_eq!(String::from_utf8(call.body.clone()).unwrap(), format!("[{one},{one}]"));
        assert_eq!(ClaimRequest::read_all(&call.body).unwrap(), [claim(), claim()]);
        let seen = attestation::Request::new("POST", "/claims", &call.body).to(Audience::EdgeCache);
        let statement = keys.verify(call.attestation.as_bytes(), &seen, NOW).unwrap();
        assert_eq!(statement, Statement::anonymous("7d1b".to_owned()));
    }

    #[test]
    fn invalid_claims_are_rejected_with_the_field_named() {
        let hash = "ab".repeat(32);
        let good = serde_json::to_string(&claim()).unwrap();
        let bodies = [
            ("{}".to_owned(), "sequence"),
            (good.clone(), "sequence"),
            ("[]".to_owned(), "1 to 64"),
            (format!("[{}{good}]", format!("{good},").repeat(64)), "65 claims"),
            (format!("[{good},{{}}]"), "scope"),
            (format!(r#"[{{"scope":"ab","fingerprint":"{hash}","leaseMs":1}}]"#), "64 hex digits"),
            (format!(r#"[{{"scope":"{hash}","fingerprint":"{hash}","leaseMs":0}}]"#), "1 to 600000"),
            (format!(r#"[{{"scope":"{hash}","fingerprint":"{hash}","leaseMs":600001}}]"#), "1 to 600000"),
            (format!(r#"[{{"scope":"{hash}","fingerprint":"{hash}","leaseMs":1,"owner":1}}]"#), "owner"),
            (
                format!(r#"[{{"scope":"{hash}","scope":"{hash}","fingerprint":"{hash}","leaseMs":1}}]"#),
                "scope",
            ),
        ];
        for (body, named) in bodies {
            let error = ClaimRequest::read_all(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn verdicts_have_the_documented_form() {
        let answer = Answer::new(200, "application/json".to_owned(), "{\"a\":\"é\\n\"}".to_owned()).unwrap();
        let keys = Keys::parse(KEYS).unwrap();
        let answer = SealedAnswer::new(answer, &claim().scope, &claim().fingerprint, &keys);
        let held = answer.held(claim().fingerprint);
        let verdicts = [
            (
                Verdict::Start { fence: Fence::new(1_764_000_000_000_000).unwrap() },
                r#"{"verdict":"start","fence":1764000000000000}"#,
            ),
            (
                Verdict::Replay(answer),
                r#"{"verdict":"replay","status":200,"contentType":"application/json","body":"{\"a\":\"é\\n\"}","seal":"k1.t8Tv4fTnWaIqo97iKaIUt6BEqkatLsySuVdS1p6bdN4"}"#,
            ),
            (Verdict::InFlight { retry_after_ms: 250 }, r#"{"verdict":"in_flight","retryAfterMs":250}"#),
            (
                Verdict::Mismatch { held: Some(held) },
                r#"{"verdict":"mismatch","held":{"fingerprint":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd","answer":"a7b4a3611781c4e7b2003049d59a63c8929e0f4c7821a50b46c7f48d12b205a5","seal":"k1.t8Tv4fTnWaIqo97iKaIUt6BEqkatLsySuVdS1p6bdN4"}}"#,
            ),
        ];
        for (verdict, text) in verdicts {
            let encoded = Verdict::encode_all(&[Some(verdict.clone())]);
            assert_eq!(String::from_utf8(encoded).unwrap(), format!("[{text}]"));
            assert_eq!(read(text), Some(verdict));
        }
    }

    #[test]
    fn verdicts_of_an_earlier_release_parse_without_proofs() {
        let replay = r#"{"verdict":"replay","status":200,"contentType":"application/json","body":"{}"}"#;
        assert!(matches!(read(replay), Some(Verdict::Replay(_))));
        assert_eq!(read(r#"{"verdict":"mismatch"}"#), Some(Verdict::Mismatch { held: None }));
    }

    #[test]
    fn each_claim_has_a_verdict_or_null() {
        let verdicts =
            [Some(Verdict::Mismatch { held: None }), None, Some(Verdict::InFlight { retry_after_ms: 1 })];
        let body = Verdict::encode_all(&verdicts);
        assert_eq!(Verdict::read_all(200, Some(b"2"), &body, 3).unwrap(), verdicts);
        for other in [0, 1, 2, 4] {
            assert_eq!(Verdict::read_all(200, Some(b"2"), &body, other), None, "an answer to {other} claims");
        }
    }

    #[test]
    fn a_synthetic_response_of_a_proxy_is_no_verdict() {
        let start = br#"[{"verdict":"start","fence":1}]"#;
        let read = |status, marker, body| Verdict::read_all(status, marker, body, 1);
        assert!(read(200, Some(b"2"), start).is_some());
        assert_eq!(read(503, None, b""), None, "refused or reset");
        assert_eq!(read(504, None, b"upstream request timeout"), None, "too late");
        assert_eq!(read(0, None, b""), None, "no headers at all");
        assert_eq!(read(200, None, start), None, "another server's 200");
        assert_eq!(read(200, Some(b"1"), start), None, "another version");
        assert_eq!(read(503, Some(b"2"), start), None, "the cache's store is unavailable");
    }

    #[test]
    fn a_malformed_verdict_is_no_verdict() {
        let bodies = [
            "",
            "null",
            "start",
            "{}",
            r#"{"verdict":"start"}"#,
            r#"{"verdict":"start","fence":0}"#,
            r#"{"verdict":"start","fence":9007199254740992}"#,
            r#"{"verdict":"start","fence":1.5}"#,
            r#"{"verdict":"start","fence":1"#,
            r#"{"verdict":"start","fence":1}{}"#,
            r#"{"verdict":"start","verdict":"mismatch","fence":1}"#,
            r#"{"verdict":"START","fence":1}"#,
            r#"{"verdict":"in_flight"}"#,
            r#"{"verdict":"replay","status":200,"contentType":"application/json"}"#,
            r#"{"verdict":"replay","status":500,"contentType":"application/json","body":""}"#,
            r#"{"verdict":"replay","status":200,"contentType":"a\r\nb: c","body":""}"#,
        ];
        for body in bodies {
            assert_eq!(read(body), None, "{body}");
        }
        for body in [&b""[..], b"[", b"{}", b"null", b"[{\"verdict\":\"mismatch\"}]{}", &[0xff]] {
            assert_eq!(Verdict::read_all(200, Some(b"2"), body, 1), None);
        }
    }

    #[test]
    fn the_retry_delay_is_short_and_never_zero() {
        let advice = [(0, 1), (1, 1), (1_001, 2), (250_000, 250), (30_000_000, 1_000), (u64::MAX, 1_000)];
        for (left_us, retry_after_ms) in advice {
            assert_eq!(Verdict::in_flight(left_us), Verdict::InFlight { retry_after_ms });
        }
    }
}
