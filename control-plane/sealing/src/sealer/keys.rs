//! The data keys at hand: which ones open, which ones have ended, and which one seals.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use super::Sealer;
use crate::{Class, DataKey, DataKeyId, IndexKey};

#[derive(Default)]
pub(super) struct Keys {
    pub(super) by_id: HashMap<DataKeyId, Arc<DataKey>>,
    /// Keys that are gone for good, with the class of what they sealed. One a day for each class, so there are a few
    /// thousand after years.
    pub(super) erased: HashMap<DataKeyId, Class>,
    /// Seal new values.
    pub(super) current: BTreeMap<Class, Arc<DataKey>>,
    /// The newest first, which computes the indexes of what is written.
    pub(super) indexes: Vec<IndexKey>,
}

impl Sealer {
    /// Whether it is known what became of the key: it is at hand, or erased.
    #[must_use]
    pub fn knows(&self, id: DataKeyId) -> bool {
        let keys = self.read();
        keys.by_id.contains_key(&id) || keys.erased.contains_key(&id)
    }

    /// Adds a key that opens, unless it was erased.
    pub fn add(&self, key: DataKey) {
        let mut keys = self.write();
        if !keys.erased.contains_key(&key.id) {
            keys.by_id.entry(key.id).or_insert_with(|| Arc::new(key));
        }
    }

    /// Forgets a key for good: what it has sealed has ended, all of it of this class, and nothing is sealed with it.
    pub fn erase(&self, id: DataKeyId, class: Class) {
        let mut keys = self.write();
        keys.by_id.remove(&id);
        keys.current.retain(|_, key| key.id != id);
        keys.erased.insert(id, class);
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

    /// No code panics while it holds the lock.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }
}
