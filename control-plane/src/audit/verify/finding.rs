//! What can be wrong with the trail.

use std::fmt;

use payments::ports::store::audit::{RecordCount, RecordId};

use crate::audit::restore_note::Unfit;
use crate::audit::seal_position::SealPositionMismatch;

/// Something that is not what was sealed. Records are numbered from 0, in the order in which they were sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The content of a record differs from what was sealed.
    Changed {
        index: u64,
        record: String,
    },
    /// The contents of two records are swapped.
    Swapped {
        index: u64,
        with: u64,
        record: String,
    },
    Deleted {
        index: u64,
        record: String,
    },
    /// A record that was never sealed comes before a sealed one.
    Inserted {
        before: u64,
        record: String,
    },
    /// Another sealed record is at this one's position.
    OutOfOrder {
        index: u64,
        found: Option<u64>,
    },
    /// The leaf of a record is missing.
    LeafMissing {
        index: u64,
    },
    /// A record is missing in an export.
    NotExported {
        index: u64,
    },
    /// An export has two records of one number.
    Twice {
        index: u64,
    },
    /// The export's line for this record or the final checkpoint is malformed.
    Unreadable {
        index: u64,
    },
    /// An exported field differs from the sealed record.
    FieldMismatch {
        index: u64,
        field: &'static str,
    },
    /// An export has no checkpoint after its records.
    NoCheckpoint {
        size: u64,
    },
    /// Records and their hashes differ from those that were signed.
    Rewritten {
        from: u64,
        to: u64,
    },
    /// The root of a subtree is not that of its leaves.
    NodeChanged {
        height: u8,
        from: u64,
        to: u64,
    },
    /// A stored checkpoint is not what a given key signed, or cannot be read; or its row and its text differ in time.
    CheckpointChanged {
        size: u64,
    },
    /// None of the given keys signed the newest checkpoint.
    CheckpointOfOtherKey {
        size: u64,
    },
    /// The tree has hashes that the newest checkpoint does not cover.
    NotSigned {
        from: u64,
    },
    /// A checkpoint's row states a different resume position than the records that it covers.
    Misplaced(SealPositionMismatch),
    /// What names a given key in an anchor file was not signed by it.
    AnchorForged {
        file: String,
        line: usize,
    },
    /// The trail ends before an anchored checkpoint.
    Cut {
        size: u64,
        anchored: u64,
        file: String,
        line: usize,
    },
    /// The trail is another than the anchored one.
    Rebuilt {
        from: u64,
        to: u64,
        file: String,
        line: usize,
    },
    /// The record of a restored backup has no restore note that fits.
    RestoreUnfit {
        record: String,
        unfit: Unfit,
    },
    /// There is not one record for each version of a payment or refund.
    Miscounted(RecordCount),
    /// A record is of a payment or refund that does not exist.
    OfNothing {
        record: String,
    },
}

/// A record's name where it is stored.
pub(super) fn name(record: RecordId) -> String {
    match record {
        RecordId::Transition(number) => format!("event {number}"),
        RecordId::Action(number) => format!("operator action {number}"),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { index, record } => write!(f, "record {index} was changed: {record}"),
            Self::Swapped { index, with, record } => {
                write!(f, "record {index} was swapped with record {with}: {record}")
            }
            Self::Deleted { index, record } => write!(f, "record {index} was deleted: {record}"),
            Self::Inserted { before, record } => {
                write!(f, "a record was inserted before record {before}: {record}")
            }
            Self::OutOfOrder { index, found: Some(found) } => {
                write!(f, "record {index} is out of order: record {found} is in its place")
            }
            Self::OutOfOrder { index, found: None } => write!(f, "record {index} is out of order"),
            Self::LeafMissing { index } => write!(f, "record {index} is missing in the tree"),
            Self::NotExported { index } => write!(f, "record {index} is missing in the export"),
            Self::Twice { index } => write!(f, "the export has two records with the number {index}"),
            Self::Unreadable { index } => {
                write!(f, "record {index}, or what is in its place in the export, cannot be read")
            }
            Self::FieldMismatch { index, field } => {
                write!(f, "the export's `{field}` of record {index} differs from the sealed record")
            }
            Self::NoCheckpoint { size } => {
                write!(f, "the export has no checkpoint after its {size} records: its end was cut off")
            }
            Self::Rewritten { from, to } => {
                write!(f, "record {from} or one of those to {} was rewritten with its hash", to - 1)
            }
            Self::NodeChanged { height, from, to } => {
                write!(f, "the stored hash of records {from} to {} (height {height}) was changed", to - 1)
            }
            Self::CheckpointChanged { size } => {
                write!(
                    f,
                    "the checkpoint of {size} records was changed: it, or its time, is not what the key signed"
                )
            }
            Self::CheckpointOfOtherKey { size } => {
                write!(f, "the newest checkpoint, of {size} records, is signed by none of the given keys")
            }
            Self::NotSigned { from } => {
                write!(f, "record {from} is in the tree, but the newest checkpoint does not cover it")
            }
            Self::Misplaced(misplaced) => write!(f, "{misplaced}"),
            Self::AnchorForged { file, line } => {
                write!(f, "the checkpoint in line {line} of {file} is not what the key signed")
            }
            Self::Cut { size, anchored, file, line } => write!(
                f,
                "records {size} to {} are missing: they were anchored in line {line} of {file}. The end of the trail was \
                 cut off, or a backup was restored and no signed record says so",
                anchored - 1
            ),
            Self::Rebuilt { from, to, file, line } => write!(
                f,
                "record {from} or one of those to {} is not the one that was anchored in line {line} of {file}. The trail \
                 was rebuilt, or goes on from a backup that was restored without a signed record of that",
                to - 1
            ),
            Self::RestoreUnfit { record, unfit } => write!(f, "the restore note of {record} {unfit}"),
            Self::Miscounted(RecordCount { id, wanted, records }) => {
                write!(f, "{id} has {wanted} versions, and the trail has {records} records of it")
            }
            Self::OfNothing { record } => write!(f, "a record is of no payment or refund: {record}"),
        }
    }
}
