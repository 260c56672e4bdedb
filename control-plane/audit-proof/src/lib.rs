//! Proofs that the audit trail is what it was: the bytes of each record, the Merkle tree over them (RFC 6962), and
//! checkpoints of the tree and restores of it as signed notes (C2SP). No clock, no I/O.

mod checkpoint;
mod hash;
mod key;
mod note;
mod path;
mod proof_file;
mod record;
mod restore;
mod sealed_at;
mod stored_hashes;
mod subtree;
mod tree;

pub use checkpoint::{Checkpoint, InvalidCheckpoint};
pub use hash::Hash;
pub use key::{InvalidKey, SigningKey, VerifyingKey};
pub use note::{InvalidNote, Note, Trust};
pub use path::Path;
pub use proof_file::proof_file;
pub use record::{Action, Transition};
pub use restore::{InvalidRestore, Restore};
pub use sealed_at::{InvalidSealedAt, sealed_at};
pub use stored_hashes::{STRIDE, StoredHashes, StoredRange, stored_ranges};
pub use subtree::Subtree;
pub use tree::Frontier;
