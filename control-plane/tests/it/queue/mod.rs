//! Due work by RabbitMQ: what it brings, and what becomes of it when the broker loses, repeats or dies.

pub(crate) mod bench;
mod broker;
mod deliveries;
mod unsent;
