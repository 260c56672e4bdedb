//! The database interface for the sealed audit trail: a Merkle tree over the transitions and the operators' actions.

use std::collections::BTreeSet;

use async_trait::async_trait;
use audit_proof::{Action, Hash, Note, StoredHashes, StoredRange, Subtree, Transition};
use edge_core::client::ClientId;
use jiff::Timestamp;

use super::StoreError;
use crate::model::action::{ActionDetail, ActionOutcome, OperatorAction, RESTORED, Restored};
use crate::model::event::{Detail, Event};
use crate::model::id::PaymentId;
use crate::model::log::Position;

/// A transition as its columns are stored, whether they can be read as an event or not. What is encrypted stays so: the
/// tree needs no key of it, and outlives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransition {
    pub position: Position,
    pub payment: String,
    pub refund: Option<String>,
    pub version: i64,
    pub from: Option<String>,
    pub to: String,
    /// Microseconds since 1970.
    pub at: i64,
    pub client: String,
    pub by: String,
    pub detail: String,
}

impl StoredTransition {
    /// What is sealed.
    #[must_use]
    pub fn record(&self) -> Transition<'_> {
        Transition {
            payment: &self.payment,
            refund: self.refund.as_deref(),
            version: self.version,
            from: self.from.as_deref(),
            to: &self.to,
            at: self.at,
            client: &self.client,
            by: &self.by,
            detail: &self.detail,
        }
    }
}

/// An operator's action as its columns are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAction {
    /// Its number, in the order of commits.
    pub sequence: i64,
    /// Microseconds since 1970.
    pub at: i64,
    pub operator: String,
    pub origin: String,
    pub action: String,
    pub object: String,
    pub outcome: String,
    pub detail: String,
}

impl StoredAction {
    /// What is sealed.
    #[must_use]
    pub fn record(&self) -> Action<'_> {
        Action {
            at: self.at,
            by: &self.operator,
            origin: &self.origin,
            action: &self.action,
            object: &self.object,
            outcome: &self.outcome,
            detail: &self.detail,
        }
    }

    /// What it says about a restored backup, if anything.
    #[must_use]
    pub fn restored(&self) -> Option<Restored> {
        let is_restored = self.action == RESTORED && self.outcome == ActionOutcome::Success.name();
        let detail = is_restored.then(|| serde_json::from_str::<ActionDetail>(&self.detail).ok());
        detail.flatten()?.restored
    }
}

/// Which record a leaf is of, by its number in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    Transition(i64),
    Action(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its position in the tree, from 0.
    pub index: u64,
    pub record: RecordId,
    pub hash: Hash,
}

/// Up to where the records are in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedUpTo {
    pub transitions: Position,
    /// The number of the last action.
    pub actions: i64,
}

impl SealedUpTo {
    pub const NOTHING: Self = Self { transitions: Position::START, actions: 0 };
}

/// A signed head of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Leaves.
    pub size: u64,
    /// The signed checkpoint.
    pub note: String,
    /// When it was signed. The note says the same; those of builds from before version 0.1.0 say no time.
    pub at: Timestamp,
    pub up_to: SealedUpTo,
    /// How often a backup had been restored by then.
    pub restores: u32,
}

/// Leaves to add, with the subtrees that they complete and the head of the tree with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    pub leaves: Vec<Leaf>,
    pub nodes: Vec<(Subtree, Hash)>,
    pub seal: Seal,
}

/// A record of a payment's trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailRecord {
    pub event: Event,
    /// What is sealed, in its canonical form.
    pub bytes: String,
    /// Its position in the tree; `None` if it is not sealed yet.
    pub leaf: Option<u64>,
}

/// What a scan for plain records found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftPlain {
    Nothing,
    /// None up to this number; continue the scan after it.
    NothingUpTo(i64),
    Something,
}

pub trait Audit: AuditTrail + AuditReads {}

impl<T: AuditTrail + AuditReads> Audit for T {}

/// Writes and proves the trail. What is written is never changed.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    async fn record_action(&self, action: &OperatorAction) -> Result<(), StoreError>;

    /// Whether the first seal would leave a record plain for good although values are to be encrypted. Looks at some of
    /// the transitions with a larger number than `behind`. There is none if the trail was ever sealed: it is too late
    /// then.
    async fn left_plain(&self, behind: i64) -> Result<LeftPlain, StoreError>;

    /// Leases sealing until `until`, unless another process holds it.
    async fn take_sealing(&self, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// The newest head of the tree; `None` if there is none yet.
    async fn last_seal(&self) -> Result<Option<Seal>, StoreError>;

    /// The last records in the first `size` leaves of the tree, as leaves and records are stored. `None` if the last
    /// event among them is not stored.
    async fn sealed_up_to(&self, size: u64) -> Result<Option<SealedUpTo>, StoreError>;

    /// Adds leaves and the head with them, in one commit. Fails, and adds nothing, if one of the leaves is there.
    async fn add_seal(&self, addition: &Addition) -> Result<(), StoreError>;

    /// The stored hashes of these ranges, as far as they are there.
    async fn tree_hashes(&self, ranges: &BTreeSet<StoredRange>) -> Result<StoredHashes, StoreError>;

    /// Transitions after a position of the event log, in the log's order, up to where no other can be inserted any
    /// more.
    async fn transitions(&self, after: Position, limit: u32) -> Result<Vec<StoredTransition>, StoreError>;

    /// Actions after one, in order.
    async fn actions(&self, after: i64, limit: u32) -> Result<Vec<StoredAction>, StoreError>;

    /// The actions that record that a backup was restored, in order.
    async fn restorations(&self) -> Result<Vec<StoredAction>, StoreError>;

    /// A payment's audit trail including its refunds, in order, without unreadable records.
    async fn trail(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<TrailRecord>, StoreError>;
}

/// How many records the trail has of a payment or a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordCount {
    pub id: String,
    /// One for each of its versions.
    pub wanted: i64,
    pub records: i64,
}

/// Reads what `audit verify` compares.
#[async_trait]
pub trait AuditReads: Send + Sync {
    /// Leaves from an index on, in order.
    async fn leaves(&self, from: u64, limit: u32) -> Result<Vec<Leaf>, StoreError>;

    /// Stored subtrees after one, by height and index.
    async fn nodes(&self, after: Subtree, limit: u32) -> Result<Vec<(Subtree, Hash)>, StoreError>;

    /// Heads of more than `after` leaves, smallest first.
    async fn seals(&self, after: u64, limit: u32) -> Result<Vec<Seal>, StoreError>;

    /// What the details of records say, in their order. `None` for one that cannot be read: it is encrypted, and its
    /// key is not at hand or no more, or it was changed.
    async fn details(&self, records: &[StoredTransition]) -> Result<Vec<Option<Detail>>, StoreError>;

    /// The leaf of a record.
    async fn leaf_of(&self, record: RecordId) -> Result<Option<Leaf>, StoreError>;

    /// The first leaf with a hash. Reads all leaves.
    async fn leaf_with(&self, hash: Hash) -> Result<Option<Leaf>, StoreError>;

    /// The hash of a record as it is stored now. `None` if it is not there.
    async fn hash_of(&self, record: RecordId) -> Result<Option<Hash>, StoreError>;

    /// The records of payments after an id, by id.
    async fn payment_counts(&self, after: &str, limit: u32) -> Result<Vec<RecordCount>, StoreError>;

    /// The same for refunds.
    async fn refund_counts(&self, after: &str, limit: u32) -> Result<Vec<RecordCount>, StoreError>;

    /// A transition of a payment or refund that does not exist. Reads all.
    async fn transition_of_nothing(&self) -> Result<Option<RecordId>, StoreError>;
}

impl Seal {
    /// The checkpoint that was signed. `None` if the row was damaged.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        self.note.parse().ok()
    }
}
