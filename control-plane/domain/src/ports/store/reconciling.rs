//! Scheduled reconciliation: runs in one process at a time and resumes where another process stopped.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// Changes committed around the start of one run are also covered by the next one.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// How far back the first run goes.
pub const FIRST_SINCE: SignedDuration = SignedDuration::from_hours(24);

/// The progress of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconcileRun {
    pub began_at: Timestamp,
    /// The run compares everything that changed since then.
    pub since: Timestamp,
    /// The text form of a `ReconcileCursor`.
    pub place: String,
    pub compared: u32,
    pub different: u32,
    pub finished_at: Option<Timestamp>,
}

/// Stores the progress of runs.
#[async_trait]
pub trait Reconciling: Send + Sync {
    /// Leases the run that is due until `until`: a new one if the last began `every` ago, or one whose process died.
    /// `None`: nothing is due, or another process holds the run.
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<ReconcileRun>, StoreError>;

    /// Saves the run's progress and renews the lease until `until`. `false`: another process has taken it over.
    async fn keep_run(&self, holder: &str, run: &ReconcileRun, until: Timestamp) -> Result<bool, StoreError>;
}
