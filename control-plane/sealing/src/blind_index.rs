//! Finding a sealed value by what it says.
//!
//! A blind index is a keyed hash of the value, stored beside it: equal values have equal indexes, and without the key
//! nobody can tell which value one stands for, or try guesses. It reveals which rows have the same value.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::{DataKeyId, SecretKey};

/// The first 16 bytes of an HMAC-SHA256, as hex digits. Half of it keeps the index short; among 10¹² values, two have
/// the same with a probability of 10⁻¹⁵.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlindIndex(String);

const INDEX_BYTES: usize = 16;

/// A key that indexes are computed with, derived from a data key that nothing else uses.
#[derive(Debug)]
pub struct IndexKey {
    /// `None`: of a database whose values are plain.
    pub id: Option<DataKeyId>,
    key: hmac::Key,
}

const PURPOSE: &str = "payment gateway: blind indexes, version 1";

impl IndexKey {
    #[must_use]
    pub fn new(id: DataKeyId, key: &SecretKey) -> Self {
        Self { id: Some(id), key: hmac::Key::new(HMAC_SHA256, key.derive(PURPOSE).as_bytes()) }
    }

    /// For a database whose values are plain: a look-up works in the same way, and the index hides nothing.
    #[must_use]
    pub fn plain() -> Self {
        Self { id: None, key: hmac::Key::new(HMAC_SHA256, &[]) }
    }

    /// The index of `value`. `scope` names what is looked up and for whom: equal values of two scopes have nothing in
    /// common.
    #[must_use]
    pub fn index(&self, scope: &[&str], value: &str) -> BlindIndex {
        let mut context = hmac::Context::with_key(&self.key);
        for part in scope.iter().copied().chain([value]) {
            // Each part follows its length, so that no two lists are the same bytes.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let tag = context.sign();
        BlindIndex(hex::encode(tag.as_ref().get(..INDEX_BYTES).unwrap_or_default()))
    }
}

impl BlindIndex {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: DataKeyId = DataKeyId::from_bytes([1; 8]);

    fn key(byte: u8) -> IndexKey {
        IndexKey::new(ID, &SecretKey::new([byte; 32]))
    }

    #[test]
    fn what_is_in_one_part_is_not_taken_for_the_next() {
        let key = key(1);
        assert_ne!(key.index(&["a", "b"], "c"), key.index(&["ab", ""], "c"));
        assert_ne!(key.index(&["a"], "bc"), key.index(&["ab"], "c"));
        assert_eq!(key.index(&["a"], "b").as_str().len(), 2 * INDEX_BYTES);
    }

    /// A stored index must be found by every release.
    #[test]
    fn an_index_never_changes_by_accident() {
        let index = key(1).index(&["customerReference", "demo"], "cust-1");
        assert_eq!(index.as_str(), "01d21ac94f3c7cfc8eedcf4e921a4de1");
    }

    proptest! {
        #[test]
        fn equal_values_have_one_index_and_others_have_another(a: String, b: String) {
            let index = |byte, client, value: &str| key(byte).index(&[client], value);
            prop_assert_eq!(index(1, "demo", &a), index(1, "demo", &a));
            prop_assert_eq!(index(1, "demo", &a) == index(1, "demo", &b), a == b);
            prop_assert_ne!(index(1, "demo", &a), index(1, "demo-2", &a));
            prop_assert_ne!(index(1, "demo", &a), index(2, "demo", &a));
            prop_assert_ne!(index(1, "demo", &a), IndexKey::plain().index(&["demo"], &a));
        }
    }
}
