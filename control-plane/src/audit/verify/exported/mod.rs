//! Proves that an export is what was sealed, without the database: with the public key, and what was anchored.

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::slice::from_ref;

use audit_proof::{Checkpoint, Frontier, Hash, Note, Trust, VerifyingKey};
use payments::ports::store::audit::StoredAction;

use self::lines::Lines;
use super::anchored::{self, AnchorComparison, AnchorSource};
use super::finding::Finding;
use super::restores::Judge;
use super::{TrailReport, notes};
use crate::audit::is_origin;

/// Compares the lines of an export with each other, with its checkpoint and with anchors. Reads it once, and keeps the
/// hashes of its records. `unsigned`: as for [`verify`](super::verify).
///
/// # Errors
/// The export cannot be read.
pub fn verify_export(
    export: impl BufRead,
    keys: &[VerifyingKey],
    sources: &[AnchorSource],
    unsigned: &[Hash],
) -> std::io::Result<TrailReport> {
    let Lines { hashes, restorations, checkpoint, finding, hidden } = Lines::read(export)?;
    let mut report = TrailReport {
        sealed: number(hashes.len()),
        unsealed: None,
        checkpoints: 0,
        of_other_keys: 0,
        anchored: 0,
        anchored_size: 0,
        explained: 0,
        notes: notes(sources),
        restorations: Vec::new(),
        findings: Vec::new(),
    };
    report.notes.push("an export was compared, and not the database that it is of".to_owned());
    if hidden > 0 {
        report.notes.push(format!(
            "the details of {hidden} records are encrypted: their address, outcome and reason, and what was done beside a \
             change of the state, are not proved by the export"
        ));
    }
    let head = match finding {
        Some(finding) => Err(finding),
        None => head(checkpoint.as_deref(), report.sealed, keys),
    };
    let head = match head {
        Ok(head) => head,
        Err(finding) => {
            // Behind the first wrong record, the tree is unknown.
            report.findings.push(finding);
            return Ok(report);
        }
    };
    let anchors = sources.iter().flat_map(|source| &source.anchors.signed).map(|(_, anchor)| anchor.size);
    let kept = restorations.iter().filter_map(|one| StoredAction::restored(&one.action));
    let sizes: BTreeSet<u64> =
        anchors.chain(kept.map(|restored| restored.kept_size)).chain([head.size]).collect();
    let roots = roots(&hashes, &sizes);
    if roots.get(&head.size) == Some(&head.root) {
        report.checkpoints = 1;
    } else {
        report.findings.push(rewritten(&head, sources, &roots));
    }
    let mut restores = Judge { keys, unsigned, roots: &roots }.all(restorations);
    report.findings.append(&mut restores.findings);
    let compared = anchored::compare(sources, head.size, &roots, &restores.restores);
    report.notes.extend(restores.unrecorded(sources));
    let AnchorComparison { finding, held, newest, explained } = compared;
    if matches!(finding, Some(Finding::Cut { .. })) {
        report
            .notes
            .push("an export that is older than the anchors ends before them: make a newer one".to_owned());
    }
    report.findings.extend(finding);
    (report.anchored, report.anchored_size, report.explained) = (held, newest, explained);
    report.restorations = restores.accepted;
    Ok(report)
}

/// The checkpoint of exactly `size` records, which a given key has signed for its log.
fn head(note: Option<&str>, size: u64, keys: &[VerifyingKey]) -> Result<Checkpoint, Finding> {
    let note: Note = note
        .ok_or(Finding::NoCheckpoint { size })?
        .parse()
        .map_err(|_| Finding::CheckpointChanged { size })?;
    let head: Checkpoint = note.text().parse().map_err(|_| Finding::CheckpointChanged { size })?;
    let has_signed = |key: &VerifyingKey| {
        note.trust(from_ref(key)) == Trust::Signed && is_origin(&head.origin, key.name())
    };
    if !keys.iter().any(has_signed) {
        return Err(match note.trust(keys) {
            Trust::Unknown => Finding::CheckpointOfOtherKey { size: head.size },
            Trust::Signed | Trust::Forged => Finding::CheckpointChanged { size: head.size },
        });
    }
    if size < head.size {
        return Err(Finding::NotExported { index: size });
    }
    if size > head.size {
        return Err(Finding::NotSigned { from: head.size });
    }
    Ok(head)
}

/// The tree's root without leaves, and at these sizes.
fn roots(hashes: &[Hash], sizes: &BTreeSet<u64>) -> BTreeMap<u64, Hash> {
    let mut tree = Frontier::empty();
    let mut roots = BTreeMap::from([(0, tree.root())]);
    for hash in hashes {
        tree.append(*hash);
        if sizes.contains(&tree.size()) {
            roots.insert(tree.size(), tree.root());
        }
    }
    roots
}

/// Records and their hashes differ from those of the checkpoint, after the largest anchored one that holds.
fn rewritten(head: &Checkpoint, sources: &[AnchorSource], roots: &BTreeMap<u64, Hash>) -> Finding {
    if head.size == 0 {
        return Finding::CheckpointChanged { size: 0 };
    }
    let anchors = sources.iter().flat_map(|source| &source.anchors.signed).map(|(_, anchor)| anchor);
    let held =
        anchors.filter(|anchor| anchor.size < head.size && roots.get(&anchor.size) == Some(&anchor.root));
    Finding::Rewritten { from: held.map(|anchor| anchor.size).max().unwrap_or(0), to: head.size }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
