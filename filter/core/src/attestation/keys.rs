//! The secrets that the edge and the control plane share, one subkey for each purpose.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const KEY_BYTES_MIN: usize = 32;

/// The subkey for seals is the HMAC-SHA256 of this label under the secret. No attestation begins like this, so none is
/// ever computed over it.
const SEAL_LABEL: &[u8] = b"payment gateway: seals of idempotency keys, version 1";

/// The same for tickets, so that no attestation or seal passes as a ticket, and no ticket as one of them.
const TICKET_LABEL: &[u8] = b"payment gateway: tickets to watch a payment, version 1";

/// The same for answers in the edge cache, which the control plane alone encrypts and decrypts.
const ANSWER_LABEL: &[u8] = b"payment gateway: answers in the edge cache, version 1";

/// The shared keys. The first one signs, all of them verify. To rotate, append the new key on both sides, then move it
/// to the front, and drop the old one once nothing that it sealed is kept and no ticket of it is valid any more.
pub struct Keys(Vec<Key>);

pub(crate) struct Key {
    pub(crate) id: String,
    /// For attestations. Initialised with the secret, which halves the work of each use.
    pub(crate) attesting: Hmac<Sha256>,
    /// For the seals of [`crate::idempotency`]. A separate key, so that neither MAC passes as the other.
    pub(crate) sealing: Hmac<Sha256>,
    /// For tickets ([`crate::ticket`]).
    pub(crate) ticketing: Hmac<Sha256>,
}

/// Why a list of keys is invalid. Never holds the key itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("no key given; use `id:hex`, several separated by commas")]
    Empty,
    #[error("key {0} (counted from 1) is not `id:hex` with an id of letters and digits")]
    Malformed(usize),
    #[error("key {0} (counted from 1) has fewer than 32 bytes (64 hex digits)")]
    TooShort(usize),
    #[error(
        "key {n} (counted from 1) has the id `{id}` of an earlier key; give each its own, or nobody can tell them apart"
    )]
    SameId { n: usize, id: String },
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|k| &k.id)).finish()
    }
}

impl Keys {
    /// Reads `id:hex` pairs separated by commas, as in `EDGE_ATTESTATION_KEYS`.
    ///
    /// # Errors
    /// Names the invalid entry.
    pub fn parse(list: &str) -> Result<Self, KeysError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let keys =
            entries.enumerate().map(|(i, entry)| Key::parse(entry, i + 1)).collect::<Result<Vec<_>, _>>()?;
        // Only the first of two would ever verify, so a rotation that reuses the id refuses every request.
        for (n, key) in (1..).zip(&keys) {
            if keys.iter().take(n - 1).any(|earlier| earlier.id == key.id) {
                return Err(KeysError::SameId { n, id: key.id.clone() });
            }
        }
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// The keys under which answers in the edge cache are encrypted, each with its id. The first one encrypts. Not for the
    /// edge, which gets answers decrypted.
    pub fn for_answers(&self) -> impl Iterator<Item = (&str, [u8; 32])> {
        let subkey =
            |key: &Key| key.attesting.clone().chain_update(ANSWER_LABEL).finalize().into_bytes().into();
        self.0.iter().map(move |key| (key.id.as_str(), subkey(key)))
    }

    pub(crate) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl Key {
    fn parse(entry: &str, n: usize) -> Result<Self, KeysError> {
        let (id, secret) = entry.split_once(':').ok_or(KeysError::Malformed(n))?;
        let secret = hex::decode(secret).map_err(|_| KeysError::Malformed(n))?;
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(KeysError::Malformed(n));
        }
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeysError::TooShort(n));
        }
        let begin = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).map_err(|_| KeysError::Malformed(n));
        let attesting = begin(&secret)?;
        let subkey = |label| begin(&attesting.clone().chain_update(label).finalize().into_bytes());
        let (sealing, ticketing) = (subkey(SEAL_LABEL)?, subkey(TICKET_LABEL)?);
        Ok(Self { id: id.to_owned(), attesting, sealing, ticketing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const SECRET: &str = "0101010101010101010101010101010101010101010101010101010101010101";

    #[test]
    fn missing_malformed_and_short_keys_are_rejected() {
        assert_eq!(Keys::parse(" , ").err(), Some(KeysError::Empty));
        assert_eq!(Keys::parse("k1").err(), Some(KeysError::Malformed(1)));
        assert_eq!(Keys::parse(&format!("old:{SECRET},k2:zz")).err(), Some(KeysError::Malformed(2)));
        assert_eq!(Keys::parse("k1:00ff").err(), Some(KeysError::TooShort(1)));
    }

    #[test]
    fn two_keys_of_one_id_are_rejected_by_number_and_id() {
        let other = SECRET.replace("01", "02");
        let error = Keys::parse(&format!("k1:{SECRET},k2:{SECRET},k1:{other}")).err().unwrap();
        assert_eq!(error, KeysError::SameId { n: 3, id: "k1".to_owned() });
        assert!(error.to_string().contains("key 3") && !error.to_string().contains("0202"), "{error}");
    }

    #[test]
    fn each_key_has_one_of_its_own_for_answers() {
        let keys = Keys::parse(&format!("a:{SECRET},b:{}", SECRET.replace("01", "02"))).unwrap();
        let of: Vec<_> = keys.for_answers().collect();
        assert_eq!(of.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["a", "b"]);
        assert_ne!(of[0].1, of[1].1);
        assert_ne!(of[0].1, [1; 32]);
    }

    #[test]
    fn keys_are_never_printed() {
        assert_eq!(format!("{:?}", Keys::parse(&format!("old:{SECRET}")).unwrap()), "[\"old\"]");
    }
}
