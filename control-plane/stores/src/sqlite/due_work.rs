//! What is undecided, and when it is to be looked after.

use async_trait::async_trait;
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::follow_up::FollowUp;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::refund::Refund;
use payments::model::work::{Claimed, Due, Lane, LaneBacklog, Work};
use payments::ports::store::{DueWork, Rows, StoreError};

use super::{SqliteStore, unavailable};
use crate::due_rows::{
    BACKLOG, BacklogRow, END_WATCH, bring_forward, first_readable, name, not_taken, overdue, provider,
    provider_of, statements,
};
use crate::reads::{UNDECIDED_PAYMENTS, UNDECIDED_REFUNDS};
use crate::rows::{PaymentRow, RefundRow};

#[async_trait]
impl DueWork for SqliteStore {
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let fetch = async |rows: u32| {
            let query = sqlx::query_as(overdue(lane.kind))
                .bind(lane.provider.name())
                .bind(before.as_microsecond())
                .bind(i64::from(rows));
            query.fetch_all(&self.readers).await.map_err(unavailable)
        };
        first_readable(&self.rows, lane, limit, fetch).await
    }

    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError> {
        if let Work::Event { provider, .. } = work {
            return Ok(Some(*provider));
        }
        let (id, _) = name(work);
        let query = sqlx::query_scalar(provider_of(work.kind())).bind(id);
        provider(query.fetch_optional(&self.readers).await.map_err(unavailable)?)
    }

    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError> {
        let query = sqlx::query_as(BACKLOG).bind(now.as_microsecond());
        let rows: Vec<BacklogRow> = query.fetch_all(&self.lists).await.map_err(unavailable)?;
        Ok(self.rows.read(rows)?.items)
    }

    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError> {
        let ((id, provider), sql) = (name(work), statements(work));
        let taken = sqlx::query(sql.claim)
            .bind(&id)
            .bind(provider)
            .bind(now.as_microsecond())
            .bind(until.as_microsecond())
            .execute(&self.writer)
            .await
            .map_err(unavailable)?;
        if taken.rows_affected() == 1 {
            return Ok(Claimed::Taken);
        }
        let due = sqlx::query_scalar(sql.due)
            .bind(&id)
            .bind(provider)
            .fetch_optional(&self.readers)
            .await
            .map_err(unavailable)?;
        not_taken(due)
    }

    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError> {
        let (id, provider) = name(work);
        sqlx::query(statements(work).postpone)
            .bind(id)
            .bind(provider)
            .bind(to.at.as_microsecond())
            .bind(i64::from(to.tries))
            .execute(&self.writer)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        let forward = sqlx::query(bring_forward(lane.kind))
            .bind(lane.provider.name())
            .bind(beyond.as_microsecond())
            .bind(to.as_microsecond());
        let done = forward.execute(&self.writer).await.map_err(unavailable)?;
        Ok(done.rows_affected())
    }

    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError> {
        let ended = sqlx::query(END_WATCH).bind(payment.to_string()).execute(&self.writer).await;
        ended.map(|_| ()).map_err(unavailable)
    }

    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError> {
        let payments: Vec<PaymentRow> = sqlx::query_as(UNDECIDED_PAYMENTS)
            .bind(i64::from(limit))
            .fetch_all(&self.lists)
            .await
            .map_err(unavailable)?;
        let refunds: Vec<RefundRow> = sqlx::query_as(UNDECIDED_REFUNDS)
            .bind(i64::from(limit))
            .fetch_all(&self.lists)
            .await
            .map_err(unavailable)?;
        Ok((self.rows.read(payments)?, self.rows.read(refunds)?))
    }
}
