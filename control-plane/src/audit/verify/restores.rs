//! Which recorded restores explain that anchored records are missing.

use std::collections::BTreeMap;

use audit_proof::{Hash, Restore, VerifyingKey};
use payments::ports::store::audit::{RecordId, StoredAction};
use payments::ports::store::{Store, StoreError};

use super::anchored::AnchorSource;
use super::finding::{Finding, name};
use crate::audit::restore_note::{Unfit, signed};

/// What the records of restored backups are.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// Those that are signed, or accepted without a signature.
    pub(super) accepted: Vec<StoredAction>,
    /// What these say.
    pub(super) restores: Vec<Restore>,
}

/// The record of a restored backup.
pub(super) struct Recorded {
    pub(super) action: StoredAction,
    /// Its name.
    pub(super) record: String,
    /// The position of its leaf; `None` if it has none, or one of another content.
    pub(super) leaf: Option<u64>,
}

/// The records of restored backups in the database.
pub(super) async fn recorded(
    store: &dyn Store,
    actions: Vec<StoredAction>,
) -> Result<Vec<Recorded>, StoreError> {
    let mut all = Vec::new();
    for action in actions {
        let id = RecordId::Action(action.sequence);
        let leaf = store.audit().leaf_of(id).await?.filter(|leaf| leaf.hash == action.record().hash());
        let record = format!("{} by {}", name(id), action.operator);
        all.push(Recorded { action, record, leaf: leaf.map(|leaf| leaf.index) });
    }
    Ok(all)
}

pub(super) struct Judge<'a> {
    pub(super) keys: &'a [VerifyingKey],
    /// The leaf hashes of records that are accepted without a note.
    pub(super) unsigned: &'a [Hash],
    /// The tree's root at each size that a record says was kept.
    pub(super) roots: &'a BTreeMap<u64, Hash>,
}

impl Judge<'_> {
    pub(super) fn all(&self, records: Vec<Recorded>) -> Judged {
        let mut judged = Judged::default();
        for Recorded { action, record, leaf } in records {
            let unfit = match self.restore(&action) {
                Ok(restore) if judged.restores.contains(&restore) => Unfit::Repeated,
                Ok(restore) => match self.misplaced(leaf, &restore) {
                    Some(unfit) => unfit,
                    None => {
                        judged.restores.push(restore);
                        judged.accepted.push(action);
                        continue;
                    }
                },
                Err(unfit) => unfit,
            };
            judged.findings.push(Finding::RestoreUnfit { record, unfit });
        }
        judged
    }

    fn restore(&self, action: &StoredAction) -> Result<Restore, Unfit> {
        match signed(action, self.keys) {
            Ok(signed) => Ok(signed.restore),
            Err(Unfit::Missing(hash)) if self.unsigned.contains(&hash) => self.unsigned(action),
            Err(unfit) => Err(unfit),
        }
    }

    /// What a record without a note says. It does not say which root the kept records had.
    fn unsigned(&self, action: &StoredAction) -> Result<Restore, Unfit> {
        let restored = action.restored().ok_or(Unfit::Unreadable)?;
        let (lost, kept_size) = (restored.lost().ok_or(Unfit::Unreadable)?, restored.kept_size);
        let kept_root = *self.roots.get(&kept_size).ok_or(Unfit::NotKept(kept_size))?;
        Ok(Restore { lost, kept_size, kept_root, at: action.at })
    }

    /// Why this tree is not the one that the restore kept, or its record not one that was added to it.
    fn misplaced(&self, leaf: Option<u64>, restore: &Restore) -> Option<Unfit> {
        if self.roots.get(&restore.kept_size) != Some(&restore.kept_root) {
            return Some(Unfit::NotKept(restore.kept_size));
        }
        match leaf {
            None => Some(Unfit::NotSealed),
            Some(index) if index < restore.kept_size => Some(Unfit::TooEarly),
            Some(_) => None,
        }
    }
}

impl Judged {
    /// Anchored restore notes without a record that is accepted, in words.
    pub(super) fn unrecorded(&self, sources: &[AnchorSource]) -> Vec<String> {
        let mut notes = Vec::new();
        for AnchorSource { path, anchors } in sources {
            for (line, _) in anchors.restores.iter().filter(|(_, one)| !self.restores.contains(one)) {
                notes.push(format!(
                    "the restore note in line {line} of {} has no record in the trail: a later restore lost it, or it \
                     was removed",
                    path.display()
                ));
            }
        }
        notes
    }
}
