//! Every decision the edge makes, and the contract between the edge and the control plane.
//!
//! No proxy, no I/O and no clock lives here: the same code runs in Envoy, in the control plane and in tests.

pub mod attestation;
pub mod client;
pub mod error;
pub mod money;
pub mod provider;
pub mod request;
