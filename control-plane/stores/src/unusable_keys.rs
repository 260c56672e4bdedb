//! Keys that stored values need and that are not at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use payments::ports::store::StoreError;
use sealing::{DataKeyId, WrapError};

use crate::sealed_tables::Counts;

/// Why the data keys of a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    #[error("there is no key to seal with; set ENCRYPTION_KEYS")]
    NoKeys,
    #[error(transparent)]
    Unusable(UnusableKeys),
    #[error(transparent)]
    Wrapping(#[from] WrapError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A data key that cannot be unwrapped.
#[derive(Debug)]
pub(crate) struct UnusableKey {
    pub(crate) id: DataKeyId,
    /// The name of the key that has wrapped it.
    pub(crate) by: String,
    pub(crate) problem: WrapError,
}

/// The wrapping keys that are missing or wrong, with the rows that cannot be read without them.
#[derive(Debug)]
pub struct UnusableKeys {
    by_name: BTreeMap<String, Unusable>,
}

#[derive(Debug, Default)]
struct Unusable {
    /// A key of this name is given, and is not the one that has wrapped.
    is_wrong: bool,
    data_keys: BTreeSet<DataKeyId>,
    /// By table.
    rows: BTreeMap<&'static str, u64>,
}

impl UnusableKeys {
    pub(crate) fn of(keys: Vec<UnusableKey>, counts: &Counts) -> Self {
        let mut by_name = BTreeMap::<String, Unusable>::new();
        for key in keys {
            let unusable = by_name.entry(key.by).or_default();
            unusable.is_wrong |= matches!(key.problem, WrapError::Wrong { .. });
            unusable.data_keys.insert(key.id);
        }
        for unusable in by_name.values_mut() {
            for (table, rows) in counts.of_keys(&unusable.data_keys) {
                *unusable.rows.entry(table).or_default() += rows;
            }
        }
        Self { by_name }
    }

    /// Rows that cannot be read.
    pub(crate) fn rows(&self) -> u64 {
        self.by_name.values().flat_map(|key| key.rows.values()).sum()
    }
}

impl fmt::Display for UnusableKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (name, key)) in self.by_name.iter().enumerate() {
            let Unusable { is_wrong, data_keys, rows } = key;
            let data_keys = data_keys.len();
            f.write_str(if n == 0 { "" } else { "; " })?;
            if *is_wrong {
                write!(
                    f,
                    "the encryption key `{name}` is not the one that has wrapped {data_keys} data keys"
                )?;
            } else {
                write!(
                    f,
                    "the encryption key `{name}`, which has wrapped {data_keys} data keys, is missing"
                )?;
            }
            let all: u64 = rows.values().sum();
            write!(f, "; {all} rows need it")?;
            let tables: Vec<_> = rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
            if !tables.is_empty() {
                write!(f, " ({})", tables.join(", "))?;
            }
        }
        f.write_str("; add what is missing to ENCRYPTION_KEYS, after the key that seals")
    }
}

impl std::error::Error for UnusableKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_key_and_a_wrong_one_are_named_with_the_rows_that_need_them() {
        let id = |byte| DataKeyId::from_bytes([byte; 8]);
        let mut counts = Counts::default();
        counts.add("payments", &[Some(id(1))], 2);
        counts.add("payments", &[Some(id(1)), Some(id(2))], 3);
        counts.add("events", &[Some(id(3))], 4);
        counts.add("events", &[None], 50);
        let missing = |n, by: &str| {
            let problem = WrapError::UnknownKey(by.to_owned());
            UnusableKey { id: id(n), by: by.to_owned(), problem }
        };
        let problem = WrapError::Wrong { by: "new".to_owned(), data_key: id(3) };
        let wrong = UnusableKey { id: id(3), by: "new".to_owned(), problem };
        let found = UnusableKeys::of(vec![missing(1, "old"), wrong], &counts);
        assert_eq!(found.rows(), 9);
        assert_eq!(
            found.to_string(),
            "the encryption key `new` is not the one that has wrapped 1 data keys; 4 rows need it (events 4); the \
             encryption key `old`, which has wrapped 1 data keys, is missing; 5 rows need it (payments 5); add what is \
             missing to ENCRYPTION_KEYS, after the key that seals"
        );
    }
}
