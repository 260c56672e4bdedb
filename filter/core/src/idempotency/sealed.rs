//! Answers as the cache stores them, and what they prove to an edge.

use serde::{Deserialize, Serialize};

use super::seal::{Digest, Seal, Unproven};
use super::{Answer, AnswerError, ClaimRequest, Fingerprint, Scope};
use crate::attestation::Keys;

/// An answer as the cache stores it, sealed by the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Unchecked")]
pub struct SealedAnswer {
    #[serde(flatten)]
    answer: Answer,
    seal: Seal,
}

/// The proof that a key is used: the request that it stands for, and the digest of its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MismatchProof {
    fingerprint: Fingerprint,
    answer: Digest,
    seal: Seal,
}

impl SealedAnswer {
    /// Seals the answer to this request under this key.
    #[must_use]
    pub fn new(answer: Answer, scope: &Scope, fingerprint: &Fingerprint, keys: &Keys) -> Self {
        let seal = Seal::make(keys, scope, fingerprint, &Digest::of(&answer));
        Self { answer, seal }
    }

    /// The answer, if its seal proves that it is the one to this claim's request.
    ///
    /// # Errors
    /// Why the seal proves nothing.
    pub fn open(self, claim: &ClaimRequest, keys: &Keys) -> Result<Answer, Unproven> {
        self.seal.check(keys, &claim.scope, &claim.fingerprint, &Digest::of(&self.answer))?;
        Ok(self.answer)
    }

    /// The proof that the key stands for the request `fingerprint`, without the answer itself.
    #[must_use]
    pub fn held(&self, fingerprint: Fingerprint) -> MismatchProof {
        MismatchProof { fingerprint, answer: Digest::of(&self.answer), seal: self.seal.clone() }
    }

    /// The length of body and content type, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.answer.body().len() + self.answer.content_type().len()
    }
}

impl MismatchProof {
    /// Checks that it proves that the key of `claim` stands for another request.
    pub(super) fn check_other(&self, claim: &ClaimRequest, keys: &Keys) -> Result<(), Unproven> {
        self.seal.check(keys, &claim.scope, &self.fingerprint, &self.answer)?;
        if self.fingerprint == claim.fingerprint { Err(Unproven::NoOther) } else { Ok(()) }
    }
}

/// An earlier release wrote answers without a seal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unchecked {
    status: u16,
    content_type: String,
    body: String,
    #[serde(default)]
    seal: Seal,
}

impl TryFrom<Unchecked> for SealedAnswer {
    type Error = AnswerError;

    fn try_from(read: Unchecked) -> Result<Self, Self::Error> {
        Ok(Self { answer: Answer::new(read.status, read.content_type, read.body)?, seal: read.seal })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::Mac as _;

    use super::*;
    use crate::attestation::{self, Purpose, Statement};
    use crate::idempotency::Lease;
    use crate::idempotency::seal::bytes;
    use crate::test;

    const OLD: &str = "old:0101010101010101010101010101010101010101010101010101010101010101";
    const NEW: &str = "new:0202020202020202020202020202020202020202020202020202020202020202";
    const NOW: u64 = 1_764_000_000;

    fn keys(list: &str) -> Keys {
        Keys::parse(list).unwrap()
    }

    fn claim(scope: u8, fingerprint: u8) -> ClaimRequest {
        ClaimRequest {
            scope: Scope::from_hex(&hex::encode([scope; 32])).unwrap(),
            fingerprint: Fingerprint::from_hex(&hex::encode([fingerprint; 32])).unwrap(),
            lease: Lease::from_ms(15_000).unwrap(),
        }
    }

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        Answer::new(status, content_type.to_owned(), body.to_owned()).unwrap()
    }

    fn completed() -> Answer {
        answer(200, "application/json", "{\"status\":\"completed\"}")
    }

    fn sealed(keys: &Keys) -> SealedAnswer {
        let claim = claim(1, 1);
        SealedAnswer::new(completed(), &claim.scope, &claim.fingerprint, keys)
    }

    #[test]
    fn a_sealed_answer_can_be_opened() {
        let keys = keys(OLD);
        let stored = serde_json::to_string(&sealed(&keys)).unwrap();
        let read: SealedAnswer = serde_json::from_str(&stored).unwrap();
        assert_eq!(read.open(&claim(1, 1), &keys), Ok(completed()));
    }

    /// Other releases open stored answers, so the seal must never change by accident.
    #[test]
    fn the_seal_is_the_published_one() {
        let stored = serde_json::to_string(&sealed(&keys(OLD))).unwrap();
        assert_eq!(
            stored,
            r#"{"status":200,"contentType":"application/json","body":"{\"status\":\"completed\"}","seal":"old.h2D-xb1P_H9l6lyZJ0cNg9CqHmIk9qF2Y32LLc846Qw"}"#
        );
    }

    #[test]
    fn an_altered_answer_is_not_opened() {
        let keys = keys(OLD);
        let seal = sealed(&keys).seal;
        let altered = [
            answer(201, "application/json", completed().body()),
            answer(200, "application/jsom", completed().body()),
            answer(200, "application/json", "{\"status\":\"complete\"}"),
            // Bytes cannot move from one part to the next.
            answer(200, "application/json{", "\"status\":\"completed\"}"),
        ];
        for answer in altered {
            let forged = SealedAnswer { answer: answer.clone(), seal: seal.clone() };
            assert_eq!(forged.open(&claim(1, 1), &keys), Err(Unproven::Altered), "{answer:?}");
        }
    }

    #[test]
    fn an_answer_to_another_key_or_request_is_not_opened() {
        let keys = keys(OLD);
        for other in [claim(2, 1), claim(1, 2)] {
            assert_eq!(sealed(&keys).open(&other, &keys), Err(Unproven::Altered));
        }
    }

    #[test]
    fn an_answer_without_a_valid_seal_is_not_opened() {
        let keys = keys(OLD);
        let genuine = sealed(&keys).seal.0;
        let (_, mac) = genuine.split_once('.').unwrap();
        for (seal, why) in [
            (String::new(), Unproven::Unsealed),
            (mac.to_owned(), Unproven::Unsealed),
            (format!("none.{mac}"), Unproven::UnknownKey),
            (format!(".{mac}"), Unproven::UnknownKey),
            ("old.".to_owned(), Unproven::Altered),
            (format!("old.{}", &mac[1..]), Unproven::Altered),
            (format!("old.{mac}A"), Unproven::Altered),
            (format!("old.{}", "A".repeat(43)), Unproven::Altered),
            (format!("old.{}", "A".repeat(9_999)), Unproven::Altered),
        ] {
            let forged = SealedAnswer { answer: completed(), seal: Seal(seal.clone()) };
            assert_eq!(forged.open(&claim(1, 1), &keys), Err(why), "{seal}");
        }
    }

    #[test]
    fn an_unsealed_answer_of_an_earlier_release_parses_but_is_not_opened() {
        let stored = r#"{"status":200,"contentType":"application/json","body":"{}"}"#;
        let read: SealedAnswer = serde_json::from_str(stored).unwrap();
        assert_eq!(read.open(&claim(1, 1), &keys(OLD)), Err(Unproven::Unsealed));
    }

    #[test]
    fn both_keys_open_during_a_rotation_and_only_the_new_one_afterwards() {
        let both = keys(&format!("{NEW},{OLD}"));
        assert!(sealed(&keys(OLD)).open(&claim(1, 1), &both).is_ok());
        assert!(sealed(&both).open(&claim(1, 1), &keys(NEW)).is_ok());
        assert_eq!(sealed(&keys(OLD)).open(&claim(1, 1), &keys(NEW)), Err(Unproven::UnknownKey));
    }

    #[test]
    fn an_attestation_never_passes_as_a_seal_nor_a_seal_as_an_attestation() {
        let keys = keys(OLD);
        let digest = Digest::of(&completed());
        let claim = claim(1, 1);
        let sealed_bytes = bytes(&claim.scope, &claim.fingerprint, &digest);
        // The attestation keys over the bytes of a seal.
        let key = keys.first().unwrap();
        for other in [key.secret(), key.subkey(Purpose::ToControlPlane), key.subkey(Purpose::ToEdgeCache)] {
            let mac = other.unwrap().clone().chain_update(sealed_bytes).finalize();
            let seal = Seal(format!("old.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes())));
            let forged = SealedAnswer { answer: completed(), seal };
            assert_eq!(forged.open(&claim, &keys), Err(Unproven::Altered));
        }

        let request = attestation::Request::new("POST", "/payments/charge", b"{}");
        let header = keys.sign(&request, &Statement::anonymous("7d1b".to_owned()), NOW);
        let (fields, _) = header.split_once(";mac=").unwrap();
        let mut by_subkey = key.subkey(Purpose::Seals).unwrap().clone();
        for part in [fields, "\n", "POST", "\n", "/payments/charge", "\n"] {
            by_subkey.update(part.as_bytes());
        }
        by_subkey.update(&request.body_sha256);
        let forged = format!("{fields};mac={}", hex::encode(by_subkey.finalize().into_bytes()));
        let verified = keys.verify(forged.as_bytes(), &request, NOW);
        assert_eq!(verified, Err(attestation::AttestationError::Mismatch));
    }

    #[test]
    fn the_sealed_answer_of_another_request_proves_a_mismatch() {
        let keys = keys(OLD);
        let held = sealed(&keys).held(claim(1, 1).fingerprint);
        let held: MismatchProof = serde_json::from_str(&serde_json::to_string(&held).unwrap()).unwrap();
        assert_eq!(held.check_other(&claim(1, 2), &keys), Ok(()));
        assert_eq!(held.check_other(&claim(1, 1), &keys), Err(Unproven::NoOther), "the same");
        assert_eq!(held.check_other(&claim(2, 2), &keys), Err(Unproven::Altered), "another key");
        let renamed = MismatchProof { fingerprint: claim(1, 3).fingerprint, ..held };
        assert_eq!(renamed.check_other(&claim(1, 2), &keys), Err(Unproven::Altered));
    }
}
