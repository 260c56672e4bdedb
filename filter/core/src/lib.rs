//! Every decision the edge makes, and the contract between the edge and the control plane.
//!
//! No proxy, no I/O and no clock lives here: the same code runs in Envoy, in the control plane and in tests.
//!
//! # A request's way
//!
//! The host (the filter crate, or a test) reports what arrives to an [`exchange::Exchange`] and does what it answers:
//! wait, ask about a key, fetch a certificate, forward, or reply. On its way, a request meets
//!
//! 1. [`head`]: the request head as bytes, with one host and no header twice that may come once;
//! 2. [`route`]: the operation, by method and path;
//! 3. [`client`]: who calls, as Envoy authenticated it;
//! 4. [`card`]: no card data in path, query, key or body;
//! 5. [`request`]: the body or query as a type, strictly parsed;
//! 6. [`idempotency`]: the key's scope, the request's fingerprint, and the edge cache's verdict;
//! 7. [`webhook`]: instead of 3 to 6 for providers, the signature over the raw body;
//! 8. [`attestation`]: the edge's signed statement, which the control plane verifies with the same module.
//!
//! A request that ends on the way is a [`rejection`] with an [`error`] code; [`outcome`] counts it.
//!
//! # Beside the way
//!
//! [`config`] is what the filter is configured with, [`connections`] limits the connections of one address,
//! [`waiting`] bounds how many requests a worker holds, and [`money`], [`id`] and [`provider`] are the types that both
//! halves share.

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
pub mod rejection;
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
