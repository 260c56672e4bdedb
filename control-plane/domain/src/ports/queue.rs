//! What the domain asks of a queue. It only brings due work to a worker sooner: what a queue loses is found in the
//! database.

use crate::model::work::Due;

/// Brings due work to a worker.
pub trait Queue: Send + Sync {
    /// Called after the commit. Does not wait and cannot fail: what is not brought is found by the sweep.
    fn announce(&self, due: Due);
}
