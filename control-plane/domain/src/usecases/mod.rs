//! The use cases of clients, workers and operators, one file each.
//!
//! [`call`] holds the caller and its idempotency key; `calls` is shared by all use cases while a provider works on a
//! payment or refund; `provider_sync` reads the provider's records.
//!
//! Use cases return boxed futures. The body of an `async fn` would be compiled again in each crate that awaits it.

mod approval;
mod budget;
pub mod call;
mod calls;
mod cancel;
mod capture;
mod charge;
pub mod decide;
mod error;
mod first_outcome;
pub mod gateway;
mod provider_sync;
pub mod reconcile;
mod refund;
pub mod resolve;
pub mod retries;
pub mod review;
mod watch;
pub mod webhook;

pub use self::cancel::cancel;
pub use self::capture::capture;
pub use self::charge::charge;
pub use self::error::OperationError;
pub use self::first_outcome::FirstOutcome;
pub use self::provider_sync::EVIDENCE_REFUSED;
pub use self::refund::refund;
