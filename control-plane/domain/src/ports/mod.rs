//! What the domain asks of the world around it: a database, providers, a queue, time and randomness.

pub mod clock;
pub mod provider;
pub mod queue;
pub mod store;
