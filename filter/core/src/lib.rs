//! Every decision the edge makes, and the contract between the edge and the control plane.
//!
//! No proxy, no I/O and no clock lives here: the same code runs in Envoy, in the control plane and in tests.

pub mod attestation;
mod authority;
pub mod card;
pub mod client;
pub mod config;
pub mod connections;
mod content;
pub mod error;
pub mod exchange;
pub mod head;
pub mod id;
pub mod idempotency;
pub mod money;
pub mod outcome;
pub mod provider;
pub mod refusal;
pub mod request;
pub mod route;
pub mod setting;
mod token_bucket;
pub mod waiting;
pub mod webhook;

/// `#[test]` of the unit tests: the same tests run natively and, by wasm-bindgen-test, under wasm.
#[cfg(all(test, not(target_arch = "wasm32")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
