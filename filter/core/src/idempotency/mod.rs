//! The edge's wall against doing a thing twice: which requests are the same, and whose turn it is.
//!
//! A client names an operation with a [`Key`]. [`Scope`] says which keys are the same one, [`Fingerprint`]
//! which requests are. The edge sends both as a [`ClaimRequest`] to a cache that all edges share, and the
//! cache's [`Verdict`] decides: go on under a [`Fence`], answer what was answered before, or refuse. The
//! control plane completes the claim with its [`Answer`]. [`Record`] has the rules of the cache, free of I/O.
//!
//! After draft-ietf-httpapi-idempotency-key-header-07. The cache may lose everything at any time: the control
//! plane's durable row is the wall that must hold.

mod answer;
mod gathering;
mod key;
mod lease;
mod protocol;
mod recent;
mod record;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod record_model;
mod scope;

pub use answer::{Answer, AnswerError, BODY_BYTES_MAX};
pub use gathering::{Alone, CLAIMS_MAX, Gathering, Way};
pub use key::{HEADER, Key, KeyError, REPLAYED_HEADER};
pub use lease::{Fence, Lease};
pub use protocol::{
    CLAIMS_PATH, ClaimCall, ClaimRequest, MARKER, MARKER_HEADER, RETRY_AFTER_MS_MAX, Verdict,
};
pub use recent::Recent;
pub use record::{Fenced, KEPT_FOR, Record};
pub use scope::{Fingerprint, Scope};
