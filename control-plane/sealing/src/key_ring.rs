//! Keys that are given to the process itself, as in `ENCRYPTION_KEYS`.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{Cipher, DataKeyId, SecretKey, WrapError, WrappedKey, Wrapping};

/// The first key wraps, all of them unwrap. To replace a key, put the new one in front, wrap all data keys again, and
/// drop the old one.
pub struct KeyRing {
    first: Key,
    others: Vec<Key>,
}

struct Key {
    name: String,
    cipher: Cipher,
}

/// Bytes of a key: AES-256.
const KEY_BYTES: usize = SecretKey::LENGTH;
/// Characters of a name. It is stored with each data key.
const NAME_MAX: usize = 64;
/// Two are enough for a rotation; more keys than this are a mistake.
const KEYS_MAX: usize = 64;
const PURPOSE: &str = "payment gateway: wrapping of data keys, version 1";

/// Why a list of keys is invalid. Never holds a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    #[error("no key given; use `id:hex`, several separated by commas")]
    Empty,
    #[error("more than {KEYS_MAX} keys")]
    TooMany,
    #[error("key {0} (counted from 1) is not `id:hex` with an id of at most {NAME_MAX} letters and digits")]
    Malformed(usize),
    #[error("key {0} (counted from 1) has not exactly {KEY_BYTES} bytes (64 hex digits)")]
    Length(usize),
    #[error(
        "key {0} (counted from 1) is one byte over and over, which is no secret; take it from a random source"
    )]
    Weak(usize),
    #[error("key {n} (counted from 1) has the id `{name}` of an earlier key; give each its own")]
    SameName { n: usize, name: String },
    #[error("the cryptographic library cannot be used")]
    Unusable,
}

impl KeyRing {
    /// Reads `id:hex` pairs separated by commas; the first wraps.
    ///
    /// # Errors
    /// Names the invalid entry.
    pub fn parse(list: &str) -> Result<Self, KeyRingError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let mut keys = Vec::new();
        for (n, entry) in (1..).zip(entries) {
            if n > KEYS_MAX {
                return Err(KeyRingError::TooMany);
            }
            let key = Key::parse(entry, n)?;
            if keys.iter().any(|earlier: &Key| earlier.name == key.name) {
                return Err(KeyRingError::SameName { n, name: key.name });
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(KeyRingError::Empty)?;
        Ok(Self { first, others: keys.collect() })
    }

    fn named(&self, name: &str) -> Option<&Key> {
        std::iter::once(&self.first).chain(&self.others).find(|key| key.name == name)
    }
}

impl Key {
    fn parse(entry: &str, n: usize) -> Result<Self, KeyRingError> {
        let (name, digits) = entry.split_once(':').ok_or(KeyRingError::Malformed(n))?;
        let (name, digits) = (name.trim(), digits.trim());
        let fits = (1..=NAME_MAX).contains(&name.len());
        if !fits || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(KeyRingError::Malformed(n));
        }
        let bytes = Zeroizing::new(hex::decode(digits).map_err(|_| KeyRingError::Malformed(n))?);
        let key = SecretKey::from_slice(&bytes).ok_or(KeyRingError::Length(n))?;
        if bytes.windows(2).all(|pair| pair.first() == pair.last()) {
            return Err(KeyRingError::Weak(n));
        }
        let cipher = Cipher::new(&key.derive(PURPOSE)).ok_or(KeyRingError::Unusable)?;
        Ok(Self { name: name.to_owned(), cipher })
    }

    /// What a wrapped key is bound to.
    fn bound_to(&self, id: DataKeyId) -> Vec<u8> {
        // A name has no spaces, so no two pairs are the same bytes.
        format!("{} {id}", self.name).into_bytes()
    }
}

#[async_trait]
impl Wrapping for KeyRing {
    fn first(&self) -> &str {
        &self.first.name
    }

    fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError> {
        let sealed = self.first.cipher.seal(&self.first.bound_to(id), key.as_bytes());
        let bytes = sealed.ok_or(crate::NoRandomness)?;
        Ok(WrappedKey { by: self.first.name.clone(), bytes })
    }

    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError> {
        let by = self.named(&wrapped.by).ok_or_else(|| WrapError::UnknownKey(wrapped.by.clone()))?;
        let opened = by.cipher.open(&by.bound_to(id), wrapped.bytes.clone()).ok().map(Zeroizing::new);
        let key = opened.and_then(|bytes| SecretKey::from_slice(&bytes));
        key.ok_or_else(|| WrapError::Wrong { by: by.name.clone(), data_key: id })
    }
}

/// Names only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = std::iter::once(&self.first).chain(&self.others).map(|key| &key.name);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "new:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
    const ID: DataKeyId = DataKeyId::from_bytes([1; 8]);

    fn ring(list: &str) -> KeyRing {
        KeyRing::parse(list).unwrap()
    }

    fn refused(list: &str) -> KeyRingError {
        KeyRing::parse(list).err().unwrap()
    }

    #[test]
    fn the_first_key_of_a_list_wraps() {
        for list in [format!("{NEW},{OLD}"), format!(" {NEW} , {OLD},")] {
            assert_eq!(format!("{:?}", ring(&list)), r#"["new", "old"]"#);
            assert_eq!(ring(&list).first(), "new");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_key_is_repeated() {
        assert_eq!(refused(" , "), KeyRingError::Empty);
        assert_eq!(refused("k1"), KeyRingError::Malformed(1));
        assert_eq!(refused(&format!("{OLD},k 2:00")), KeyRingError::Malformed(2));
        assert_eq!(refused(&format!("{OLD},k2:zz")), KeyRingError::Malformed(2));
        assert_eq!(refused("k1:00ff"), KeyRingError::Length(1));
        assert_eq!(refused(&format!("{OLD}ff")), KeyRingError::Length(1));
        assert_eq!(refused(&format!("k1:{}", "42".repeat(32))), KeyRingError::Weak(1));
        let same = KeyRingError::SameName { n: 2, name: "old".to_owned() };
        assert_eq!(refused(&format!("{OLD},{}", NEW.replace("new", "old"))), same);
        let many: Vec<_> = (0..65).map(|n| NEW.replace("new", &format!("k{n}"))).collect();
        assert_eq!(refused(&many.join(",")), KeyRingError::TooMany);
        for error in [refused("k1:00ff"), same] {
            assert!(!error.to_string().contains("00ff"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_data_key_is_unwrapped_by_the_key_that_has_wrapped_it() {
        let key = SecretKey::random().unwrap();
        let wrapped = ring(OLD).wrap(ID, &key).await.unwrap();
        assert_eq!(wrapped.by, "old");
        assert!(!wrapped.bytes.windows(32).any(|bytes| bytes == key.as_bytes()));
        let both = ring(&format!("{NEW},{OLD}"));
        assert_eq!(both.unwrap(ID, &wrapped).await.unwrap().as_bytes(), key.as_bytes());
        let missing = ring(NEW).unwrap(ID, &wrapped).await.unwrap_err();
        assert!(matches!(&missing, WrapError::UnknownKey(name) if name == "old"), "{missing}");
        let other = ring(&NEW.replace("new", "old")).unwrap(ID, &wrapped).await.unwrap_err();
        assert!(matches!(&other, WrapError::Wrong { by, data_key: ID } if by == "old"), "{other}");
    }

    #[tokio::test]
    async fn a_wrapped_key_opens_under_no_other_id_and_not_once_altered() {
        let wrapped = ring(OLD).wrap(ID, &SecretKey::random().unwrap()).await.unwrap();
        let elsewhere = ring(OLD).unwrap(DataKeyId::from_bytes([2; 8]), &wrapped).await;
        assert!(matches!(elsewhere, Err(WrapError::Wrong { .. })));
        for n in 0..wrapped.bytes.len() {
            let mut altered = wrapped.clone();
            altered.bytes[n] ^= 1;
            assert!(matches!(ring(OLD).unwrap(ID, &altered).await, Err(WrapError::Wrong { .. })), "{n}");
        }
    }
}
