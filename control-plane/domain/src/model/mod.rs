//! Payments, refunds and their transitions. Pure: nothing here reads a clock, waits or makes a call.

pub mod action;
pub mod decision;
pub mod event;
pub mod event_outcome;
pub mod follow_up;
pub mod id;
pub mod idempotency;
pub mod in_flight;
pub mod log;
pub mod paid_with;
pub mod payer_action;
pub mod payment;
pub mod provider;
pub mod refund;
#[cfg(test)]
pub(crate) mod samples;
pub mod snapshot;
pub mod transition;
pub mod webhook;
pub mod work;
