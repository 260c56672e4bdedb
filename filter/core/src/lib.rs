//! Every decision of the edge, and the contract between the edge and the control plane.
//!
//! Free of proxy, I/O and clock: the same code runs in Envoy, in the control plane and in tests.
//!
//! # The life of a request
//!
//! The host (the filter crate, or a test) reports what arrives to an [`exchange::Exchange`] and carries out the
//! returned action: wait, claim a key, fetch a certificate, forward, or reply. A request passes
//!
//! 1. [`head`]: the request head as bytes, with one host and no repeated header that must be unique;
//! 2. [`route`]: the operation, by method and path;
//! 3. [`client`]: the client, as Envoy authenticated it, or by its [`ticket`];
//! 4. [`card`]: no card data in path, query, key or body;
//! 5. [`request`]: the body or query, strictly parsed;
//! 6. [`idempotency`]: the key's scope, the request's fingerprint, and the edge cache's verdict;
//! 7. [`webhook`]: instead of 3 to 6 for providers, the signature over the raw body;
//! 8. [`attestation`]: the edge's signed statement, which the control plane verifies with the same module.
//!
//! A request that fails a check ends in a [`rejection`] with an [`error`] code; [`outcome`] counts it.
//!
//! # Other modules
//!
//! [`config`] is the filter's configuration, [`setting`] checks the value of any setting, [`connections`] limits the
//! connections of one address, [`waiting`] bounds how many requests a worker holds, and [`money`], [`id`] and
//! [`provider`] are types that edge and control plane share. [`graphql`] reads the tokens of GraphQL documents.
//! `described` (feature `openapi`) has the schemas of what requests contain.

pub mod attestation;
mod authority;
mod canonical;
pub mod card;
pub mod client;
pub mod config;
pub mod connections;
mod content;
#[cfg(feature = "openapi")]
pub mod described;
pub mod error;
pub mod exchange;
pub mod graphql;
pub mod head;
pub mod id;
pub mod idempotency;
mod keys;
pub mod money;
pub mod outcome;
pub mod provider;
pub mod rejection;
pub mod request;
pub mod route;
pub mod setting;
pub mod ticket;
mod token_bucket;
pub mod waiting;
pub mod webhook;

/// `#[test]` of the unit tests: the same tests run natively and, by wasm-bindgen-test, under wasm.
#[cfg(all(test, not(target_arch = "wasm32")))]
pub(crate) use core::prelude::v1::test;
#[cfg(all(test, target_arch = "wasm32"))]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
