//! The reconciliation that runs by itself.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use payments::ports::store::StoreError;
use payments::ports::store::reconciling::{FIRST_SINCE, Reconciling, Run};
use sqlx::{query, query_as};

use super::{SqliteStore, unavailable};
use crate::reconcile_rows::{FIRST, HELD, KEEP, LEFT, NEXT, RunRow, overlap};

#[async_trait]
impl Reconciling for SqliteStore {
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<Run>, StoreError> {
        let bound = |sql| query(sql).bind(holder).bind(until.as_microsecond()).bind(now.as_microsecond());
        let first = bound(FIRST).bind((now - FIRST_SINCE.max(every)).as_microsecond());
        let next = bound(NEXT).bind((now - every).as_microsecond()).bind(overlap());
        let taken = first.execute(&self.writer).await.map_err(unavailable)?.rows_affected() == 1
            || bound(LEFT).execute(&self.writer).await.map_err(unavailable)?.rows_affected() == 1
            || next.execute(&self.writer).await.map_err(unavailable)?.rows_affected() == 1;
        if !taken {
            return Ok(None);
        }
        let held: Option<RunRow> =
            query_as(HELD).bind(holder).fetch_optional(&self.writer).await.map_err(unavailable)?;
        held.map(Run::try_from).transpose()
    }

    async fn keep_run(&self, holder: &str, run: &Run, until: Timestamp) -> Result<bool, StoreError> {
        let keep = query(KEEP)
            .bind(holder)
            .bind(until.as_microsecond())
            .bind(&run.place)
            .bind(i64::from(run.compared))
            .bind(i64::from(run.different))
            .bind(run.finished_at.map(Timestamp::as_microsecond));
        Ok(keep.execute(&self.writer).await.map_err(unavailable)?.rows_affected() == 1)
    }
}
