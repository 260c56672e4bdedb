//! The interfaces that the domain needs: a database, providers, a queue, time and randomness.

pub mod clock;
pub mod provider;
pub mod queue;
pub mod store;
