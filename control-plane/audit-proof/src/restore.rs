//! Restore notes: what a restored backup lost of the tree, signed by the log's key.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::key::SigningKey;
use crate::note::Note;

/// The second line. That of a checkpoint is a number, so neither text can be taken for the other.
const PURPOSE: &str = "audit-restored@v1";

/// A backup was restored, so that sealed records are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restore {
    /// The newest checkpoint whose records are missing. The note has its origin.
    pub lost: Checkpoint,
    /// How many records are certainly still there: those of the newest anchored checkpoint that still holds.
    pub kept_size: u64,
    /// The root hash of the tree of these records.
    pub kept_root: Hash,
    /// When it was recorded, in microseconds since 1970.
    pub at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a restore note: lines with the log's name, `audit-restored@v1`, size and root hash of what is lost and of what is \
     kept, and the time"
)]
pub struct InvalidRestore;

impl Restore {
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> Note {
        Note::sign(self.to_string(), key)
    }

    /// Whether it states that records of this checkpoint are missing.
    #[must_use]
    pub fn explains(&self, checkpoint: &Checkpoint) -> bool {
        let is_covered = checkpoint.size < self.lost.size || *checkpoint == self.lost;
        checkpoint.origin == self.lost.origin && checkpoint.size > self.kept_size && is_covered
    }
}

impl fmt::Display for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost: Checkpoint { origin, size, root }, kept_size, kept_root, at } = self;
        writeln!(f, "{origin}\n{PURPOSE}\n{size}\n{root}\n{kept_size}\n{kept_root}\n{at}")
    }
}

/// The text of a note, in its one form: without extension lines.
impl FromStr for Restore {
    type Err = InvalidRestore;

    fn from_str(text: &str) -> Result<Self, InvalidRestore> {
        let lines: Vec<_> = text.split('\n').collect();
        let [origin, PURPOSE, size, root, kept_size, kept_root, at, ""] = lines[..] else {
            return Err(InvalidRestore);
        };
        let lost = Checkpoint { origin: origin.to_owned(), size: value(size)?, root: value(root)? };
        let read = Self { lost, kept_size: value(kept_size)?, kept_root: value(kept_root)?, at: value(at)? };
        // Numbers have neither a needless sign nor leading zeros.
        let is_one = !origin.is_empty() && read.kept_size < read.lost.size && read.to_string() == text;
        is_one.then_some(read).ok_or(InvalidRestore)
    }
}

fn value<T: FromStr>(line: &str) -> Result<T, InvalidRestore> {
    line.parse().map_err(|_| InvalidRestore)
}
