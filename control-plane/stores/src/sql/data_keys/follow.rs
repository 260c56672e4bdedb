//! Data keys that other processes have made since the table was read.

use std::collections::HashSet;
use std::sync::PoisonError;

use payments::ports::store::StoreError;
use sealing::{DataKeyId, format};

use super::{DataKeys, LOOKED_UP_EVERY};
use crate::sealed_row::SealedRow;
use crate::sql::Database;

impl DataKeys {
    /// Reads the keys that other processes have made since and that these rows need.
    pub(crate) async fn follow<'r, R: SealedRow + 'r>(
        &self,
        database: &impl Database,
        rows: impl IntoIterator<Item = &'r mut R>,
    ) -> Result<(), StoreError> {
        let unknown = self.unknown(rows);
        if unknown.is_empty() || self.wrapping.is_none() || self.were_missing(&unknown) {
            return Ok(());
        }
        let _guard = self.renewing.lock().await;
        if unknown.iter().all(|key| self.sealer.knows(*key)) {
            return Ok(());
        }
        self.read(database).await?;
        let missing = unknown.into_iter().filter(|key| !self.sealer.knows(*key)).collect();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).missing = missing;
        Ok(())
    }

    fn unknown<'r, R: SealedRow + 'r>(
        &self,
        rows: impl IntoIterator<Item = &'r mut R>,
    ) -> HashSet<DataKeyId> {
        let mut unknown = HashSet::new();
        for row in rows {
            for (_, value) in row.sealed().into_iter().flatten() {
                match format::key_of(value.bytes()) {
                    Ok(Some(key)) if !self.sealer.knows(key) => drop(unknown.insert(key)),
                    _ => {}
                }
            }
        }
        unknown
    }

    /// Whether the table, read a moment ago, had none of these keys.
    fn were_missing(&self, keys: &HashSet<DataKeyId>) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = state.read_at.is_some_and(|at| at.elapsed() < LOOKED_UP_EVERY);
        is_fresh && keys.is_subset(&state.missing)
    }

    /// Reads the table for keys of indexes that others have made, unless it was read a moment ago.
    pub(crate) async fn look_up(&self, database: &impl Database) -> Result<(), StoreError> {
        if self.wrapping.is_none() {
            return Ok(());
        }
        let _guard = self.renewing.lock().await;
        let read_at = self.state.lock().unwrap_or_else(PoisonError::into_inner).read_at;
        match read_at {
            Some(at) if at.elapsed() < LOOKED_UP_EVERY => Ok(()),
            _ => self.read(database).await,
        }
    }
}
