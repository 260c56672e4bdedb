//! Seals and opens stored values with the data keys at hand.

mod keys;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::RwLock;

use self::keys::Keys;
use crate::format::{self, Malformed};
use crate::{BlindIndex, DataKey, DataKeyId, IndexKey, NotAuthentic, ValueAddress};

/// What the sealer does with values that are not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainValues {
    /// It writes nothing else.
    Written,
    /// It seals, and reads those of before.
    Read,
    /// It seals, and rejects all others: one with access to the database could have put them there.
    Rejected,
}

/// Why a value cannot be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("there is no data key to seal with")]
    NoKey,
    #[error("the data key {0} has sealed as many values as it safely can, and there is no other")]
    UsedUp(DataKeyId),
    #[error("the system gives no random bytes")]
    NoRandomness,
}

/// Why a stored value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("is sealed with the data key {0}, which is not known")]
    UnknownKey(DataKeyId),
    #[error("has ended: its data key {0} was erased")]
    Erased(DataKeyId),
    /// Nothing of this column was ever sealed with that key.
    #[error("names the data key {0}, which was erased and sealed values of other columns only")]
    ErasedOfOthers(DataKeyId),
    #[error("does not open: it was altered, or moved here from another row or column")]
    NotAuthentic,
    #[error("is not a sealed value, although it begins like one")]
    Malformed,
    #[error("is not sealed, and only sealed values are accepted")]
    Plain,
}

impl From<NotAuthentic> for OpenError {
    fn from(_: NotAuthentic) -> Self {
        Self::NotAuthentic
    }
}

impl From<Malformed> for OpenError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The keys at hand. They may be added to while others seal and open.
pub struct Sealer {
    plain: PlainValues,
    keys: RwLock<Keys>,
}

impl Sealer {
    /// A sealer without keys.
    #[must_use]
    pub fn new(plain: PlainValues) -> Self {
        let mut keys = Keys::default();
        if plain != PlainValues::Rejected {
            keys.indexes.push(IndexKey::plain());
        }
        Self { plain, keys: RwLock::new(keys) }
    }

    #[must_use]
    pub const fn plain_values(&self) -> PlainValues {
        self.plain
    }

    /// Seals a text. Returns it unchanged if values are plain.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal_text(&self, address: ValueAddress<'_>, plain: String) -> Result<String, SealError> {
        if self.plain == PlainValues::Written {
            return Ok(plain);
        }
        let key = self.current(address.class()).ok_or(SealError::NoKey)?;
        Ok(format::write_text(key.id, &seal(&key, address, plain.as_bytes())?))
    }

    /// Like [`Self::seal_text`], for a column of bytes.
    ///
    /// # Errors
    /// See [`Self::seal_text`].
    pub fn seal_bytes(&self, address: ValueAddress<'_>, plain: Vec<u8>) -> Result<Vec<u8>, SealError> {
        if self.plain == PlainValues::Written {
            return Ok(plain);
        }
        let key = self.current(address.class()).ok_or(SealError::NoKey)?;
        Ok(format::write_bytes(key.id, &seal(&key, address, &plain)?))
    }

    /// Seals a text with a known key, whichever seals new values.
    ///
    /// # Errors
    /// The key is not at hand.
    pub fn seal_text_with(
        &self,
        id: DataKeyId,
        address: ValueAddress<'_>,
        plain: &str,
    ) -> Result<String, SealError> {
        let key = self.read().by_id.get(&id).cloned().ok_or(SealError::NoKey)?;
        Ok(format::write_text(id, &seal(&key, address, plain.as_bytes())?))
    }

    /// Like [`Self::seal_text_with`], for a column of bytes.
    ///
    /// # Errors
    /// See [`Self::seal_text_with`].
    pub fn seal_bytes_with(
        &self,
        id: DataKeyId,
        address: ValueAddress<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let key = self.read().by_id.get(&id).cloned().ok_or(SealError::NoKey)?;
        Ok(format::write_bytes(id, &seal(&key, address, plain)?))
    }

    /// What a stored text says.
    ///
    /// # Errors
    /// It is not a value of this address, or its key is not at hand.
    pub fn open_text(&self, address: ValueAddress<'_>, stored: String) -> Result<String, OpenError> {
        let Some(id) = format::key_of(stored.as_bytes())? else { return self.plain(stored) };
        let plain = self.open(address, id, format::read_text(&stored)?)?;
        String::from_utf8(plain).map_err(|_| OpenError::NotAuthentic)
    }

    /// Like [`Self::open_text`], for a column of bytes.
    ///
    /// # Errors
    /// See [`Self::open_text`].
    pub fn open_bytes(&self, address: ValueAddress<'_>, stored: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let Some(id) = format::key_of(&stored)? else { return self.plain(stored) };
        self.open(address, id, format::read_bytes(stored))
    }

    /// Like [`Self::open_text`], and accepts a plain value in any case: it is about to be sealed.
    ///
    /// # Errors
    /// See [`Self::open_text`].
    pub fn open_or_plain_text(&self, address: ValueAddress<'_>, stored: String) -> Result<String, OpenError> {
        if format::key_of(stored.as_bytes())?.is_none() {
            Ok(stored)
        } else {
            self.open_text(address, stored)
        }
    }

    /// Like [`Self::open_or_plain_text`], for a column of bytes.
    ///
    /// # Errors
    /// See [`Self::open_or_plain_text`].
    pub fn open_or_plain_bytes(
        &self,
        address: ValueAddress<'_>,
        stored: Vec<u8>,
    ) -> Result<Vec<u8>, OpenError> {
        if format::key_of(&stored)?.is_none() { Ok(stored) } else { self.open_bytes(address, stored) }
    }

    fn plain<T>(&self, stored: T) -> Result<T, OpenError> {
        if self.plain == PlainValues::Rejected { Err(OpenError::Plain) } else { Ok(stored) }
    }

    fn open(&self, address: ValueAddress<'_>, id: DataKeyId, sealed: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let key = {
            let keys = self.read();
            match keys.erased.get(&id) {
                Some(class) if *class == address.class() => return Err(OpenError::Erased(id)),
                Some(_) => return Err(OpenError::ErasedOfOthers(id)),
                None => {}
            }
            keys.by_id.get(&id).cloned().ok_or(OpenError::UnknownKey(id))?
        };
        Ok(key.cipher().open(&address.bytes(id), sealed)?)
    }

    /// The index of a value that is written, and the key that it is computed with.
    ///
    /// # Errors
    /// There is no key for it.
    pub fn index(&self, scope: &[&str], value: &str) -> Result<(Option<DataKeyId>, BlindIndex), SealError> {
        let keys = self.read();
        let newest = keys.indexes.first().ok_or(SealError::NoKey)?;
        if newest.id.is_none() && self.plain != PlainValues::Written {
            return Err(SealError::NoKey);
        }
        Ok((newest.id, newest.index(scope, value)))
    }

    /// All indexes that a stored value may have.
    #[must_use]
    pub fn indexes(&self, scope: &[&str], value: &str) -> Vec<BlindIndex> {
        self.read().indexes.iter().map(|key| key.index(scope, value)).collect()
    }

    /// The key that indexes are computed with; `None` if values are plain.
    #[must_use]
    pub fn index_key(&self) -> Option<DataKeyId> {
        self.read().indexes.first().and_then(|key| key.id)
    }
}

fn seal(key: &DataKey, address: ValueAddress<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let cipher = key.cipher_to_seal().ok_or(SealError::UsedUp(key.id))?;
    cipher.seal(&address.bytes(key.id), plain).ok_or(SealError::NoRandomness)
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.read();
        let current: BTreeMap<_, _> = keys.current.iter().map(|(class, key)| (class, key.id)).collect();
        f.debug_struct("Sealer")
            .field("plain", &self.plain)
            .field("current", &current)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
