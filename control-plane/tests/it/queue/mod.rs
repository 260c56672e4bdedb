//! Due work by RabbitMQ: what it brings, and what becomes of it when the broker loses, repeats or dies.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

pub(crate) mod bench;
mod broker;
mod deliveries;
mod unsent;
