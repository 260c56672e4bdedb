//! Which keys there are, and what needs them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use payments::ports::store::StoreError;
use sealing::{DataKeyId, WrapError};

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
    /// Every key that has wrapped a data key, by name. Twice where the key at hand opens some of the data keys of its name
    /// and not the others, which another key of that name has wrapped.
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
    /// Rows that name a data key which the database does not have.
    pub unknown: u64,
}

pub(super) async fn status(database: &impl Database, keys: &DataKeys) -> Result<KeyStatus, KeyProblem> {
    let (stored, counts) = (stored_keys(database).await?, count(database).await?);
    // Once more: a data key that was made during the count is in the table before any row names it.
    let known = stored_keys(database).await?.iter().map(|key| key.id).collect();
    let retired = living(&stored).filter(|key| key.is_retired).map(|key| key.id).collect();
    let mut of_retired = BTreeMap::<&str, u64>::new();
    for (table, rows) in counts.of_keys(&retired) {
        *of_retired.entry(table).or_default() += rows;
    }
    Ok(KeyStatus {
        first: keys.wrapping.as_ref().map(|wrapping| wrapping.first().to_owned()),
        wrapping_keys: wrapping_keys(&stored, &counts, keys).await?,
        tables: tables(&counts, &of_retired, &counts.of_others(&known)),
        reseal: reseal_progress(database).await?,
        is_trail_kept: is_trail_kept(database).await?,
    })
}

async fn wrapping_keys(
    stored: &[StoredKey],
    counts: &Counts,
    keys: &DataKeys,
) -> Result<Vec<WrappingKeyStatus>, KeyProblem> {
    let mut found = BTreeMap::<(&str, bool), (WrappingKeyStatus, BTreeSet<DataKeyId>)>::new();
    for key in living(stored) {
        let (name, is_usable) = (key.wrapped.by.as_str(), opens(keys, key).await?);
        let (status, data_keys) = found.entry((name, is_usable)).or_insert_with(|| {
            let (name, newest_at) = (name.to_owned(), key.created_at);
            let status = WrappingKeyStatus { name, is_usable, data_keys: 0, retired: 0, newest_at, rows: 0 };
            (status, BTreeSet::new())
        });
        status.data_keys += 1;
        status.retired += u64::from(key.is_retired);
        status.newest_at = status.newest_at.max(key.created_at);
        data_keys.insert(key.id);
    }
    let counted = |(status, data_keys): (WrappingKeyStatus, BTreeSet<DataKeyId>)| {
        let rows = counts.of_keys(&data_keys).map(|(_, rows)| rows).sum();
        WrappingKeyStatus { rows, ..status }
    };
    Ok(found.into_values().map(counted).collect())
}

/// Whether the key at hand opens the data key. An error says nothing about it: the key's service cannot be asked.
async fn opens(keys: &DataKeys, key: &StoredKey) -> Result<bool, KeyProblem> {
    let Some(wrapping) = &keys.wrapping else { return Ok(false) };
    match wrapping.unwrap(key.id, &key.wrapped).await {
        Ok(_) => Ok(true),
        Err(WrapError::UnknownKey(_) | WrapError::Wrong { .. }) => Ok(false),
        Err(problem) => Err(problem.into()),
    }
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

fn tables(
    counts: &Counts,
    of_retired: &BTreeMap<&str, u64>,
    of_unknown: &BTreeMap<&str, u64>,
) -> Vec<TableStatus> {
    let plain = counts.plain();
    let status = |(name, rows)| TableStatus {
        name,
        rows,
        plain: plain.get(name).copied().unwrap_or(0),
        retired: of_retired.get(name).copied().unwrap_or(0),
        unknown: of_unknown.get(name).copied().unwrap_or(0),
    };
    counts.all().into_iter().map(status).collect()
}

async fn reseal_progress(database: &impl Database) -> Result<Vec<ResealProgress>, StoreError> {
    progress::all(database).await
}
