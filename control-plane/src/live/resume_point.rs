//! Where a watcher is, for those that do not hold it.

use std::sync::{Arc, Mutex, PoisonError};

use payments::model::log::Position;

use super::Shared;
use super::queue::Queue;

/// Where to continue so that nothing is missed that has not arrived. What was given to a watcher has arrived once it
/// waits for the next event. Only the task that polls the watcher may ask: in another, an event could be between queue
/// and watcher.
pub(crate) struct ResumePoint {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    arrived: Mutex<ArrivedUpTo>,
}

#[derive(Clone, Copy)]
struct ArrivedUpTo {
    up_to: Position,
    /// Everything after it is in the queue, or will be.
    is_caught_up: bool,
}

impl ResumePoint {
    pub(super) const fn new(shared: Arc<Shared>, queue: Arc<Queue>, up_to: Position) -> Self {
        Self { shared, queue, arrived: Mutex::new(ArrivedUpTo { up_to, is_caught_up: false }) }
    }

    pub(super) fn note(&self, up_to: Position, is_caught_up: bool) {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner) = ArrivedUpTo { up_to, is_caught_up };
    }

    pub(crate) fn cursor(&self) -> Position {
        let ArrivedUpTo { up_to, is_caught_up } =
            *self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        if is_caught_up { cursor(&self.shared, &self.queue, up_to) } else { up_to }
    }
}

/// The cursor of a watcher that has everything up to `position`, and the rest in its queue.
pub(super) fn cursor(shared: &Shared, queue: &Queue, position: Position) -> Position {
    // The reader delivers events before it says how far it has read: all before this were in the queue by now.
    let read = *shared.read.borrow();
    match read {
        Some(read) if queue.is_empty() => read.max(position),
        _ => position,
    }
}
