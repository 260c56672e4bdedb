//! Which keys and which requests are the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Key;
use crate::canonical;
use crate::client::ClientId;

/// The identity of an idempotency key: client, operation and key.
///
/// A hash, so that it has a fixed length and neither the key nor the client can be read from the cache, its logs or its
/// monitor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(Hash);

/// The identity of a request under the key: equal for equal bytes only.
///
/// Over raw bytes, because two JSON texts that a parser considers equal may differ (duplicate keys, numbers beyond
/// 2^53).
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Hash);

impl Scope {
    /// `path` is without the query.
    #[must_use]
    pub fn new(client: &ClientId, method: &str, path: &str, key: &Key) -> Self {
        let parts = [client.as_str(), method, path, key.as_str()];
        Self(Hash::over("idempotency scope 1", &parts.map(str::as_bytes)))
    }

    /// Scope of a keyless request, from its attestation's MAC. The fingerprint equals the scope, which never happens
    /// under a key, so that identifies such rows.
    #[must_use]
    pub fn of_attestation(mac: &[u8; 32]) -> (Self, Fingerprint) {
        let hash = Hash::over("attestation scope 1", &[mac.as_slice()]);
        (Self(hash), Fingerprint(hash))
    }

    /// Reads what [`fmt::Display`] wrote: 64 hex digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        Hash::from_hex(hex).map(Self)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl Fingerprint {
    /// `content_type` is the header's value, empty if there is none.
    #[must_use]
    pub fn new(method: &str, path: &str, query: &str, content_type: &[u8], body: &[u8]) -> Self {
        let parts = [method.as_bytes(), path.as_bytes(), query.as_bytes(), content_type, body];
        Self(Hash::over("idempotency fingerprint 1", &parts))
    }

    /// Reads what [`fmt::Display`] wrote: 64 hex digits.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        Hash::from_hex(hex).map(Self)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0)
    }
}

/// SHA-256, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Hash([u8; 32]);

impl Hash {
    /// Each part is preceded by its length, so that no two lists of parts give the same bytes; `purpose` separates
    /// hashes of different purposes and includes a version.
    fn over(purpose: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    fn from_hex(text: &str) -> Option<Self> {
        canonical::hex(text).map(Self)
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_hex(&text).ok_or("it must be 64 hex digits in lower case")
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn scope(client: &str, method: &str, path: &str, key: &str) -> Scope {
        Scope::new(&ClientId::parse(client).unwrap(), method, path, &Key::parse([key.as_bytes()]).unwrap())
    }

    /// Stored records and rows are found by these hashes, so they must never change by accident.
    #[test]
    fn the_hashes_are_the_published_ones() {
        let scope = scope("demo", "POST", "/payments/charge", "k1");
        let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"application/json", b"{}");
        assert_eq!(scope.to_string(), "1eabd5e707a4c37bc73d641cc4870e2f776b98a94a0850365fc5d1d75084d735");
        assert_eq!(
            fingerprint.to_string(),
            "12d55a6f58c7d35dbd9629fb71fda25721a902c86fd044aba388694da878b9c9"
        );
        assert_eq!(Scope::from_hex(&scope.to_string()), Some(scope));
        assert_eq!(Fingerprint::from_hex(&fingerprint.to_string()), Some(fingerprint));
    }

    #[test]
    fn each_attestation_has_a_scope_of_its_own_with_the_same_fingerprint() {
        let (scope, fingerprint) = Scope::of_attestation(&[1; 32]);
        assert_eq!(scope.to_string(), fingerprint.to_string());
        assert_ne!(scope.to_string(), hex::encode([1_u8; 32]));
        assert_ne!(scope, Scope::of_attestation(&[2; 32]).0);
    }

    #[test]
    fn every_part_of_a_scope_counts() {
        let one = scope("demo", "POST", "/payments/charge", "k1");
        let others = [
            scope("demo-2", "POST", "/payments/charge", "k1"),
            scope("demo", "PUT", "/payments/charge", "k1"),
            scope("demo", "POST", "/payments/refund", "k1"),
            scope("demo", "POST", "/payments/charge", "k2"),
        ];
        assert!(others.iter().all(|other| *other != one));
        assert_eq!(one, scope("demo", "POST", "/payments/charge", "\"k1\""));
    }

    #[test]
    fn every_part_of_a_request_counts() {
        let one = Fingerprint::new("POST", "/a", "b", b"c", b"d");
        let others = [
            Fingerprint::new("PUT", "/a", "b", b"c", b"d"),
            Fingerprint::new("POST", "/", "b", b"c", b"d"),
            Fingerprint::new("POST", "/a", "", b"c", b"d"),
            Fingerprint::new("POST", "/a", "b", b"", b"d"),
            Fingerprint::new("POST", "/a", "b", b"c", b"d "),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn bytes_cannot_move_from_one_part_to_the_next() {
        assert_ne!(scope("ab", "C", "d", "e"), scope("a", "bC", "d", "e"));
        assert_ne!(
            Fingerprint::new("POST", "/a", "x", b"", b"y"),
            Fingerprint::new("POST", "/a", "", b"x", b"y")
        );
    }

    #[test]
    fn a_hash_has_exactly_64_hex_digits_in_lower_case() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), &"A".repeat(64)] {
            assert_eq!(Scope::from_hex(text), None, "{text}");
        }
    }
}
