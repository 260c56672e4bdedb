//! What `audit verify` reads.

use async_trait::async_trait;
use audit_proof::{Hash, Subtree};
use payments::model::event::{Detail, Event};
use payments::model::log::Position;
use payments::ports::store::StoreError;
use payments::ports::store::audit::{
    AuditReads, Leaf, RecordCount, RecordId, Seal, StoredAction, StoredTransition,
};

use super::audit::bigint;
use super::{Database, Purpose, Query, Row, SqlStore};
use crate::audit_rows::{
    ACTION, ActionRow, LEAF_OF_ACTION, LEAF_OF_TRANSITION, LEAF_WITH, LEAVES, LeafRow, NODES, NodeRow,
    PAYMENT_COUNTS, REFUND_COUNTS, RecordCountRow, SEALS, SealRow, TRANSITION, TRANSITION_OF_NOTHING,
    transition,
};
use crate::rows::EventRow;

#[async_trait]
impl<D: Database> AuditReads for SqlStore<D> {
    async fn leaves(&self, from: u64, limit: u32) -> Result<Vec<Leaf>, StoreError> {
        self.audited::<LeafRow, _>(Query::new(LEAVES).with(bigint(from)).with(i64::from(limit))).await
    }

    async fn nodes(&self, after: Subtree, limit: u32) -> Result<Vec<(Subtree, Hash)>, StoreError> {
        let query =
            Query::new(NODES).with(i64::from(after.height)).with(bigint(after.index)).with(i64::from(limit));
        self.audited::<NodeRow, _>(query).await
    }

    async fn seals(&self, after: u64, limit: u32) -> Result<Vec<Seal>, StoreError> {
        self.audited::<SealRow, _>(Query::new(SEALS).with(bigint(after)).with(i64::from(limit))).await
    }

    async fn details(&self, records: &[StoredTransition]) -> Result<Vec<Option<Detail>>, StoreError> {
        let mut rows: Vec<EventRow> = records.iter().map(EventRow::from).collect();
        self.keys.follow(&*self.database, &mut rows).await?;
        let read = |row| self.database.rows().value::<_, Event>(row).ok();
        Ok(rows.into_iter().map(|row| read(row).map(|event| event.detail)).collect())
    }

    async fn leaf_of(&self, record: RecordId) -> Result<Option<Leaf>, StoreError> {
        let query = match record {
            RecordId::Transition(number) => Query::new(LEAF_OF_TRANSITION).with(number),
            RecordId::Action(number) => Query::new(LEAF_OF_ACTION).with(number),
        };
        Ok(self.audited::<LeafRow, _>(query).await?.pop())
    }

    async fn leaf_with(&self, Hash(hash): Hash) -> Result<Option<Leaf>, StoreError> {
        Ok(self.audited::<LeafRow, _>(Query::new(LEAF_WITH).with(hash.to_vec())).await?.pop())
    }

    async fn hash_of(&self, record: RecordId) -> Result<Option<Hash>, StoreError> {
        match record {
            RecordId::Transition(number) => {
                let row = self
                    .database
                    .one::<EventRow>(Purpose::Operators, Query::new(TRANSITION).with(number))
                    .await?;
                Ok(row.map(|row| transition(Position::START, row).record().hash()))
            }
            RecordId::Action(number) => {
                let row = self
                    .database
                    .one::<ActionRow>(Purpose::Operators, Query::new(ACTION).with(number))
                    .await?;
                Ok(row.map(|row| StoredAction::from(row).record().hash()))
            }
        }
    }

    async fn payment_counts(&self, after: &str, limit: u32) -> Result<Vec<RecordCount>, StoreError> {
        self.counts(PAYMENT_COUNTS, after, limit).await
    }

    async fn refund_counts(&self, after: &str, limit: u32) -> Result<Vec<RecordCount>, StoreError> {
        self.counts(REFUND_COUNTS, after, limit).await
    }

    async fn transition_of_nothing(&self) -> Result<Option<RecordId>, StoreError> {
        let row = self.database.one::<(i64,)>(Purpose::Operators, Query::new(TRANSITION_OF_NOTHING)).await?;
        Ok(row.map(|(number,)| RecordId::Transition(number)))
    }
}

impl<D: Database> SqlStore<D> {
    /// All rows, each of which must be readable.
    async fn audited<R: Row, T: TryFrom<R, Error = StoreError>>(
        &self,
        query: Query,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.database.all::<R>(Purpose::Operators, query).await?;
        rows.into_iter().map(T::try_from).collect()
    }

    async fn counts(
        &self,
        sql: &'static str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<RecordCount>, StoreError> {
        let query = Query::new(sql).with(after).with(i64::from(limit));
        let rows = self.database.all::<RecordCountRow>(Purpose::Operators, query).await?;
        Ok(rows.into_iter().map(RecordCount::from).collect())
    }
}
