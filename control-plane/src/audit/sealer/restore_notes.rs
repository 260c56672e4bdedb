//! Restores of the database that the records contain: how many, and their signed notes, which are anchored as heads
//! are.

use std::slice::from_ref;

use audit_proof::VerifyingKey;
use payments::ports::store::StoreError;
use payments::ports::store::audit::{Seal, StoredAction};

use super::checks::unusable;
use super::{NotSealed, Sealer};
use crate::audit::restore_note::signed;

impl Sealer {
    /// How often a backup was restored by now. Takes the notes of the restores among the actions.
    pub(super) async fn count_restores(
        &mut self,
        actions: &[StoredAction],
        seal: Option<&Seal>,
    ) -> Result<u32, StoreError> {
        if self.restores.is_none() || actions.iter().any(|action| action.restored().is_some()) {
            self.restores = Some(count(self.store.audit().restorations().await?.len()));
        }
        take_notes(&mut self.restore_notes, self.key.public(), actions);
        // Another process may have sealed the record of a restore.
        Ok(self.restores.max(seal.map(|seal| seal.restores)).unwrap_or(0))
    }

    /// Writes the notes of restores where the database cannot change them.
    pub(super) async fn anchor_restores(&mut self) -> Result<(), NotSealed> {
        while let Some(note) = self.restore_notes.first() {
            if let Some(file) = &self.anchors.file {
                file.append(note).await.map_err(|source| unusable(file, source))?;
            }
            tracing::warn!(note, "a restored backup is recorded in the audit trail, and signed");
            self.restore_notes.remove(0);
        }
        Ok(())
    }
}

/// Takes the notes of the restores among the actions. Anybody who can write to the database can record one without.
fn take_notes(notes: &mut Vec<String>, key: &VerifyingKey, actions: &[StoredAction]) {
    for action in actions.iter().filter(|action| action.restored().is_some()) {
        match signed(action, from_ref(key)) {
            Ok(one) => remember(notes, one.note.to_string()),
            Err(unfit) => tracing::error!(
                action = action.sequence,
                reason = %unfit,
                "the restore note of a recorded restore does not fit"
            ),
        }
    }
}

pub(super) fn remember(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
