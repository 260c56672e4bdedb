//! Rows of the sealed audit trail, and their conversion, shared by both databases.

use audit_proof::{Hash, Subtree};
use payments::model::action::OperatorAction;
use payments::model::event::Event;
use payments::model::log::Position;
use payments::ports::store::StoreError;
use payments::ports::store::audit::{
    Leaf, RecordCount, RecordId, Seal, SealedUpTo, StoredAction, StoredTransition, TrailRecord,
};
use serde::Serialize;

use crate::reads::event_columns;
use crate::row::row;
use crate::rows::{ColumnReader, EventRow};
use crate::sealed_row::plain;
use crate::unavailable;

/// `$1`: payment, `$2`: client.
pub(super) const TRAIL: &str = concat!(
    "SELECT leaf, ",
    event_columns!(),
    " FROM events LEFT JOIN audit_leaves ON event = seq
      WHERE payment = $1 AND EXISTS (SELECT 1 FROM payments AS p WHERE p.id = $1 AND p.client = $2) ORDER BY seq"
);
/// `$1`: the number to continue after, `$2`: limit.
pub(super) const ACTIONS: &str = "SELECT seq, at, operator, origin, action, object, outcome, detail
     FROM operator_actions WHERE seq > $1 ORDER BY seq LIMIT $2";
/// `$1`: action, `$2`: outcome. The table has what people did, so all of it can be read.
pub(super) const ACTIONS_NAMED: &str = "SELECT seq, at, operator, origin, action, object, outcome, detail
     FROM operator_actions WHERE action = $1 AND outcome = $2 ORDER BY seq";

macro_rules! leaves {
    ($which:literal) => {
        concat!("SELECT leaf, event, action, hash FROM audit_leaves ", $which)
    };
}
/// `$1`: the first one, `$2`: limit.
pub(super) const LEAVES: &str = leaves!("WHERE leaf >= $1 ORDER BY leaf LIMIT $2");
/// `$1`: the number of the transition.
pub(super) const LEAF_OF_TRANSITION: &str = leaves!("WHERE event = $1");
/// `$1`: the number of the action.
pub(super) const LEAF_OF_ACTION: &str = leaves!("WHERE action = $1");
/// `$1`: hash.
pub(super) const LEAF_WITH: &str = leaves!("WHERE hash = $1 ORDER BY leaf LIMIT 1");
/// `$1`: leaves of the tree. The order of the log is that of the leaves, not that of `event`. Operators' actions, which
/// it passes by, are few.
pub(super) const LAST_SEALED_TRANSITION: &str = "SELECT event FROM audit_leaves
     WHERE leaf < $1 AND event IS NOT NULL ORDER BY leaf DESC LIMIT 1";
/// `$1`: leaves of the tree. Actions are sealed in the order of their numbers, and by these an index finds the last:
/// the sign keeps both databases from reading all leaves by theirs.
pub(super) const LAST_SEALED_ACTION: &str = "SELECT action FROM audit_leaves
     WHERE +leaf < $1 AND action IS NOT NULL ORDER BY action DESC LIMIT 1";
/// `$1`: height, `$2`: the index to continue after at that height, `$3`: limit.
pub(super) const NODES: &str = "SELECT height, node, hash FROM audit_nodes
     WHERE (height, node) > ($1, $2) ORDER BY height, node LIMIT $3";

macro_rules! seals {
    ($which:literal) => {
        concat!(
            "SELECT size, note, sealed_at, epoch, transaction_id, event, action, restores FROM audit_checkpoints ",
            $which
        )
    };
}
pub(super) const LAST_SEAL: &str = seals!("ORDER BY size DESC LIMIT 1");
/// `$1`: the size to continue after, `$2`: limit.
pub(super) const SEALS: &str = seals!("WHERE size > $1 ORDER BY size LIMIT $2");
/// `$1`: size, `$2`: note, `$3`: time, `$4` to `$6`: place in the event log, `$7`: last action, `$8`: restores.
pub(super) const INSERT_SEAL: &str = "INSERT INTO audit_checkpoints
     (size, note, sealed_at, epoch, transaction_id, event, action, restores) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// `$1`: holder, `$2`: now, `$3`: end of the lease.
pub(super) const TAKE: &str = "INSERT INTO audit_sealer (only_row, holder, held_until) VALUES (1, $1, $3)
     ON CONFLICT (only_row) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
     WHERE audit_sealer.holder = excluded.holder OR audit_sealer.held_until <= $2";

/// `$1`: the number.
pub(super) const TRANSITION: &str = concat!("SELECT ", event_columns!(), " FROM events WHERE seq = $1");
/// `$1`: the number.
pub(super) const ACTION: &str = "SELECT seq, at, operator, origin, action, object, outcome, detail
     FROM operator_actions WHERE seq = $1";
/// A payment's versions begin with 0. `$1`: the id to continue after, `$2`: limit.
pub(super) const PAYMENT_COUNTS: &str = "SELECT p.id, p.version + 1 AS wanted,
         (SELECT count(*) FROM events AS e WHERE e.payment = p.id AND e.refund IS NULL) AS records
     FROM payments AS p WHERE p.id > $1 ORDER BY p.id LIMIT $2";
/// A refund's versions begin with 1. `$1`: the id to continue after, `$2`: limit.
pub(super) const REFUND_COUNTS: &str = "SELECT r.id, r.version AS wanted,
         (SELECT count(*) FROM events AS e WHERE e.payment = r.payment AND e.refund = r.id) AS records
     FROM refunds AS r WHERE r.id > $1 ORDER BY r.id LIMIT $2";
pub(super) const TRANSITION_OF_NOTHING: &str = "SELECT seq FROM events AS e
     WHERE NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.id = e.payment)
        OR e.refund IS NOT NULL AND NOT EXISTS (SELECT 1 FROM refunds AS r WHERE r.id = e.refund)
     LIMIT 1";

/// The reader that names a row of the tree by its place.
fn read_of<'a>(table: &'static str, row: &'a str) -> ColumnReader<'a> {
    ColumnReader { table, row }
}

fn unsigned(read: &ColumnReader<'_>, column: &str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| read.wrong(column))
}

fn hash(read: &ColumnReader<'_>, bytes: Vec<u8>) -> Result<Hash, StoreError> {
    bytes.try_into().map(Hash).map_err(|_| read.wrong("hash"))
}

row! {
    pub(super) struct LeafRow {
        leaf: i64,
        event: Option<i64>,
        action: Option<i64>,
        hash: Vec<u8>,
    }
}

plain! { LeafRow, }

impl TryFrom<LeafRow> for Leaf {
    type Error = StoreError;

    fn try_from(row: LeafRow) -> Result<Self, StoreError> {
        let name = row.leaf.to_string();
        let read = read_of("audit_leaves", &name);
        let record = match (row.event, row.action) {
            (Some(event), None) => RecordId::Transition(event),
            (None, Some(action)) => RecordId::Action(action),
            _ => return Err(read.wrong("event")),
        };
        Ok(Self { index: unsigned(&read, "leaf", row.leaf)?, record, hash: hash(&read, row.hash)? })
    }
}

row! {
    /// A leaf counts as a node of height 0.
    pub(super) struct NodeRow {
        height: i64,
        node: i64,
        hash: Vec<u8>,
    }
}

plain! { NodeRow, }

impl TryFrom<NodeRow> for (Subtree, Hash) {
    type Error = StoreError;

    fn try_from(row: NodeRow) -> Result<Self, StoreError> {
        let name = row.node.to_string();
        let read = read_of("audit_nodes", &name);
        let height = u8::try_from(row.height).map_err(|_| read.wrong("height"))?;
        Ok((Subtree { height, index: unsigned(&read, "node", row.node)? }, hash(&read, row.hash)?))
    }
}

row! {
    pub(super) struct SealRow {
        size: i64,
        note: String,
        sealed_at: i64,
        epoch: i64,
        transaction_id: i64,
        event: i64,
        action: i64,
        restores: i64,
    }
}

plain! { SealRow, }

impl TryFrom<SealRow> for Seal {
    type Error = StoreError;

    fn try_from(row: SealRow) -> Result<Self, StoreError> {
        let name = row.size.to_string();
        let read = read_of("audit_checkpoints", &name);
        let transitions = Position {
            epoch: read.number("epoch", row.epoch)?,
            transaction: unsigned(&read, "transaction_id", row.transaction_id)?,
            sequence: unsigned(&read, "event", row.event)?,
        };
        Ok(Self {
            size: unsigned(&read, "size", row.size)?,
            note: row.note,
            at: read.time("sealed_at", row.sealed_at)?,
            up_to: SealedUpTo { transitions, actions: row.action },
            restores: read.number("restores", row.restores)?,
        })
    }
}

row! {
    pub(super) struct ActionRow {
        seq: i64,
        at: i64,
        operator: String,
        origin: String,
        action: String,
        object: String,
        outcome: String,
        detail: String,
    }
}

plain! { ActionRow, }

impl From<ActionRow> for StoredAction {
    fn from(row: ActionRow) -> Self {
        let ActionRow { seq, at, operator, origin, action, object, outcome, detail } = row;
        Self { sequence: seq, at, operator, origin, action, object, outcome, detail }
    }
}

row! {
    pub(super) struct RecordCountRow {
        id: String,
        wanted: i64,
        records: i64,
    }
}

plain! { RecordCountRow, }

impl From<RecordCountRow> for RecordCount {
    fn from(RecordCountRow { id, wanted, records }: RecordCountRow) -> Self {
        Self { id, wanted, records }
    }
}

/// A row of a payment's trail.
pub(super) struct TrailRow {
    leaf: Option<i64>,
    /// The record's bytes in the tree: of what is stored, sealed values as they are.
    bytes: String,
    pub(super) event: EventRow,
}

impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for TrailRow
where
    EventRow: sqlx::FromRow<'r, R>,
    &'static str: sqlx::ColumnIndex<R>,
    Option<i64>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let event = EventRow::from_row(row)?;
        let bytes = transition(Position::START, event.clone()).record().bytes();
        Ok(Self { leaf: row.try_get("leaf")?, bytes, event })
    }
}

impl TryFrom<TrailRow> for TrailRecord {
    type Error = StoreError;

    fn try_from(row: TrailRow) -> Result<Self, StoreError> {
        let read = read_of("audit_leaves", &row.event.payment);
        let leaf = row.leaf.map(|leaf| unsigned(&read, "leaf", leaf)).transpose()?;
        Ok(Self { event: Event::try_from(row.event)?, bytes: row.bytes, leaf })
    }
}

pub(super) fn transition(position: Position, row: EventRow) -> StoredTransition {
    StoredTransition {
        position,
        payment: row.payment,
        refund: row.refund,
        version: row.version,
        from: row.from_state,
        to: row.to_state,
        at: row.at,
        client: row.client,
        by: row.request_id,
        detail: row.detail,
    }
}

impl From<&StoredTransition> for EventRow {
    fn from(stored: &StoredTransition) -> Self {
        let StoredTransition { payment, refund, version, from, to, at, client, by, detail, .. } =
            stored.clone();
        Self { payment, refund, version, from_state: from, to_state: to, at, client, request_id: by, detail }
    }
}

#[derive(Serialize)]
struct WrittenLeaf {
    leaf: u64,
    event: Option<i64>,
    action: Option<i64>,
    hash: String,
}

#[derive(Serialize)]
struct WrittenNode {
    height: u8,
    node: u64,
    hash: String,
}

/// The argument of `insert_leaves`.
///
/// # Errors
/// Never in practice: numbers and text can be written as JSON.
pub(super) fn written_leaves(leaves: &[Leaf]) -> Result<String, StoreError> {
    let written = leaves.iter().map(|leaf| {
        let (event, action) = match leaf.record {
            RecordId::Transition(event) => (Some(event), None),
            RecordId::Action(action) => (None, Some(action)),
        };
        WrittenLeaf { leaf: leaf.index, event, action, hash: hex_of(leaf.hash) }
    });
    serde_json::to_string(&written.collect::<Vec<_>>()).map_err(unavailable)
}

/// The argument of `insert_nodes`.
///
/// # Errors
/// As [`written_leaves`].
pub(super) fn written_nodes(nodes: &[(Subtree, Hash)]) -> Result<String, StoreError> {
    let written = nodes.iter().map(|(subtree, hash)| WrittenNode {
        height: subtree.height,
        node: subtree.index,
        hash: hex_of(*hash),
    });
    serde_json::to_string(&written.collect::<Vec<_>>()).map_err(unavailable)
}

fn hex_of(Hash(bytes): Hash) -> String {
    hex::encode(bytes)
}

/// An action's details as they are stored.
///
/// # Errors
/// As [`written_leaves`].
pub(super) fn written_detail(action: &OperatorAction) -> Result<String, StoreError> {
    serde_json::to_string(&action.detail).map_err(unavailable)
}
