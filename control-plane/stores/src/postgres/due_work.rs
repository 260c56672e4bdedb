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
use sqlx::query_as;

use super::PostgresStore;
use crate::due_rows::{
    BACKLOG, BacklogRow, DueRow, END_WATCH, bring_forward, first_readable, name, not_taken, overdue,
    provider, provider_of, statements,
};
use crate::reads::{UNDECIDED_PAYMENTS, UNDECIDED_REFUNDS};
use crate::rows::{PaymentRow, RefundRow};

#[async_trait]
impl DueWork for PostgresStore {
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let fetch = async |rows: u32| {
            let query = || {
                query_as(overdue(lane.kind))
                    .bind(lane.provider.name())
                    .bind(before.as_microsecond())
                    .bind(i64::from(rows))
            };
            self.money.all::<DueRow>(query).await
        };
        first_readable(&self.rows, lane, limit, fetch).await
    }

    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError> {
        if let Work::Event { provider, .. } = work {
            return Ok(Some(*provider));
        }
        let (id, _) = name(work);
        let query = || query_as(provider_of(work.kind())).bind(id.clone());
        provider(self.money.one::<(String,)>(query).await?.map(|(name,)| name))
    }

    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError> {
        let query = || query_as(BACKLOG).bind(now.as_microsecond());
        Ok(self.rows.read(self.operators.all::<BacklogRow>(query).await?)?.items)
    }

    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError> {
        let ((id, provider), sql) = (name(work), statements(work));
        let claim = sqlx::query(sql.claim)
            .bind(id.clone())
            .bind(provider)
            .bind(now.as_microsecond())
            .bind(until.as_microsecond());
        if self.money.execute(claim).await? == 1 {
            return Ok(Claimed::Taken);
        }
        let due = self.money.one::<(i64,)>(|| query_as(sql.due).bind(id.clone()).bind(provider)).await?;
        not_taken(due.map(|(due,)| due))
    }

    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError> {
        let (id, provider) = name(work);
        let postpone = sqlx::query(statements(work).postpone)
            .bind(id)
            .bind(provider)
            .bind(to.at.as_microsecond())
            .bind(i64::from(to.tries));
        self.money.execute(postpone).await.map(|_| ())
    }

    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        let forward = sqlx::query(bring_forward(lane.kind))
            .bind(lane.provider.name())
            .bind(beyond.as_microsecond())
            .bind(to.as_microsecond());
        self.operators.execute(forward).await
    }

    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError> {
        let end = sqlx::query(END_WATCH).bind(payment.to_string());
        self.money.execute(end).await.map(|_| ())
    }

    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError> {
        let payments = || query_as(UNDECIDED_PAYMENTS).bind(i64::from(limit));
        let refunds = || query_as(UNDECIDED_REFUNDS).bind(i64::from(limit));
        let payments = self.operators.all::<PaymentRow>(payments).await?;
        let refunds = self.operators.all::<RefundRow>(refunds).await?;
        Ok((self.rows.read(payments)?, self.rows.read(refunds)?))
    }
}
