//! Due work by RabbitMQ: what it brings, and what becomes of it when the broker loses, repeats or dies.

mod broker;
mod deliveries;
pub(crate) mod harness;
mod unsent;
