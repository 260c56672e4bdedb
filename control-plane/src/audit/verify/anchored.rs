//! Compares the tree with what was anchored outside the database.

use std::collections::BTreeMap;
use std::path::PathBuf;

use audit_proof::{Checkpoint, Hash, Restore};

use super::finding::Finding;
use crate::audit::anchors::Anchors;

/// A file of checkpoints and restore notes, as it was read.
pub struct AnchorSource {
    pub path: PathBuf,
    pub anchors: Anchors,
}

/// What the anchors say of a tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AnchorComparison {
    pub(super) finding: Option<Finding>,
    /// Checkpoints that hold.
    pub(super) held: u64,
    /// The largest of them.
    pub(super) newest: u64,
    /// Checkpoints that do not hold, because a backup was restored and that was recorded and signed.
    pub(super) explained: u64,
}

/// `size`: leaves of the tree. `roots`: its root at each size that is anchored. `restores`: those that are accepted.
pub(super) fn compare(
    sources: &[AnchorSource],
    size: u64,
    roots: &BTreeMap<u64, Hash>,
    restores: &[Restore],
) -> AnchorComparison {
    let mut compared = AnchorComparison::default();
    for AnchorSource { path, anchors } in sources {
        let file = || path.display().to_string();
        if let Some(line) = anchors.forged {
            compared.finding.get_or_insert(Finding::AnchorForged { file: file(), line });
        }
        for (line, anchor) in &anchors.signed {
            if holds(anchor, roots) {
                compared.held += 1;
                compared.newest = compared.newest.max(anchor.size);
            } else if restores.iter().any(|restore| restore.explains(anchor)) {
                compared.explained += 1;
            } else if anchor.size > size {
                let cut = Finding::Cut { size, anchored: anchor.size, file: file(), line: *line };
                compared.finding.get_or_insert(cut);
            } else {
                let from = agreed(anchors, anchor.size, roots);
                let rebuilt = Finding::Rebuilt { from, to: anchor.size, file: file(), line: *line };
                compared.finding.get_or_insert(rebuilt);
            }
        }
    }
    compared
}

fn holds(anchor: &Checkpoint, roots: &BTreeMap<u64, Hash>) -> bool {
    anchor.size == 0 || roots.get(&anchor.size) == Some(&anchor.root)
}

/// The largest anchored size below `size` at which the tree has the anchored root.
fn agreed(anchors: &Anchors, size: u64, roots: &BTreeMap<u64, Hash>) -> u64 {
    let smaller = anchors.signed.iter().map(|(_, anchor)| anchor).filter(|anchor| anchor.size < size);
    smaller.filter(|anchor| holds(anchor, roots)).map(|anchor| anchor.size).max().unwrap_or(0)
}
