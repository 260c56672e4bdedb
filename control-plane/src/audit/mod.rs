//! The sealed audit trail: a Merkle tree over all records, whose signed heads are anchored outside the database.

pub mod anchor_file;
pub mod anchors;
pub mod restored;
pub mod sealer;
pub mod verify;
pub mod witness;

/// The name of the log in checkpoints. It changes with each restored backup, because the records behind the backup are
/// others than those that were signed before: a log must not sign what contradicts itself
/// (<https://c2sp.org/tlog-checkpoint>).
#[must_use]
pub fn origin(name: &str, restores: u32) -> String {
    if restores == 0 { name.to_owned() } else { format!("{name}/restored/{restores}") }
}
