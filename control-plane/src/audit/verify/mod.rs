//! Proves that the trail is what was sealed, with nothing but the database, the public key and what was anchored.

mod anchored;
mod counts;
mod exported;
mod finding;
mod restores;
mod rows;
mod stored_nodes;
mod walk;

use std::collections::BTreeSet;
use std::fmt;

use audit_proof::{Hash, VerifyingKey};
use jiff::Timestamp;
use payments::model::action::Restored;
use payments::ports::store::audit::StoredAction;
use payments::ports::store::{Store, StoreError};

use self::anchored::AnchorComparison;
pub use self::anchored::AnchorSource;
pub use self::exported::verify_export;
pub use self::finding::Finding;
use self::restores::{Judge, Judged};
use self::walk::{TrailWalk, Walked};

/// What the trail is.
pub struct TrailReport {
    /// Records that are what was sealed; up to the first wrong one, if there is one.
    pub sealed: u64,
    /// `None`: an export has sealed records only.
    pub unsealed: Option<u64>,
    pub checkpoints: u64,
    /// Checkpoints that were signed by other keys than the given ones.
    pub of_other_keys: u64,
    /// Anchored checkpoints that hold.
    pub anchored: u64,
    /// Records of the newest of them.
    pub anchored_size: u64,
    /// Anchored checkpoints that an accepted restore explains.
    pub explained: u64,
    /// What was not compared, in words.
    pub notes: Vec<String>,
    /// The records of restored backups that are accepted.
    pub restorations: Vec<StoredAction>,
    /// The first of each kind of comparison. The trail is whole if there is none.
    pub findings: Vec<Finding>,
}

/// Compares records, hashes, checkpoints, anchors and payments with each other. Reads the trail once, in parts; another
/// process may keep sealing meanwhile. `unsigned`: the leaf hashes of records of restored backups that are accepted
/// without a restore note.
///
/// # Errors
/// The database cannot be read, or a row of the tree is damaged, which the error names.
pub async fn verify(
    store: &dyn Store,
    keys: &[VerifyingKey],
    sources: &[AnchorSource],
    unsigned: &[Hash],
) -> Result<TrailReport, StoreError> {
    let last = store.audit().last_seal().await?;
    let restorations = store.audit().restorations().await?;
    let anchored = sources.iter().flat_map(|source| &source.anchors.signed).map(|(_, anchor)| anchor.size);
    let kept = restorations.iter().filter_map(StoredAction::restored).map(|restored| restored.kept_size);
    let sizes: BTreeSet<u64> = anchored.chain(kept).collect();
    let mut walked = TrailWalk::of(store, keys).go(last.as_ref(), &sizes).await?;
    let mut findings: Vec<_> = walked.finding.take().into_iter().collect();
    let (mut anchored, mut restores) = (AnchorComparison::default(), Judged::default());
    let mut notes = notes(sources);
    // Behind the first wrong record, the tree is unknown.
    if findings.is_empty() {
        let nodes = std::mem::take(&mut walked.nodes);
        findings.extend(stored_nodes::compare(store, nodes, walked.sealed).await?);
        let recorded = restores::recorded(store, restorations).await?;
        restores = Judge { keys, unsigned, roots: &walked.roots }.all(recorded);
        findings.append(&mut restores.findings);
        anchored = anchored::compare(sources, walked.sealed, &walked.roots, &restores.restores);
        findings.extend(anchored.finding.take());
        notes.extend(restores.unrecorded(sources));
    }
    findings.extend(walked.misplaced.take().map(Finding::Misplaced));
    notes.extend(walked.unsealed_since.and_then(unsealed_since));
    findings.extend(counts::compare(store, walked.transitions).await?);
    let Walked { sealed, unsealed, checkpoints, of_other_keys, .. } = walked;
    Ok(TrailReport {
        sealed,
        unsealed: Some(unsealed),
        checkpoints,
        of_other_keys,
        anchored: anchored.held,
        anchored_size: anchored.newest,
        explained: anchored.explained,
        notes,
        restorations: restores.accepted,
        findings,
    })
}

/// That the oldest unsealed record is of this time, in words.
fn unsealed_since(at: i64) -> Option<String> {
    let at = Timestamp::from_microsecond(at).ok()?;
    Some(format!(
        "the oldest record that waits to be sealed is of {at}. Nothing protects it yet; if that is longer ago than some \
         minutes, no process seals"
    ))
}

fn notes(sources: &[AnchorSource]) -> Vec<String> {
    let mut notes = Vec::new();
    if sources.is_empty() {
        notes.push(
            "no anchored checkpoint was compared: a trail that was cut off, rebuilt or restored from a backup cannot be \
             told from the true one"
                .to_owned(),
        );
    }
    for AnchorSource { path, anchors } in sources {
        let path = path.display();
        if anchors.of_other_keys > 0 {
            notes.push(format!("{} checkpoints in {path} are signed by other keys", anchors.of_other_keys));
        }
        if anchors.unreadable > 0 {
            notes.push(format!(
                "{} pieces of {path} are neither checkpoints nor restore notes",
                anchors.unreadable
            ));
        }
    }
    notes
}

impl TrailReport {
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The report as an operator reads it.
impl fmt::Display for TrailReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sealed, unsealed, checkpoints, anchored, anchored_size, .. } = self;
        for finding in &self.findings {
            writeln!(f, "WRONG: {finding}")?;
        }
        let what = if self.is_whole() { "whole" } else { "not what was sealed" };
        writeln!(f, "the audit trail is {what}")?;
        write!(f, "{sealed} sealed records and {checkpoints} checkpoints hold")?;
        match unsealed {
            Some(unsealed) => writeln!(f, "; {unsealed} records wait to be sealed")?,
            None => writeln!(f)?,
        }
        writeln!(f, "{anchored} anchored checkpoints hold, the largest of {anchored_size} records")?;
        if self.of_other_keys > 0 {
            writeln!(
                f,
                "{} checkpoints are signed by other keys; a newer one covers them",
                self.of_other_keys
            )?;
        }
        if self.explained > 0 {
            writeln!(
                f,
                "{} anchored checkpoints are of records that a recorded restore lost",
                self.explained
            )?;
        }
        for action in &self.restorations {
            let Some(Restored { lost_size, kept_size, note, .. }) = action.restored() else { continue };
            let by = &action.operator;
            let how = if note.is_some() { "and signed" } else { "and accepted unsigned" };
            writeln!(
                f,
                "a backup was restored, recorded by {by} {how}: of {lost_size} records, {kept_size} are certainly kept"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
