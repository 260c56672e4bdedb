//! Checkpoints: the head of a tree at one size (<https://c2sp.org/tlog-checkpoint>).

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::key::SigningKey;
use crate::note::Note;

/// How many leaves a tree had, and its root then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    pub root: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a checkpoint: lines with the log's name, its size and its root hash in base64")]
pub struct InvalidCheckpoint;

impl Checkpoint {
    #[must_use]
    pub fn signed(&self, key: &SigningKey) -> Note {
        Note::sign(self.to_string(), key)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        writeln!(f, "{origin}\n{size}\n{root}")
    }
}

/// The text of a note. Extension lines are ignored, also the one that [`sealed_at`](crate::sealed_at()) reads.
impl FromStr for Checkpoint {
    type Err = InvalidCheckpoint;

    fn from_str(text: &str) -> Result<Self, InvalidCheckpoint> {
        let lines: Vec<_> = text.strip_suffix('\n').ok_or(InvalidCheckpoint)?.split('\n').collect();
        let [origin, size, root, ..] = lines[..] else { return Err(InvalidCheckpoint) };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(InvalidCheckpoint);
        }
        let number: u64 = size.parse().map_err(|_| InvalidCheckpoint)?;
        // Neither a sign nor leading zeros.
        if number.to_string() != size {
            return Err(InvalidCheckpoint);
        }
        let root = root.parse().map_err(|()| InvalidCheckpoint)?;
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}
