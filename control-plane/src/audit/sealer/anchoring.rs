//! Anchors the head of the tree: in the witness, the anchor file and the log.

use audit_proof::{Checkpoint, Note};
use crash_points::reach;
use payments::causes::with_causes;
use payments::ports::store::audit::Seal;

use super::checks::unusable;
use super::{NotSealed, Sealer};
use crate::audit::anchor_file::AnchorFile;
use crate::audit::witness::Witness;

/// Checkpoints that the witness did not sign.
pub const WITNESS_FAILURES: &str = "audit_witness_failures_total";

/// Where heads are anchored, beside the log.
#[derive(Default)]
pub struct AnchorPlaces {
    pub file: Option<AnchorFile>,
    pub witness: Option<Witness>,
}

impl Sealer {
    /// Writes the head where the database cannot change it.
    pub(super) async fn anchor(&mut self, seal: &Seal) -> Result<(), NotSealed> {
        if self.anchored.as_ref().is_some_and(|anchored| anchored.size == seal.size) {
            return Ok(());
        }
        let signed = seal.note().and_then(|note| Some((note.text().parse().ok()?, note)));
        let (checkpoint, mut note): (Checkpoint, Note) = signed.ok_or(NotSealed::Damaged(seal.size))?;
        reach("after_seal_before_anchor").await;
        if let Some(witness) = &mut self.anchors.witness {
            match witness.cosigned(&*self.store, seal, &note).await {
                Ok(cosigned) => note = cosigned,
                // The next checkpoint covers this one.
                Err(problem) => {
                    metrics::counter!(WITNESS_FAILURES).increment(1);
                    tracing::warn!(
                        error = with_causes(&problem),
                        size = seal.size,
                        "a checkpoint is not cosigned"
                    );
                }
            }
        }
        if let Some(file) = &self.anchors.file {
            file.append(&note.to_string()).await.map_err(|source| unusable(file, source))?;
        }
        // The log is an anchor, too: it leaves the machine, and the line has all that a comparison needs.
        let (size, root, note) = (checkpoint.size, checkpoint.root.to_string(), note.to_string());
        tracing::info!(origin = checkpoint.origin, size, root, note, "the audit trail is sealed");
        self.anchored = Some(checkpoint);
        Ok(())
    }
}
