//! The bytes of a key.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use zeroize::{Zeroize as _, Zeroizing};

/// 256 bits. Overwritten when dropped, and never printed.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; Self::LENGTH]>);

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

impl SecretKey {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        rand::fill(&mut *bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    #[must_use]
    pub fn new(mut bytes: [u8; Self::LENGTH]) -> Self {
        let key = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        key
    }

    /// `None` for another length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// A key for one purpose, by HKDF-SHA256 (RFC 5869) without salt. Knowing it reveals nothing of this key or of
    /// another purpose's.
    #[must_use]
    pub fn derive(&self, purpose: &'static str) -> Self {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(self.as_bytes());
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        let info = [purpose.as_bytes()];
        let filled = extracted.expand(&info, Length).and_then(|derived| derived.fill(&mut *bytes));
        debug_assert!(filled.is_ok(), "HKDF-SHA256 gives up to 8160 bytes");
        Self(bytes)
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        SecretKey::LENGTH
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_key_of_its_own_and_always_the_same() {
        let key = SecretKey::new([7; 32]);
        let of = |purpose| *key.derive(purpose).as_bytes();
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
        assert_ne!(of("a"), *SecretKey::new([8; 32]).derive("a").as_bytes());
        assert_ne!(of("a"), [7; 32]);
        assert_ne!(of("a"), [0; 32]);
    }

    /// RFC 5869, test case 3: SHA-256, no salt, no info; the first 32 bytes of its output.
    #[test]
    fn the_derivation_is_hkdf_as_published() {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(&[0x0b; 22]);
        let mut bytes = [0; 32];
        extracted.expand(&[], Length).unwrap().fill(&mut bytes).unwrap();
        assert_eq!(hex::encode(bytes), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", SecretKey::new([7; 32])), "SecretKey(…)");
        assert_ne!(SecretKey::random().unwrap().as_bytes(), SecretKey::random().unwrap().as_bytes());
    }
}
