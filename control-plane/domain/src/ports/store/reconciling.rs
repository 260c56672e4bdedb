//! The reconciliation that runs by itself: in one process at a time, and going on where another process left it.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// Changes that are being made while one begins are compared by the next one, too.
pub const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// The first one goes back so far.
pub const FIRST_SINCE: SignedDuration = SignedDuration::from_hours(24);

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub began_at: Timestamp,
    /// Everything that changed since then is compared.
    pub since: Timestamp,
    /// As `Place` writes it.
    pub place: String,
    pub compared: u32,
    pub different: u32,
    pub finished_at: Option<Timestamp>,
}

/// What a database knows of it.
#[async_trait]
pub trait Reconciling: Send + Sync {
    /// Takes the run that is to be done now, for as long as until `until`: a new one if the last began `every` ago, or
    /// one whose process is gone. `None`: there is none, or another process is at it.
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<Run>, StoreError>;

    /// Keeps how far the run is, and holds it until `until`. `false`: another process has taken it.
    async fn keep_run(&self, holder: &str, run: &Run, until: Timestamp) -> Result<bool, StoreError>;
}
