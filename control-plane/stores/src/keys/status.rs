//! Which keys there are, and what needs them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use payments::ports::store::StoreError;

use super::progress::{self, ResealProgress};
use crate::KeyProblem;
use crate::sealed_tables::{Counts, TABLES, count, is_trail_kept};
use crate::sql::Database;
use crate::sql::data_keys::{DataKeys, StoredKey, stored_keys};

/// The keys of a database.
#[derive(Debug)]
pub struct KeyStatus {
    /// The name of the key that wraps new data keys; `None` if values are stored as they are.
    pub first: Option<String>,
    /// Every key that has wrapped a data key, by name.
    pub wrapping_keys: Vec<WrappingKeyStatus>,
    pub tables: Vec<TableStatus>,
    /// How far the last `reseal` has come, by table.
    pub reseal: Vec<ResealProgress>,
    /// Whether the audit trail is being sealed. Its records (`events`) then stay as they are stored.
    pub is_trail_kept: bool,
}

#[derive(Debug)]
pub struct WrappingKeyStatus {
    pub name: String,
    /// Whether it is configured, and is the one that has wrapped.
    pub is_usable: bool,
    pub data_keys: u64,
    /// Data keys that nothing new is sealed with.
    pub retired: u64,
    pub newest_at: Timestamp,
    /// Rows that cannot be read without it.
    pub rows: u64,
}

#[derive(Debug)]
pub struct TableStatus {
    pub name: &'static str,
    pub rows: u64,
    /// Rows with a value that is not sealed.
    pub plain: u64,
    /// Rows that are sealed with a retired data key.
    pub retired: u64,
}

pub(super) async fn status(database: &impl Database, keys: &DataKeys) -> Result<KeyStatus, KeyProblem> {
    let (stored, counts) = (stored_keys(database).await?, count(database).await?);
    let mut wrapping_keys = BTreeMap::<&str, WrappingKeyStatus>::new();
    for key in living(&stored) {
        let entry = wrapping_keys.entry(&key.wrapped.by).or_insert_with(|| WrappingKeyStatus {
            name: key.wrapped.by.clone(),
            is_usable: true,
            data_keys: 0,
            retired: 0,
            newest_at: key.created_at,
            rows: 0,
        });
        entry.data_keys += 1;
        entry.retired += u64::from(key.is_retired);
        entry.newest_at = entry.newest_at.max(key.created_at);
        entry.is_usable &= match &keys.wrapping {
            Some(wrapping) => wrapping.unwrap(key.id, &key.wrapped).await.is_ok(),
            None => false,
        };
    }
    for (name, entry) in &mut wrapping_keys {
        let keys = living(&stored).filter(|key| key.wrapped.by == *name).map(|key| key.id).collect();
        entry.rows = counts.of_keys(&keys).map(|(_, rows)| rows).sum();
    }
    let retired = living(&stored).filter(|key| key.is_retired).map(|key| key.id).collect();
    let mut of_retired = BTreeMap::<&str, u64>::new();
    for (table, rows) in counts.of_keys(&retired) {
        *of_retired.entry(table).or_default() += rows;
    }
    Ok(KeyStatus {
        first: keys.wrapping.as_ref().map(|wrapping| wrapping.first().to_owned()),
        wrapping_keys: wrapping_keys.into_values().collect(),
        tables: tables(&counts, &of_retired),
        reseal: reseal_progress(database).await?,
        is_trail_kept: is_trail_kept(database).await?,
    })
}

/// The rows that `reseal` would seal, by table.
pub(super) async fn left(
    database: &impl Database,
    keys: &DataKeys,
) -> Result<BTreeMap<&'static str, u64>, KeyProblem> {
    if keys.wrapping.is_none() {
        return Ok(BTreeMap::new());
    }
    let stored = stored_keys(database).await?;
    let retired = living(&stored).filter(|key| key.is_retired).map(|key| key.id).collect();
    let mut left = count(database).await?.plain_or_of(&retired);
    if is_trail_kept(database).await? {
        for table in TABLES.iter().filter(|table| table.is_trail()) {
            left.remove(table.name);
        }
    }
    Ok(left)
}

fn living(stored: &[StoredKey]) -> impl Iterator<Item = &StoredKey> {
    stored.iter().filter(|key| !key.is_erased)
}

fn tables(counts: &Counts, of_retired: &BTreeMap<&str, u64>) -> Vec<TableStatus> {
    let plain = counts.plain();
    let status = |(name, rows)| TableStatus {
        name,
        rows,
        plain: plain.get(name).copied().unwrap_or(0),
        retired: of_retired.get(name).copied().unwrap_or(0),
    };
    counts.all().into_iter().map(status).collect()
}

async fn reseal_progress(database: &impl Database) -> Result<Vec<ResealProgress>, StoreError> {
    progress::all(database).await
}
