//! The sealed audit trail on either database: what the sealer writes, and what proofs need.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use async_trait::async_trait;
use audit_proof::{Hash, StoredHashes, StoredRange, Subtree};
use edge_core::client::ClientId;
use jiff::Timestamp;
use payments::model::action::{ActionOutcome, OperatorAction, RESTORED};
use payments::model::id::PaymentId;
use payments::model::log::Position;
use payments::ports::store::audit::{
    Addition, AuditTrail, LeftPlain, Seal, SealedUpTo, StoredAction, StoredTransition, TrailRecord,
};
use payments::ports::store::{LogQuery, StoreError};
use sealing::{PlainValues, format};
use sqlx::AssertSqlSafe;

use super::{Argument, Database, Purpose, Query, SqlStore};
use crate::audit_rows::{
    ACTIONS, ACTIONS_NAMED, ActionRow, INSERT_SEAL, LAST_SEAL, LAST_SEALED_ACTION, LAST_SEALED_TRANSITION,
    NodeRow, SealRow, TAKE, TRAIL, TrailRow, transition, written_detail, written_leaves, written_nodes,
};
use crate::sealed_tables::is_trail_kept;

/// How the databases differ: in how an order is kept, and in how JSON becomes rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditSql {
    /// `$1` to `$7`: the columns of `operator_actions`. Later commits get larger numbers.
    pub(crate) insert_action: &'static str,
    /// `$1`: a JSON array of `leaf`, `event`, `action` and `hash` in hexadecimal digits.
    pub(crate) insert_leaves: &'static str,
    /// `$1`: a JSON array of `height`, `node` and `hash` in hexadecimal digits.
    pub(crate) insert_nodes: &'static str,
}

/// Ranges in one statement: with three arguments each, fewer than any database takes.
const RANGES_MAX: usize = 500;

/// Numbers of one look for plain records: far from the time limit of a statement.
const PLAIN_LOOK: i64 = 50_000;
/// Transactions commit in another order than that of their numbers: what is this far before the last number has
/// committed.
const UNORDERED: i64 = 1_000;

#[async_trait]
impl<D: Database> AuditTrail for SqlStore<D> {
    async fn record_action(&self, action: &OperatorAction) -> Result<(), StoreError> {
        let insert = Query::new(D::AUDIT.insert_action)
            .with(action.at.as_microsecond())
            .with(action.operator.as_str())
            .with(action.origin.as_str())
            .with(action.action.as_str())
            .with(action.object.as_str())
            .with(action.outcome.name())
            .with(written_detail(action)?);
        self.database.execute(Purpose::Operators, insert).await.map(drop)
    }

    async fn left_plain(&self, behind: i64) -> Result<LeftPlain, StoreError> {
        const LAST: &str = "SELECT CAST(coalesce(max(seq), 0) AS bigint) FROM events";
        const PLAIN: &str = "SELECT seq FROM events
            WHERE seq > $1 AND seq <= $2 AND substr(detail, 1, 5) <> $3 ORDER BY seq LIMIT 1";
        if self.keys.sealer.plain_values() == PlainValues::Written || is_trail_kept(&*self.database).await? {
            return Ok(LeftPlain::Nothing);
        }
        let last = self.database.one::<(i64,)>(Purpose::Operators, Query::new(LAST)).await?;
        let up_to = behind.saturating_add(PLAIN_LOOK);
        let has_more = last.is_some_and(|(last,)| last > up_to.saturating_add(UNORDERED));
        let query =
            Query::new(PLAIN).with(behind).with(if has_more { up_to } else { i64::MAX }).with(format::PREFIX);
        let found = self.database.one::<(i64,)>(Purpose::Operators, query).await?;
        Ok(match found {
            Some(_) => LeftPlain::Something,
            None if has_more => LeftPlain::NothingUpTo(up_to),
            None => LeftPlain::Nothing,
        })
    }

    async fn take_sealing(&self, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let take = Query::new(TAKE).with(holder).with(now.as_microsecond()).with(until.as_microsecond());
        Ok(self.database.execute(Purpose::Operators, take).await? == 1)
    }

    async fn last_seal(&self) -> Result<Option<Seal>, StoreError> {
        self.database
            .one::<SealRow>(Purpose::Operators, Query::new(LAST_SEAL))
            .await?
            .map(Seal::try_from)
            .transpose()
    }

    async fn sealed_up_to(&self, size: u64) -> Result<Option<SealedUpTo>, StoreError> {
        let actions = self.last_in(LAST_SEALED_ACTION, size).await?;
        let actions = actions.unwrap_or(SealedUpTo::NOTHING.actions);
        let transitions = match self.last_in(LAST_SEALED_TRANSITION, size).await? {
            Some(number) => self.position_of(Purpose::Operators, number).await?,
            None => Some(SealedUpTo::NOTHING.transitions),
        };
        Ok(transitions.map(|transitions| SealedUpTo { transitions, actions }))
    }

    async fn add_seal(&self, addition: &Addition) -> Result<(), StoreError> {
        let Addition { leaves, nodes, seal } = addition;
        let Position { epoch, transaction, sequence } = seal.up_to.transitions;
        let checkpoint = Query::new(INSERT_SEAL)
            .with(bigint(seal.size))
            .with(seal.note.as_str())
            .with(seal.at.as_microsecond())
            .with(i64::from(epoch))
            .with(bigint(transaction))
            .with(bigint(sequence))
            .with(seal.up_to.actions)
            .with(i64::from(seal.restores));
        let mut statements = vec![Query::new(D::AUDIT.insert_leaves).with(written_leaves(leaves)?)];
        if !nodes.is_empty() {
            statements.push(Query::new(D::AUDIT.insert_nodes).with(written_nodes(nodes)?));
        }
        statements.push(checkpoint);
        self.database.execute_all(Purpose::Operators, statements).await
    }

    async fn tree_hashes(&self, ranges: &BTreeSet<StoredRange>) -> Result<StoredHashes, StoreError> {
        let mut known = StoredHashes::default();
        let ranges: Vec<_> = ranges.iter().collect();
        for some in ranges.chunks(RANGES_MAX) {
            for row in self.database.all::<NodeRow>(Purpose::Operators, hashes_of(some)).await? {
                let (subtree, hash): (Subtree, Hash) = row.try_into()?;
                known.insert(subtree, hash);
            }
        }
        Ok(known)
    }

    async fn transitions(&self, after: Position, limit: u32) -> Result<Vec<StoredTransition>, StoreError> {
        // The trail is whole, however far back the event log serves.
        let page = self.stored(&LogQuery { after, client: None, payment: None, limit }, 0).await?;
        Ok(page.rows.into_iter().map(|row| transition(row.position, row.event)).collect())
    }

    async fn actions(&self, after: i64, limit: u32) -> Result<Vec<StoredAction>, StoreError> {
        let query = Query::new(ACTIONS).with(after).with(i64::from(limit));
        let rows = self.database.all::<ActionRow>(Purpose::Operators, query).await?;
        Ok(rows.into_iter().map(StoredAction::from).collect())
    }

    async fn restorations(&self) -> Result<Vec<StoredAction>, StoreError> {
        let query = Query::new(ACTIONS_NAMED).with(RESTORED).with(ActionOutcome::Success.name());
        let rows = self.database.all::<ActionRow>(Purpose::Operators, query).await?;
        Ok(rows.into_iter().map(StoredAction::from).collect())
    }

    async fn trail(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<TrailRecord>, StoreError> {
        let query = Query::new(TRAIL).with(payment.to_string()).with(client.as_str());
        Ok(self.database.rows().read(self.all::<TrailRow>(Purpose::Money, query).await?)?.items)
    }
}

impl<D: Database> SqlStore<D> {
    /// The number of a record that a statement finds in the first `size` leaves.
    async fn last_in(&self, sql: &'static str, size: u64) -> Result<Option<i64>, StoreError> {
        let query = Query::new(sql).with(bigint(size));
        let row = self.database.one::<(i64,)>(Purpose::Operators, query).await?;
        Ok(row.map(|(number,)| number))
    }
}

/// Numbers of rows, which the database itself gave out as integers with a sign.
pub(super) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The stored hashes of ranges, leaves as nodes of height 0.
fn hashes_of(ranges: &[&StoredRange]) -> Query {
    let (mut leaves, mut nodes) = (String::from("FALSE"), String::from("FALSE"));
    let mut arguments: Vec<Argument> = Vec::new();
    for StoredRange { height, first, end } in ranges {
        arguments.push(bigint(*first).into());
        arguments.push(bigint(*end).into());
        let (first, end) = (arguments.len() - 1, arguments.len());
        // Writing to a string cannot fail.
        if *height == 0 {
            let _ = write!(leaves, " OR leaf >= ${first} AND leaf < ${end}");
        } else {
            arguments.push(i64::from(*height).into());
            let height = arguments.len();
            let _ = write!(nodes, " OR height = ${height} AND node >= ${first} AND node < ${end}");
        }
    }
    let text = format!(
        "SELECT CAST(0 AS bigint) AS height, leaf AS node, hash FROM audit_leaves WHERE {leaves}
         UNION ALL SELECT height, node, hash FROM audit_nodes WHERE {nodes}"
    );
    Query { arguments, ..Query::new(AssertSqlSafe(text)) }
}
