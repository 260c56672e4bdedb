//! The end of data: a schedule says how long each kind is kept, and a run ends what is older, a little at a time,
//! beside services that use the database.
//!
//! What payers' fields and providers' events say ends with the data key that sealed it, in every copy and backup at
//! once. Rows that nothing depends on any more are deleted in small batches. The audit trail stays as it is stored,
//! byte for byte; only the event log serves no more of it than the schedule says.
//!
//! | question | module |
//! |---|---|
//! | What is kept for how long? | `schedule` |
//! | What do decided payments still depend on? | `needed` |
//! | Which rows are deleted? | `walk` |
//! | Which keys are erased? | `ending` |
//! | What does the event log serve? | `sql::log_horizon` |
//! | How does an interrupted run go on? | `runs` |
//! | What did a run do, all in all? | `tally` |

mod ending;
mod needed;
mod rows;
mod runs;
mod schedule;
mod steps;
mod tally;
mod walk;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use payments::ports::store::StoreError;
use sealing::Sealer;

pub use self::runs::PastRun;
pub use self::schedule::{Limits, Schedule};
pub use self::steps::{RetainedData, RetentionRun, StepReport, What};
pub use self::tally::Tally;
use crate::postgres::Postgres;
use crate::sql::data_keys::{DataKeys, stored_keys};
use crate::sql::{Database, Scrubbed};
use crate::sqlite::Sqlite;
use crate::{Boxed, DatabaseKind, DatabaseSettings, KeyProblem};

/// Why data does not end.
#[derive(Debug, thiserror::Error)]
pub enum RetentionProblem {
    #[error(
        "another run is at it, and has the right to until {0}; wait for it, or for that time if it has died"
    )]
    Busy(Timestamp),
    #[error("another run has taken over")]
    TakenOver,
    #[error(transparent)]
    Keys(#[from] KeyProblem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an operator does to end data in one database.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Begins to look what would end, and changes nothing.
    async fn plan(&self, schedule: Schedule, now: Timestamp) -> Result<RetentionRun, RetentionProblem>;

    /// Begins a run, or continues one that was interrupted.
    async fn begin(
        &self,
        schedule: Schedule,
        by: &str,
        now: Timestamp,
    ) -> Result<RetentionRun, RetentionProblem>;

    /// Does the next bit. `None`: all is done, and recorded.
    async fn next(
        &self,
        ending: &mut RetentionRun,
        now: Timestamp,
    ) -> Result<Option<StepReport>, RetentionProblem>;

    /// Gives up a run that is not finished, so that it can be continued at once. A plan has nothing to give up.
    async fn release(&self, ending: &RetentionRun, now: Timestamp) -> Result<(), RetentionProblem>;

    /// Removes what the database's files still hold of what has ended, see [`crate::keys::KeyMaintenance::scrub`].
    async fn scrub(&self, even_if_large: bool) -> Result<Scrubbed, RetentionProblem>;

    /// The last runs, the newest first.
    async fn runs(&self, limit: u32) -> Result<Vec<PastRun>, RetentionProblem>;
}

struct Maintenance<D> {
    database: Arc<D>,
    keys: Arc<DataKeys>,
}

/// Opens a database to end data in it. Its schema is only checked.
///
/// # Errors
/// The database is unreachable, or its schema is too old or too new for this build.
pub fn open_retention(settings: DatabaseSettings) -> Boxed<'static, Box<dyn Retention>> {
    Box::pin(async move {
        let sealer = Arc::new(Sealer::new(settings.encryption.plain_values()));
        let keys = Arc::new(DataKeys::new(&settings.encryption, sealer.clone()));
        let opened: Box<dyn Retention> = match DatabaseKind::of(&settings.uri)? {
            DatabaseKind::Sqlite => {
                Box::new(Maintenance { database: Arc::new(Sqlite::open(&settings, &sealer).await?), keys })
            }
            DatabaseKind::Postgres => {
                Box::new(Maintenance { database: Arc::new(Postgres::open(&settings, &sealer).await?), keys })
            }
        };
        Ok(opened)
    })
}

#[async_trait]
impl<D: Database> Retention for Maintenance<D> {
    async fn plan(&self, schedule: Schedule, now: Timestamp) -> Result<RetentionRun, RetentionProblem> {
        Ok(RetentionRun::planned(schedule, now))
    }

    async fn begin(
        &self,
        schedule: Schedule,
        by: &str,
        now: Timestamp,
    ) -> Result<RetentionRun, RetentionProblem> {
        if self.keys.wrapping.is_some() {
            // With a wrong key it would make data keys that no service can use.
            self.keys.open(&*self.database).await?;
        } else if stored_keys(&*self.database).await?.iter().any(|key| !key.is_erased) {
            // A process that ends keys must be able to make the next ones.
            return Err(KeyProblem::NoKeys.into());
        }
        // Where nothing was written for long, the keys that seal have no younger ones, and would never end.
        self.keys.prepare(&self.database).await?;
        self.database.make_partitions().await?;
        runs::begin(&*self.database, schedule, by, now).await
    }

    async fn next(
        &self,
        ending: &mut RetentionRun,
        now: Timestamp,
    ) -> Result<Option<StepReport>, RetentionProblem> {
        steps::next(&*self.database, ending, now).await
    }

    async fn release(&self, ending: &RetentionRun, now: Timestamp) -> Result<(), RetentionProblem> {
        runs::release(&*self.database, ending, now).await
    }

    async fn scrub(&self, even_if_large: bool) -> Result<Scrubbed, RetentionProblem> {
        Ok(self.database.scrub(even_if_large).await?)
    }

    async fn runs(&self, limit: u32) -> Result<Vec<PastRun>, RetentionProblem> {
        runs::last(&*self.database, limit).await
    }
}
