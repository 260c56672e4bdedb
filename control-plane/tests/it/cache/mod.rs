//! The edge cache: one suite for both backends, what only Redis can do to it, and its HTTP side.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails as the test itself would"
)]

mod conformance;
mod harness;
mod in_process;
mod listener;
mod program;
mod redis;
mod refusals;
