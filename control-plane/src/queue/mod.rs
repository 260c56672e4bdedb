//! Due work by RabbitMQ: it wakes whoever works something off, near the moment at which it is due and in
//! whichever process is free.
//!
//! An accelerator, never the truth. The database has what is due, and claiming it there keeps two processes
//! apart, so a broker may be away, be purged or deliver twice: [`sweep()`] finds what it did not bring. Every
//! message is a hint that is checked before it is followed.

mod consumer;
mod link;
mod message;
mod publisher;
mod session;
mod sweep;
mod topology;
mod uri;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio_util::task::TaskTracker;

pub use link::{Link, Rabbit, open};
pub use sweep::sweep;
pub use topology::QueuePrefix;
pub use uri::AmqpUri;

use crate::domain::queue::{Claimed, Due, Work};
use crate::domain::store::StoreError;

/// Those who work off what is due.
#[async_trait]
pub trait Crew: Send + Sync {
    /// Claims it, so that nobody else does the same at the same time, and works it off.
    async fn work_off(&self, work: &Work) -> Result<Claimed, StoreError>;

    /// What was due before `before`, oldest first, at most `limit`. Claims nothing.
    async fn overdue(&self, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError>;
}

/// The background work of one process.
#[derive(Clone)]
pub struct Hands {
    pub crew: Arc<dyn Crew>,
    /// How much is worked off at the same time.
    pub workers: u16,
    /// What is begun outlives its connection to the broker, and shutting down waits for it.
    pub tasks: TaskTracker,
}

/// A row that is inconsistent needs somebody to look at it. Anything else passes.
fn note(problem: &StoreError) {
    let source = std::error::Error::source(problem);
    if matches!(problem, StoreError::Inconsistent(_)) {
        tracing::error!(error = %problem, "due work cannot be worked off");
    } else {
        tracing::warn!(error = %problem, error.source = ?source, "due work has to wait for the database");
    }
}
