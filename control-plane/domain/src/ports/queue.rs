//! The interface to a queue. The queue only speeds up delivery of due work to workers: work that it loses is still in
//! the database.

use crate::model::work::Due;

/// Delivers due work to a worker.
pub trait Queue: Send + Sync {
    /// Called after the commit. Does not wait and cannot fail: the sweep finds undelivered work.
    fn announce(&self, due: Due);
}
