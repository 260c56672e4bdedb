//! What is undecided, and when it is to be looked after.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{PostgresStore, unavailable};
use crate::domain::follow_up::FollowUp;
use crate::domain::id::PaymentId;
use crate::domain::payment::Payment;
use crate::domain::queue::{Claimed, Due, DueWork, Work};
use crate::domain::refund::Refund;
use crate::domain::store::StoreError;
use crate::store::due_rows::{
    DueRow, END_WATCH, OVERDUE, UNDECIDED_PAYMENTS, UNDECIDED_REFUNDS, name, not_taken, statements,
};
use crate::store::rows::{PaymentRow, RefundRow};

#[async_trait]
impl DueWork for PostgresStore {
    async fn overdue(&self, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        let rows: Vec<DueRow> = sqlx::query_as(OVERDUE)
            .bind(before.as_microsecond())
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.into_iter().map(Due::try_from).collect()
    }

    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError> {
        let ((id, provider), sql) = (name(work), statements(work));
        let taken = sqlx::query(sql.claim)
            .bind(&id)
            .bind(provider)
            .bind(now.as_microsecond())
            .bind(until.as_microsecond())
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        if taken.rows_affected() == 1 {
            return Ok(Claimed::Taken);
        }
        let due = sqlx::query_scalar(sql.due)
            .bind(&id)
            .bind(provider)
            .fetch_optional(&self.pool)
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
            .execute(&self.pool)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError> {
        let ended = sqlx::query(END_WATCH).bind(payment.to_string()).execute(&self.pool).await;
        ended.map(|_| ()).map_err(unavailable)
    }

    async fn undecided(&self, limit: u32) -> Result<(Vec<Payment>, Vec<Refund>), StoreError> {
        let payments: Vec<PaymentRow> = sqlx::query_as(UNDECIDED_PAYMENTS)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let refunds: Vec<RefundRow> = sqlx::query_as(UNDECIDED_REFUNDS)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok((
            payments.into_iter().map(Payment::try_from).collect::<Result<_, _>>()?,
            refunds.into_iter().map(Refund::try_from).collect::<Result<_, _>>()?,
        ))
    }
}
