//! Seals authenticate what is stored in a cache that others may write to.
//!
//! A seal is an HMAC-SHA256 under a subkey of the attestation keys over scope, fingerprint and answer. The edge trusts
//! only what it covers: an answer, or the use of a key for another request. An attacker who controls the cache or the
//! network can withhold sealed data and replay it later, but forge nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{Answer, Fingerprint, Scope};
use crate::attestation::{Keys, Purpose};
use crate::canonical;

/// `keyid.mac`, the MAC in unpadded base64url. Empty if unsealed: it then proves nothing.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Seal(pub(super) String);

/// The SHA-256 of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

/// Why a verdict of the cache proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    #[error("it has no seal")]
    Unsealed,
    #[error("it is sealed with an unknown key")]
    UnknownKey,
    #[error("its seal does not match: it was altered or forged")]
    Altered,
    #[error("it reports a request as a mismatch of itself")]
    NoOther,
    #[error("it has reported the key in flight for longer than any lease lasts")]
    TooLong,
}

impl Seal {
    pub(super) fn make(keys: &Keys, scope: &Scope, fingerprint: &Fingerprint, answer: &Digest) -> Self {
        // A list of keys is never empty, and the control plane's has every subkey.
        let Some((key, subkey)) = keys.first().and_then(|key| Some((key, key.subkey(Purpose::Seals)?)))
        else {
            return Self::default();
        };
        let mac = subkey.clone().chain_update(bytes(scope, fingerprint, answer)).finalize();
        Self(format!("{}.{}", key.id, URL_SAFE_NO_PAD.encode(mac.into_bytes())))
    }

    pub(super) fn check(
        &self,
        keys: &Keys,
        scope: &Scope,
        fingerprint: &Fingerprint,
        answer: &Digest,
    ) -> Result<(), Unproven> {
        let (id, text) = self.0.split_once('.').ok_or(Unproven::Unsealed)?;
        let key = keys.with_id(id).and_then(|key| key.subkey(Purpose::Seals)).ok_or(Unproven::UnknownKey)?;
        let mut mac = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut mac) {
            Ok(32) => {}
            Ok(_) | Err(_) => return Err(Unproven::Altered),
        }
        let expected = key.clone().chain_update(bytes(scope, fingerprint, answer));
        expected.verify_slice(&mac).map_err(|_| Unproven::Altered)
    }
}

/// The sealed bytes. Each part has a fixed length and position, so the encoding is unambiguous.
pub(super) fn bytes(scope: &Scope, fingerprint: &Fingerprint, answer: &Digest) -> [u8; 96] {
    let mut bytes = [0; 96];
    let parts = [scope.as_bytes(), fingerprint.as_bytes(), &answer.0];
    for (place, part) in bytes.chunks_exact_mut(32).zip(parts) {
        place.copy_from_slice(part);
    }
    bytes
}

impl Digest {
    pub(super) fn of(answer: &Answer) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(answer.status().to_be_bytes());
        for part in [answer.content_type(), answer.body()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = canonical::hex(&text);
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("it must be 64 hex digits in lower case"))
    }
}

/// A MAC is not secret, but it is of no use in a log.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({})", self.0.split('.').next().unwrap_or_default())
    }
}
