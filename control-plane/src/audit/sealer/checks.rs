//! What must hold before anything is sealed, and why nothing is.

use audit_proof::Checkpoint;
use payments::ports::store::StoreError;
use payments::ports::store::audit::{LeftPlain, Seal};

use super::restore_notes::remember;
use super::{Sealer, size};
use crate::audit::anchor_file::AnchorFile;
use crate::audit::holds::holds;
use crate::audit::restore_note::signed_restores;
use crate::audit::seal_position::SealPositionMismatch;
use crate::audit::sealed_at;
use crate::audit::witness::NoClient;

/// Why nothing is sealed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the anchor file {file} cannot be used")]
    AnchorFile { file: String, source: std::io::Error },
    #[error("AUDIT_WITNESS_URL: the witness cannot be asked")]
    Witness(#[from] NoClient),
    /// Values are to be encrypted, and the trail has never been sealed.
    #[error(
        "there are records that are not encrypted, and a sealed record stays as it is stored, so they would be plain for \
         ever. Run `control-plane keys reseal`; sealing begins when no record is plain (`control-plane keys status`)"
    )]
    Plain,
    /// What was anchored is not in the database.
    #[error(
        "the database does not have the {} records that were sealed and anchored: it was restored from a backup, or \
         changed. Run `control-plane audit verify`; after a restore, record it by `control-plane audit restored`",
        .0.size
    )]
    Contradicted(Checkpoint),
    /// The stored tree has not the root that was signed.
    #[error("the tree of {0} records is damaged. Run `control-plane audit verify`")]
    Damaged(u64),
    /// The newest checkpoint's row states a different time than its text.
    #[error(
        "the checkpoint of {0} records was changed: its row and the signed text differ in time. Run \
         `control-plane audit verify`"
    )]
    CheckpointChanged(u64),
    /// The newest checkpoint's row states a different resume position than the sealed records.
    #[error("{0}: its row, or one of these records, was changed. Run `control-plane audit verify`")]
    Misplaced(SealPositionMismatch),
}

impl NotSealed {
    /// Whether the database is not what was sealed before.
    #[must_use]
    pub const fn is_contradiction(&self) -> bool {
        matches!(
            self,
            Self::Contradicted(_) | Self::Damaged(_) | Self::CheckpointChanged(_) | Self::Misplaced(_)
        )
    }
}

pub(super) fn unusable(file: &AnchorFile, source: std::io::Error) -> NotSealed {
    NotSealed::AnchorFile { file: file.path().display().to_string(), source }
}

impl Sealer {
    /// The first lease of sealing makes every record keep its form, so plain ones are encrypted before. A scan that
    /// fails, or finds one, continues from there in the next turn.
    pub(super) async fn check_plain(&mut self) -> Result<(), NotSealed> {
        loop {
            match self.store.audit().left_plain(self.encrypted_up_to).await? {
                LeftPlain::Nothing => return Ok(()),
                LeftPlain::NothingUpTo(number) => self.encrypted_up_to = number,
                LeftPlain::Something => return Err(NotSealed::Plain),
            }
        }
    }

    /// What was anchored must be in the database, unless a signed record says that a backup was restored.
    pub(super) async fn check(&mut self, seal: Option<&Seal>) -> Result<(), NotSealed> {
        let Some(anchored) = &self.anchored else { return Ok(()) };
        if anchored.size <= size(seal) && holds(&*self.store, anchored.size, anchored.root).await? {
            return Ok(());
        }
        let told = signed_restores(&*self.store, self.key.public()).await?;
        let Some(told) = told.into_iter().find(|one| one.restore.explains(anchored)) else {
            return Err(NotSealed::Contradicted(anchored.clone()));
        };
        remember(&mut self.restore_notes, told.note.to_string());
        tracing::warn!(
            size = anchored.size,
            "sealed records are missing; sealing continues because a restore is recorded"
        );
        (self.anchored, self.restores) = (None, None);
        Ok(())
    }

    /// The checkpoint must have been signed when its row says, and the sealed records must end where the row says:
    /// later records, and only those, are still to be sealed. An unchanged row is not compared again.
    pub(super) async fn check_row(&mut self, seal: Option<&Seal>) -> Result<(), NotSealed> {
        let Some(seal) = seal.filter(|seal| self.compared.as_ref() != Some(*seal)) else { return Ok(()) };
        let note = seal.note().ok_or(NotSealed::Damaged(seal.size))?;
        if sealed_at::is_changed(seal, &note) {
            return Err(NotSealed::CheckpointChanged(seal.size));
        }
        let sealed = self.store.audit().sealed_up_to(seal.size).await?;
        if let Some(misplaced) = SealPositionMismatch::found(seal, sealed) {
            return Err(NotSealed::Misplaced(misplaced));
        }
        self.compared = Some(seal.clone());
        Ok(())
    }
}
