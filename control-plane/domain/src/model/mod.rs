//! What a payment is and what may happen to it. Pure: nothing here reads a clock, waits or calls anybody.

pub mod decision;
pub mod event;
pub mod follow_up;
pub mod id;
pub mod idempotency;
pub mod in_flight;
pub mod payment;
pub mod provider;
pub mod refund;
#[cfg(test)]
pub(crate) mod samples;
pub mod snapshot;
pub mod transition;
pub mod webhook;
pub mod work;
