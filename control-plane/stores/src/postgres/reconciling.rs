//! The reconciliation that runs by itself.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use payments::ports::store::StoreError;
use payments::ports::store::reconciling::{FIRST_SINCE, Reconciling, Run};
use sqlx::{query, query_as};

use super::PostgresStore;
use crate::reconcile_rows::{FIRST, HELD, KEEP, LEFT, NEXT, RunRow, overlap};

#[async_trait]
impl Reconciling for PostgresStore {
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<Run>, StoreError> {
        let bound =
            |sql| query(sql).bind(holder.to_owned()).bind(until.as_microsecond()).bind(now.as_microsecond());
        let first = bound(FIRST).bind((now - FIRST_SINCE.max(every)).as_microsecond());
        let next = bound(NEXT).bind((now - every).as_microsecond()).bind(overlap());
        let taken = self.operators.execute(first).await? == 1
            || self.operators.execute(bound(LEFT)).await? == 1
            || self.operators.execute(next).await? == 1;
        if !taken {
            return Ok(None);
        }
        let held = self.operators.one::<RunRow>(|| query_as(HELD).bind(holder.to_owned())).await?;
        held.map(Run::try_from).transpose()
    }

    async fn keep_run(&self, holder: &str, run: &Run, until: Timestamp) -> Result<bool, StoreError> {
        let keep = query(KEEP)
            .bind(holder.to_owned())
            .bind(until.as_microsecond())
            .bind(run.place.clone())
            .bind(i64::from(run.compared))
            .bind(i64::from(run.different))
            .bind(run.finished_at.map(Timestamp::as_microsecond));
        Ok(self.operators.execute(keep).await? == 1)
    }
}
