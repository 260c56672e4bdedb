//! The file that proves one record to who has nothing but the log's public key (<https://c2sp.org/tlog-proof>).

use std::fmt::Write as _;

use crate::hash::Hash;
use crate::note::Note;

/// `index` is the record's position in the tree of the checkpoint, `hashes` its inclusion proof.
#[must_use]
pub fn proof_file(index: u64, hashes: &[Hash], checkpoint: &Note) -> String {
    let mut text = format!("c2sp.org/tlog-proof@v1\nindex {index}\n");
    for hash in hashes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{hash}");
    }
    let _ = write!(text, "\n{checkpoint}");
    text
}
