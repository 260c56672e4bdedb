//! Announces due work through RabbitMQ, which wakes a free worker in any process close to the due time.
//!
//! RabbitMQ is an accelerator, never the source of truth. Due work is recorded in the database, and a claim there
//! excludes other processes. So the broker may be unavailable, be purged or deliver twice: [`sweep()`] finds what it
//! did not deliver. Every message is a hint that is checked against the database before it is acted on.

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
pub use inspect::{RabbitInspection, inspect};
pub use sweep::sweep;
pub use topology::QueuePrefix;
pub use uri::AmqpUri;

/// An inconsistent row needs an operator. Any other problem is transient.
fn note(problem: &StoreError) {
    let error = with_causes(problem);
    if matches!(problem, StoreError::Inconsistent(_)) {
        tracing::error!(error, "due work cannot be processed");
    } else {
        tracing::warn!(error, "due work has to wait for the database");
    }
}
