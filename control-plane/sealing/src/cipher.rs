//! AES-256-GCM with random nonces.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::SecretKey;

/// The bytes that sealing adds: nonce and tag.
pub(crate) const OVERHEAD: usize = NONCE_LEN + TAG_LENGTH;
const TAG_LENGTH: usize = 16;

/// A key that is ready for use. The library overwrites its own copy of the key when it is dropped.
pub struct Cipher(RandomizedNonceKey);

/// The value was not sealed with this key at this address, or was altered since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("was altered, belongs elsewhere, or is sealed with another key")]
pub struct NotAuthentic;

impl Cipher {
    /// `None`: the cryptographic library cannot be used.
    #[must_use]
    pub fn new(key: &SecretKey) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, key.as_bytes()).ok().map(Self)
    }

    /// Nonce, ciphertext and tag. `bound_to` is needed to open it again, and is not part of it. `None` if the system
    /// gives no random nonce.
    #[must_use]
    pub fn seal(&self, bound_to: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(plain);
        let (nonce, tag) =
            self.0.seal_in_place_separate_tag(Aad::from(bound_to), sealed.get_mut(NONCE_LEN..)?).ok()?;
        sealed.get_mut(..NONCE_LEN)?.copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        Some(sealed)
    }

    /// What was sealed.
    ///
    /// # Errors
    /// It was sealed with another key or bound to something else, or was altered since.
    pub fn open(&self, bound_to: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, NotAuthentic> {
        let (nonce, ciphertext) = sealed.split_at_mut_checked(NONCE_LEN).ok_or(NotAuthentic)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotAuthentic)?;
        let plain = self.0.open_in_place(nonce, Aad::from(bound_to), ciphertext);
        let length = plain.map_err(|_| NotAuthentic)?.len();
        sealed.copy_within(NONCE_LEN..NONCE_LEN + length, 0);
        sealed.truncate(length);
        Ok(sealed)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cipher(byte: u8) -> Cipher {
        Cipher::new(&SecretKey::new([byte; 32])).unwrap()
    }

    /// NIST's test vectors for GCM with a 256-bit key (gcmEncryptExtIV256.rsp, with 16 bytes of plaintext and 16 of
    /// additional data, first count).
    #[test]
    fn it_opens_what_another_implementation_has_sealed() {
        let bytes = |text| hex::decode(text).unwrap();
        let key = "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b";
        let sealed = [
            bytes("ac93a1a6145299bde902f21a"),
            bytes("8995ae2e6df3dbf96fac7b7137bae67f"),
            bytes("eca5aa77d51d4a0a14d9c51e1da474ab"),
        ]
        .concat();
        let cipher = Cipher::new(&SecretKey::from_slice(&bytes(key)).unwrap()).unwrap();
        let plain = cipher.open(&bytes("1e0889016f67601c8ebea4943bc23ad6"), sealed).unwrap();
        assert_eq!(hex::encode(plain), "2d71bcfa914e4ac045b2aa60955fad24");
    }

    #[test]
    fn no_two_values_have_a_nonce_in_common() {
        let cipher = cipher(1);
        let nonces: std::collections::HashSet<_> =
            (0..1_000).map(|_| cipher.seal(b"", b"same").unwrap()[..NONCE_LEN].to_vec()).collect();
        assert_eq!(nonces.len(), 1_000);
    }

    proptest! {
        #[test]
        fn it_opens_for_what_it_is_bound_to_and_for_nothing_else(
            plain: Vec<u8>, bound_to: Vec<u8>, other: Vec<u8>,
        ) {
            let sealed = cipher(1).seal(&bound_to, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + OVERHEAD);
            prop_assert_eq!(cipher(1).open(&bound_to, sealed.clone()), Ok(plain));
            prop_assert_eq!(cipher(2).open(&bound_to, sealed.clone()), Err(NotAuthentic));
            if other != bound_to {
                prop_assert_eq!(cipher(1).open(&other, sealed), Err(NotAuthentic));
            }
        }

        #[test]
        fn one_flipped_bit_anywhere_keeps_it_shut(plain: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let mut sealed = cipher(1).seal(b"here", &plain).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(cipher(1).open(b"here", sealed), Err(NotAuthentic));
        }

        #[test]
        fn what_was_cut_or_extended_does_not_open(plain: Vec<u8>, more in 1..20_usize, cut: prop::sample::Index) {
            let sealed = cipher(1).seal(b"here", &plain).unwrap();
            let cut = sealed[..cut.index(sealed.len())].to_vec();
            prop_assert_eq!(cipher(1).open(b"here", cut), Err(NotAuthentic));
            let mut longer = sealed;
            longer.resize(longer.len() + more, 0);
            prop_assert_eq!(cipher(1).open(b"here", longer), Err(NotAuthentic));
        }
    }
}
