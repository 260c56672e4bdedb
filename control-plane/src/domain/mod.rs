//! What a payment is and what may happen to it. Knows no HTTP, no SQL and no provider's JSON.

mod budget;
pub mod clock;
pub mod event;
pub mod evidence;
pub mod flight;
pub mod follow_up;
pub mod gateway;
pub mod id;
pub mod idempotency;
pub mod operations;
pub mod payment;
pub mod provider;
pub mod queue;
pub mod reconciling;
pub mod refund;
pub mod retries;
pub mod store;
pub mod verdict;
pub mod webhook;
