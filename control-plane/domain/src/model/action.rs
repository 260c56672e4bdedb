//! What operators do with commands, for the audit trail: also what changes no payment, fails, or only reads.

use audit_proof::{Checkpoint, Note, Restore};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A record of a command. Each command is recorded when it begins and again when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAction {
    pub at: Timestamp,
    /// The operator's name.
    pub operator: String,
    /// Where it was started: account and machine, `USER@HOST`.
    pub origin: String,
    /// The command, like `payments resolve`.
    pub action: String,
    /// What it is done to, like a payment's id; empty if it has no single object.
    pub object: String,
    pub outcome: ActionOutcome,
    pub detail: ActionDetail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// A second record says how it ended, unless the process died.
    Begun,
    Success,
    Failure,
}

impl ActionOutcome {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// Further details, as far as the action has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionDetail {
    /// The operator's words, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
}

/// The command that records that a backup was restored.
pub const RESTORED: &str = "audit restored";

/// A backup was restored, so that sealed records are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// The log's name in the newest checkpoint whose records are missing.
    pub lost_origin: String,
    /// The number of records of that checkpoint.
    pub lost_size: u64,
    /// Its root hash in base64.
    pub lost_root: String,
    /// How many records are certainly still there: those of the newest anchored checkpoint that still holds.
    pub kept_size: u64,
    /// The restore note: the same, signed, with the root hash of what is kept and the time. `None` in records of a
    /// release that did not sign, and in forged ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Restored {
    /// `note`: `restore` as it was signed.
    #[must_use]
    pub fn new(restore: &Restore, note: &Note) -> Self {
        let Restore { lost: Checkpoint { origin, size, root }, kept_size, .. } = restore;
        Self {
            lost_origin: origin.clone(),
            lost_size: *size,
            lost_root: root.to_string(),
            kept_size: *kept_size,
            note: Some(note.to_string()),
        }
    }

    /// The newest checkpoint whose records are missing. `None` if its root hash cannot be read.
    #[must_use]
    pub fn lost(&self) -> Option<Checkpoint> {
        let root = self.lost_root.parse().ok()?;
        Some(Checkpoint { origin: self.lost_origin.clone(), size: self.lost_size, root })
    }
}
