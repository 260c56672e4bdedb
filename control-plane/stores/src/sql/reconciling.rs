//! Automatic reconciliation.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use payments::ports::store::StoreError;
use payments::ports::store::reconciling::{FIRST_SINCE, ReconcileRun, Reconciling};

use super::{Database, Purpose, Query, SqlStore};
use crate::reconcile_rows::{FIRST, HELD, KEEP, LEFT, NEXT, RunRow, overlap};

#[async_trait]
impl<D: Database> Reconciling for SqlStore<D> {
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<ReconcileRun>, StoreError> {
        let bound = |sql: &'static str| {
            Query::new(sql).with(holder).with(until.as_microsecond()).with(now.as_microsecond())
        };
        let first = bound(FIRST).with((now - FIRST_SINCE.max(every)).as_microsecond());
        let next = bound(NEXT).with((now - every).as_microsecond()).with(overlap());
        let taken = self.database.execute(Purpose::Operators, first).await? == 1
            || self.database.execute(Purpose::Operators, bound(LEFT)).await? == 1
            || self.database.execute(Purpose::Operators, next).await? == 1;
        if !taken {
            return Ok(None);
        }
        let held = Query::new(HELD).with(holder);
        self.database
            .one_written::<RunRow>(Purpose::Operators, held)
            .await?
            .map(ReconcileRun::try_from)
            .transpose()
    }

    async fn keep_run(&self, holder: &str, run: &ReconcileRun, until: Timestamp) -> Result<bool, StoreError> {
        let keep = Query::new(KEEP)
            .with(holder)
            .with(until.as_microsecond())
            .with(run.place.as_str())
            .with(i64::from(run.compared))
            .with(i64::from(run.different))
            .with(run.finished_at.map(Timestamp::as_microsecond));
        Ok(self.database.execute(Purpose::Operators, keep).await? == 1)
    }
}
