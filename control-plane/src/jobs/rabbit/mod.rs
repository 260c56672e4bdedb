//! Due work by RabbitMQ: it wakes a worker near the moment at which work is due, in a process that is free.
//!
//! An accelerator, never the truth. The database has what is due, and claiming it there keeps two processes
//! apart, so a broker may be away, be purged or deliver twice: [`sweep()`] finds what it did not bring. Every
//! message is a hint that is checked before it is followed.

mod connection;
mod consumer;
mod inspect;
mod message;
mod publisher;
mod session;
mod sweep;
mod topology;
mod uri;

use payments::causes::with_causes;
use payments::ports::store::StoreError;

pub use connection::{RabbitConnection, RabbitQueue, open};
pub use inspect::inspect;
pub use sweep::sweep;
pub use topology::QueuePrefix;
pub use uri::AmqpUri;

/// A row that is inconsistent needs an operator. Anything else passes.
fn note(problem: &StoreError) {
    let error = with_causes(problem);
    if matches!(problem, StoreError::Inconsistent(_)) {
        tracing::error!(error, "due work cannot be worked off");
    } else {
        tracing::warn!(error, "due work has to wait for the database");
    }
}
