//! Data keys, which seal stored values.

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand;

use crate::{Cipher, NoRandomness, SecretKey};

/// Names a data key for good: 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataKeyId([u8; 8]);

/// The text is not the id of a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 hex digits in lower case")]
pub struct InvalidId;

impl DataKeyId {
    /// Characters of its text.
    pub const LENGTH: usize = 16;

    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its text. Each sealed value has it, so it needs no memory of its own.
    pub(crate) fn digits(self) -> [u8; Self::LENGTH] {
        let mut digits = [0; Self::LENGTH];
        // Two digits for each byte always fit.
        let _ = hex::encode_to_slice(self.0, &mut digits);
        digits
    }
}

impl fmt::Display for DataKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().iter().try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}

impl fmt::Debug for DataKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for DataKeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidId)?;
        // One spelling: it is part of what a value is bound to.
        let id = Self(bytes);
        if id.digits() == text.as_bytes() { Ok(id) } else { Err(InvalidId) }
    }
}

/// A data key that is ready for use.
#[derive(Debug)]
pub struct DataKey {
    pub id: DataKeyId,
    cipher: Cipher,
    /// Values that this process has sealed with it.
    uses: AtomicU64,
}

/// Values after which a process takes another data key. With random nonces, one key may seal 2³² values (NIST SP
/// 800-38D, 8.3). Processes share keys, and each restart counts from zero: 64 of them may use a key up.
const USES: u64 = 1 << 26;

/// Values after which a process seals no more with the key, if it gets no other: another 63 may do as it did.
const USES_MAX: u64 = 1 << 31;

impl DataKey {
    /// `None`: the cryptographic library cannot be used.
    #[must_use]
    pub fn new(id: DataKeyId, key: &SecretKey) -> Option<Self> {
        Some(Self { id, cipher: Cipher::new(key)?, uses: AtomicU64::new(0) })
    }

    /// Whether another one should be taken.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.uses.load(Ordering::Relaxed) >= USES
    }

    /// `None`: no further value may be sealed with it.
    pub(crate) fn cipher_to_seal(&self) -> Option<&Cipher> {
        (self.uses.fetch_add(1, Ordering::Relaxed) < USES_MAX).then_some(&self.cipher)
    }

    pub(crate) const fn cipher(&self) -> &Cipher {
        &self.cipher
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = DataKeyId::random().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), DataKeyId::LENGTH);
        for wrong in ["", "00", "ABCDEF0123456789", "zz00000000000000", "00000000000000000"] {
            assert_eq!(wrong.parse::<DataKeyId>(), Err(InvalidId), "{wrong}");
        }
    }

    #[test]
    fn a_key_ends_before_its_nonces_may_repeat() {
        let key = DataKey::new(DataKeyId::from_bytes([0; 8]), &SecretKey::new([1; 32])).unwrap();
        assert!(!key.is_used_up() && key.cipher_to_seal().is_some());
        key.uses.store(USES, Ordering::Relaxed);
        assert!(key.is_used_up() && key.cipher_to_seal().is_some(), "it goes on until there is another");
        key.uses.store(USES_MAX, Ordering::Relaxed);
        assert!(key.cipher_to_seal().is_none());
    }
}
