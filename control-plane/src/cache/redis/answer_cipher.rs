//! Answers in Redis are encrypted: they hold what payments' payers and next actions are, and Redis's memory, its
//! replicas and its dumps are others' to read.
//!
//! The control planes and edge caches encrypt and decrypt them; the edge gets them opened, and believes them by their
//! seal. The keys are subkeys of `EDGE_ATTESTATION_KEYS`, which all of these have, so an edge cache needs neither the
//! database nor its keys.

use edge_core::attestation::Keys;
use edge_core::idempotency::{Scope, SealedAnswer};
use sealing::{Cipher, SecretKey};
use zeroize::Zeroize as _;

/// Encrypts with the first key, decrypts with the one that an answer names.
pub struct AnswerCipher {
    keys: Vec<(String, Cipher)>,
}

/// What an answer is bound to, before its scope: it opens under no other key.
const BOUND_TO: &str = "payment gateway: an answer in the edge cache ";

impl AnswerCipher {
    #[must_use]
    pub fn new(keys: &Keys) -> Self {
        let ready = |(id, mut bytes): (&str, [u8; 32])| {
            let cipher = Cipher::new(&SecretKey::new(bytes));
            bytes.zeroize();
            Some((id.to_owned(), cipher?))
        };
        Self { keys: keys.for_answers().filter_map(ready).collect() }
    }

    /// `KEY.` and nonce, ciphertext and tag. `None`: it cannot be encrypted.
    #[must_use]
    pub fn encrypt(&self, scope: &Scope, answer: &SealedAnswer) -> Option<Vec<u8>> {
        let (id, cipher) = self.keys.first()?;
        let plain = serde_json::to_vec(answer).ok()?;
        let encrypted = cipher.seal(&bound_to(scope), &plain)?;
        Some([id.as_bytes(), b".", &encrypted].concat())
    }

    /// `None`: it is not an answer to this scope, or of a key that is not known any more.
    #[must_use]
    pub fn decrypt(&self, scope: &Scope, stored: &[u8]) -> Option<SealedAnswer> {
        let point = stored.iter().position(|byte| *byte == b'.')?;
        let (id, encrypted) = stored.split_at_checked(point)?;
        let (_, cipher) = self.keys.iter().find(|(known, _)| known.as_bytes() == id)?;
        let plain = cipher.open(&bound_to(scope), encrypted.get(1..)?.to_vec()).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

fn bound_to(scope: &Scope) -> Vec<u8> {
    format!("{BOUND_TO}{scope}").into_bytes()
}

#[cfg(test)]
mod tests {
    use edge_core::idempotency::{Answer, Fingerprint};

    use super::*;

    const OLD: &str = "old:0101010101010101010101010101010101010101010101010101010101010101";
    const NEW: &str = "new:0202020202020202020202020202020202020202020202020202020202020202";

    fn cipher(list: &str) -> AnswerCipher {
        AnswerCipher::new(&Keys::parse(list).unwrap())
    }

    fn scope(byte: u8) -> Scope {
        Scope::from_hex(&hex::encode([byte; 32])).unwrap()
    }

    fn answer() -> SealedAnswer {
        let answer =
            Answer::new(200, "application/json".to_owned(), "{\"a\":\"canary\"}".to_owned()).unwrap();
        let fingerprint = Fingerprint::from_hex(&hex::encode([1; 32])).unwrap();
        SealedAnswer::new(answer, &scope(1), &fingerprint, &Keys::parse(OLD).unwrap())
    }

    #[test]
    fn an_answer_is_read_with_its_key_under_its_scope_and_hides_what_it_says() {
        let stored = cipher(OLD).encrypt(&scope(1), &answer()).unwrap();
        assert!(!stored.windows(6).any(|bytes| bytes == b"canary"));
        assert_eq!(cipher(OLD).decrypt(&scope(1), &stored), Some(answer()));
        assert_eq!(cipher(&format!("{NEW},{OLD}")).decrypt(&scope(1), &stored), Some(answer()));
        assert_eq!(cipher(OLD).decrypt(&scope(2), &stored), None);
        assert_eq!(cipher(NEW).decrypt(&scope(1), &stored), None);
        assert_eq!(cipher(&NEW.replace("new", "old")).decrypt(&scope(1), &stored), None);
    }

    #[test]
    fn what_was_altered_or_is_of_an_earlier_release_is_no_answer() {
        let stored = cipher(OLD).encrypt(&scope(1), &answer()).unwrap();
        for n in 0..stored.len() {
            let mut altered = stored.clone();
            altered[n] ^= 1;
            assert_eq!(cipher(OLD).decrypt(&scope(1), &altered), None, "byte {n}");
        }
        let plain = serde_json::to_vec(&answer()).unwrap();
        for stored in [b"".as_slice(), b".", b"old", b"old.", &plain] {
            assert_eq!(cipher(OLD).decrypt(&scope(1), stored), None, "{stored:?}");
        }
    }
}
