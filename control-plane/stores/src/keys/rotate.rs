//! Replacing keys.

use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;
use sealing::WrapError;

use super::progress;
use crate::KeyProblem;
use crate::sql::data_keys::{DataKeys, KeyPurpose, StoredKey, make_key, stored_keys};
use crate::sql::{Database, Purpose, Query};

/// What was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The name of the key that wraps all data keys now.
    pub first: String,
    /// Data keys that another key had wrapped before.
    pub wrapped: u64,
    pub retired: u64,
}

/// Only if no other process has replaced it meanwhile. `$1`: id, `$2`: wrapped by, `$3`: wrapped, `$4`: wrapped by so
/// far.
const WRAP: &str = "UPDATE data_keys SET wrapped_by = $2, wrapped = $3 WHERE id = $1 AND wrapped_by = $4";
/// `$1`: id, `$2`: now.
const RETIRE: &str = "UPDATE data_keys SET retired_at = $2 WHERE id = $1 AND retired_at IS NULL";

pub(super) async fn rotate(
    database: &impl Database,
    keys: &DataKeys,
    new_data_keys: bool,
) -> Result<Rotated, KeyProblem> {
    keys.open(database).await?;
    let Some(wrapping) = &keys.wrapping else { return Err(KeyProblem::NoKeys) };
    let stored = stored_keys(database).await?;
    let mut rotated = Rotated { first: wrapping.first().to_owned(), wrapped: 0, retired: 0 };
    for key in stored.iter().filter(|key| !key.is_erased) {
        // What cannot be unwrapped is needed by no row, or `open` had refused.
        if key.wrapped.by != rotated.first && wrapping.has(&key.wrapped.by) {
            rotated.wrapped += wrap(database, keys, key).await?;
        }
    }
    if new_data_keys {
        // The new ones first: there is always one to seal with.
        for purpose in KeyPurpose::ALL {
            make_key(database, &**wrapping, purpose, None).await?;
        }
        for key in stored.iter().filter(|key| !key.is_erased) {
            let now = SystemClock.now().as_microsecond();
            let retire = Query::new(RETIRE).with(key.id.to_string()).with(now);
            rotated.retired += database.execute(Purpose::Operators, retire).await?;
        }
        // What an interrupted run has seen already is sealed with a key that was retired since.
        progress::end(database).await?;
    }
    Ok(rotated)
}

async fn wrap(database: &impl Database, keys: &DataKeys, key: &StoredKey) -> Result<u64, KeyProblem> {
    let Some(wrapping) = &keys.wrapping else { return Ok(0) };
    let secret = match wrapping.unwrap(key.id, &key.wrapped).await {
        Ok(secret) => secret,
        // Needed by no row.
        Err(WrapError::Wrong { .. } | WrapError::UnknownKey(_)) => return Ok(0),
        Err(problem) => return Err(problem.into()),
    };
    let wrapped = wrapping.wrap(key.id, &secret).await?;
    let update = Query::new(WRAP)
        .with(key.id.to_string())
        .with(wrapped.by)
        .with(wrapped.bytes)
        .with(key.wrapped.by.as_str());
    let done: Result<u64, StoreError> = database.execute(Purpose::Operators, update).await;
    Ok(done?)
}
