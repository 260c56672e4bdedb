//! Seals and opens stored values with the data keys at hand.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::format::{self, Malformed};
use crate::{BlindIndex, Class, DataKey, DataKeyId, IndexKey, NotAuthentic, Place};

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

#[derive(Default)]
struct Keys {
    by_id: HashMap<DataKeyId, Arc<DataKey>>,
    /// Keys that are gone for good. One a day for each class, so there are a few thousand after years.
    erased: HashSet<DataKeyId>,
    /// Seal new values.
    current: HashMap<Class, Arc<DataKey>>,
    /// The newest first, which computes the indexes of what is written.
    indexes: Vec<IndexKey>,
}

impl Sealer {
    /// Without a key yet.
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

    /// Whether it is known what became of the key: it is at hand, or erased.
    #[must_use]
    pub fn knows(&self, id: DataKeyId) -> bool {
        let keys = self.read();
        keys.by_id.contains_key(&id) || keys.erased.contains(&id)
    }

    /// Adds a key that opens, unless it was erased.
    pub fn add(&self, key: DataKey) {
        let mut keys = self.write();
        if !keys.erased.contains(&key.id) {
            keys.by_id.entry(key.id).or_insert_with(|| Arc::new(key));
        }
    }

    /// Forgets a key for good: what it has sealed has ended, and nothing is sealed with it.
    pub fn erase(&self, id: DataKeyId) {
        let mut keys = self.write();
        keys.by_id.remove(&id);
        keys.current.retain(|_, key| key.id != id);
        keys.erased.insert(id);
    }

    /// Seals new values of a class with a known key from now on.
    pub fn seal_with(&self, class: Class, id: DataKeyId) {
        let mut keys = self.write();
        if let Some(key) = keys.by_id.get(&id).cloned() {
            keys.current.insert(class, key);
        }
    }

    /// The key that seals new values of a class.
    #[must_use]
    pub fn current(&self, class: Class) -> Option<Arc<DataKey>> {
        self.read().current.get(&class).cloned()
    }

    #[must_use]
    pub fn has_index(&self, id: DataKeyId) -> bool {
        self.read().indexes.iter().any(|key| key.id == Some(id))
    }

    /// Adds an index key, which is newer than all that are there.
    pub fn add_index(&self, key: IndexKey) {
        let mut keys = self.write();
        if keys.indexes.iter().all(|known| known.id != key.id) {
            keys.indexes.insert(0, key);
        }
    }

    /// Seals a text. Returns it unchanged if values are plain.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub fn seal_text(&self, place: Place<'_>, plain: String) -> Result<String, SealError> {
        if self.plain == PlainValues::Written {
            return Ok(plain);
        }
        let key = self.current(place.class()).ok_or(SealError::NoKey)?;
        Ok(format::write_text(key.id, &seal(&key, place, plain.as_bytes())?))
    }

    /// Like [`Self::seal_text`], for a column of bytes.
    ///
    /// # Errors
    /// As there.
    pub fn seal_bytes(&self, place: Place<'_>, plain: Vec<u8>) -> Result<Vec<u8>, SealError> {
        if self.plain == PlainValues::Written {
            return Ok(plain);
        }
        let key = self.current(place.class()).ok_or(SealError::NoKey)?;
        Ok(format::write_bytes(key.id, &seal(&key, place, &plain)?))
    }

    /// Seals a text with a known key, whichever seals new values.
    ///
    /// # Errors
    /// The key is not at hand.
    pub fn seal_text_with(&self, id: DataKeyId, place: Place<'_>, plain: &str) -> Result<String, SealError> {
        let key = self.read().by_id.get(&id).cloned().ok_or(SealError::NoKey)?;
        Ok(format::write_text(id, &seal(&key, place, plain.as_bytes())?))
    }

    /// Like [`Self::seal_text_with`], for a column of bytes.
    ///
    /// # Errors
    /// As there.
    pub fn seal_bytes_with(
        &self,
        id: DataKeyId,
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let key = self.read().by_id.get(&id).cloned().ok_or(SealError::NoKey)?;
        Ok(format::write_bytes(id, &seal(&key, place, plain)?))
    }

    /// What a stored text says.
    ///
    /// # Errors
    /// It is not a value of this place, or its key is not at hand.
    pub fn open_text(&self, place: Place<'_>, stored: String) -> Result<String, OpenError> {
        let Some(id) = format::key_of(stored.as_bytes())? else { return self.plain(stored) };
        let plain = self.open(place, id, format::read_text(&stored)?)?;
        String::from_utf8(plain).map_err(|_| OpenError::NotAuthentic)
    }

    /// Like [`Self::open_text`], for a column of bytes.
    ///
    /// # Errors
    /// As there.
    pub fn open_bytes(&self, place: Place<'_>, stored: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let Some(id) = format::key_of(&stored)? else { return self.plain(stored) };
        self.open(place, id, format::read_bytes(stored))
    }

    /// Like [`Self::open_text`], and accepts a plain value in any case: it is about to be sealed.
    ///
    /// # Errors
    /// As there.
    pub fn open_or_plain_text(&self, place: Place<'_>, stored: String) -> Result<String, OpenError> {
        if format::key_of(stored.as_bytes())?.is_none() { Ok(stored) } else { self.open_text(place, stored) }
    }

    /// Like [`Self::open_or_plain_text`], for a column of bytes.
    ///
    /// # Errors
    /// As there.
    pub fn open_or_plain_bytes(&self, place: Place<'_>, stored: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        if format::key_of(&stored)?.is_none() { Ok(stored) } else { self.open_bytes(place, stored) }
    }

    fn plain<T>(&self, stored: T) -> Result<T, OpenError> {
        if self.plain == PlainValues::Rejected { Err(OpenError::Plain) } else { Ok(stored) }
    }

    fn open(&self, place: Place<'_>, id: DataKeyId, sealed: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let key = {
            let keys = self.read();
            if keys.erased.contains(&id) {
                return Err(OpenError::Erased(id));
            }
            keys.by_id.get(&id).cloned().ok_or(OpenError::UnknownKey(id))?
        };
        Ok(key.cipher().open(&place.bytes(id), sealed)?)
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

    /// No code panics while it holds the lock.
    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seal(key: &DataKey, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let cipher = key.cipher_to_seal().ok_or(SealError::UsedUp(key.id))?;
    cipher.seal(&place.bytes(key.id), plain).ok_or(SealError::NoRandomness)
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.read();
        let current: HashMap<_, _> = keys.current.iter().map(|(class, key)| (class, key.id)).collect();
        f.debug_struct("Sealer")
            .field("plain", &self.plain)
            .field("current", &current)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SecretKey;

    const HERE: Place<'static> = Place { table: "payments", column: "detail", row: "txn_1" };

    fn id(byte: u8) -> DataKeyId {
        DataKeyId::from_bytes([byte; 8])
    }

    fn key(byte: u8) -> DataKey {
        DataKey::new(id(byte), &SecretKey::new([byte; 32])).unwrap()
    }

    fn sealer(keys: &[u8]) -> Sealer {
        let sealer = Sealer::new(PlainValues::Read);
        for byte in keys {
            sealer.add(key(*byte));
            for class in Class::ALL {
                sealer.seal_with(class, id(*byte));
            }
        }
        sealer
    }

    fn sealed(sealer: &Sealer) -> String {
        sealer.seal_text(HERE, "{\"a\":1}".to_owned()).unwrap()
    }

    #[test]
    fn values_stay_plain_until_there_are_keys_for_them() {
        let plain = Sealer::new(PlainValues::Written);
        assert_eq!(sealed(&plain), "{\"a\":1}");
        assert_eq!(plain.seal_bytes(HERE, vec![1]), Ok(vec![1]));
        assert_eq!(plain.open_text(HERE, sealed(&sealer(&[1]))), Err(OpenError::UnknownKey(id(1))));
        assert_eq!(Sealer::new(PlainValues::Read).seal_text(HERE, String::new()), Err(SealError::NoKey));
    }

    #[test]
    fn plain_values_of_before_are_read_unless_they_are_rejected() {
        assert_eq!(sealer(&[1]).open_text(HERE, "{}".to_owned()), Ok("{}".to_owned()));
        let strict = Sealer::new(PlainValues::Rejected);
        assert_eq!(strict.open_text(HERE, "{}".to_owned()), Err(OpenError::Plain));
        assert_eq!(strict.open_bytes(HERE, b"{}".to_vec()), Err(OpenError::Plain));
    }

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let sealer = sealer(&[1]);
        let stored = sealed(&sealer);
        assert!(stored.starts_with("enc1:0101010101010101:"), "{stored}");
        let elsewhere = [
            Place { row: "txn_2", ..HERE },
            Place { column: "request", ..HERE },
            Place { table: "refunds", ..HERE },
        ];
        for place in elsewhere {
            assert_eq!(sealer.open_text(place, stored.clone()), Err(OpenError::NotAuthentic), "{place:?}");
        }
        assert_eq!(sealer.open_text(HERE, stored), Ok("{\"a\":1}".to_owned()));
    }

    #[test]
    fn a_value_under_another_keys_name_or_of_an_unknown_key_does_not_open() {
        let stored = sealed(&sealer(&[1]));
        let renamed = stored.replace("0101010101010101", "0202020202020202");
        assert_eq!(sealer(&[1, 2]).open_text(HERE, renamed.clone()), Err(OpenError::NotAuthentic));
        assert_eq!(sealer(&[1]).open_text(HERE, renamed), Err(OpenError::UnknownKey(id(2))));
        // Another key of the same name.
        let other = Sealer::new(PlainValues::Read);
        other.add(DataKey::new(id(1), &SecretKey::new([9; 32])).unwrap());
        assert_eq!(other.open_text(HERE, stored), Err(OpenError::NotAuthentic));
        assert_eq!(other.open_text(HERE, "enc1:".to_owned()), Err(OpenError::Malformed));
        assert_eq!(other.open_text(HERE, "enc1:0101010101010101:*".to_owned()), Err(OpenError::Malformed));
    }

    #[test]
    fn a_newer_key_seals_and_the_older_one_still_opens() {
        let both = sealer(&[1, 2]);
        assert_eq!(both.current(Class::Kept).map(|key| key.id), Some(id(2)));
        assert!(both.open_text(HERE, sealed(&sealer(&[1]))).is_ok());
        both.seal_with(Class::Kept, id(3));
        assert_eq!(both.current(Class::Kept).map(|key| key.id), Some(id(2)), "it is not known");
    }

    #[test]
    fn what_an_erased_key_has_sealed_has_ended_and_the_key_does_not_come_back() {
        let both = sealer(&[1, 2]);
        let stored = sealed(&sealer(&[1]));
        both.erase(id(1));
        assert_eq!(both.open_text(HERE, stored.clone()), Err(OpenError::Erased(id(1))));
        both.add(key(1));
        both.seal_with(Class::Kept, id(1));
        assert_eq!(both.open_text(HERE, stored), Err(OpenError::Erased(id(1))));
        assert_eq!(both.seal_text_with(id(1), HERE, "{}"), Err(SealError::NoKey));
        assert!(both.knows(id(1)), "nobody looks for it again");
        both.erase(id(2));
        assert_eq!(both.seal_text(HERE, String::new()), Err(SealError::NoKey));
    }

    #[test]
    fn values_that_end_apart_have_keys_apart() {
        let sealer = sealer(&[1, 2]);
        sealer.seal_with(Class::Payers, id(1));
        let request = Place { column: "request", ..HERE };
        assert!(sealer.seal_text(request, "{}".to_owned()).unwrap().starts_with("enc1:0101"));
        assert!(sealer.seal_text(HERE, "{}".to_owned()).unwrap().starts_with("enc1:0202"));
    }

    #[test]
    fn an_index_is_looked_for_under_every_key_and_written_under_the_newest() {
        let sealer = sealer(&[1]);
        assert_eq!(sealer.index(&["a"], "b"), Err(SealError::NoKey), "no plain index beside sealed values");
        for byte in [1, 2] {
            sealer.add_index(IndexKey::new(id(byte), &SecretKey::new([byte; 32])));
        }
        let (key, written) = sealer.index(&["a"], "b").unwrap();
        assert_eq!((key, sealer.index_key()), (Some(id(2)), Some(id(2))));
        let all = sealer.indexes(&["a"], "b");
        assert_eq!(all.len(), 3);
        assert!(all.contains(&written) && all.contains(&IndexKey::plain().index(&["a"], "b")));
        let plain = Sealer::new(PlainValues::Written);
        assert_eq!(plain.index(&["a"], "b").unwrap().0, None);
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let sealer = Sealer::new(PlainValues::Read);
        sealer.add(DataKey::new(id(1), &SecretKey::new([0x77; 32])).unwrap());
        sealer.seal_with(Class::Kept, id(1));
        sealer.add_index(IndexKey::new(id(2), &SecretKey::new([0x77; 32])));
        let shown = format!(
            "{sealer:?} {:?} {:?}",
            sealer.current(Class::Kept),
            IndexKey::new(id(2), &SecretKey::new([0x77; 32]))
        );
        assert!(shown.contains("0101010101010101"), "{shown}");
        assert!(!shown.contains("7777") && !shown.contains("119"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_to_the_same_whatever_it_is(text: String, bytes: Vec<u8>, row: String) {
            let sealer = sealer(&[1]);
            let place = Place { row: &row, ..HERE };
            let stored = sealer.seal_text(place, text.clone()).unwrap();
            prop_assert!(text.len() < 8 || !stored.contains(&text));
            prop_assert_eq!(sealer.open_text(place, stored), Ok(text));
            let stored = sealer.seal_bytes(place, bytes.clone()).unwrap();
            prop_assert_eq!(sealer.open_bytes(place, stored), Ok(bytes));
        }

        #[test]
        fn a_flipped_bit_is_never_taken_for_a_value(
            text in "\\{[a-z]{0,40}\\}", at: prop::sample::Index, bit in 0..7_u8,
        ) {
            let sealer = sealer(&[1]);
            let mut stored = sealer.seal_text(HERE, text.clone()).unwrap().into_bytes();
            let at = at.index(stored.len());
            stored[at] ^= 1 << bit;
            let opened = sealer.open_text(HERE, String::from_utf8(stored).unwrap());
            // A change of the head makes it a plain value, which is no JSON and therefore no row's.
            let is_no_value = opened.as_ref().is_ok_and(|plain| at < 5 && !plain.starts_with('{'));
            prop_assert!(opened.is_err() || is_no_value, "bit {} of byte {}", bit, at);
        }
    }
}
