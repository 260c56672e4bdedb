//! The edge's protection against executing a request twice: which requests are the same, and which one may execute.
//!
//! A client names an operation with a [`Key`]. [`Scope`] identifies equal keys, [`Fingerprint`] equal requests. The
//! edge sends both as a [`ClaimRequest`] to a cache that all edges share, and acts on the cache's [`Verdict`]: it
//! forwards the request under a [`Fence`], replays the earlier answer, or rejects the request. The control plane
//! completes the claim with its [`Answer`] and seals it ([`SealedAnswer`]). An edge trusts only what is proven or
//! harmless in a verdict ([`CheckedVerdict`]). [`Record`] has the rules of the cache, free of I/O.
//!
//! Follows draft-ietf-httpapi-idempotency-key-header-07. The cache may lose everything at any time: the control plane's
//! durable row is the protection that must hold.

mod answer;
mod checked_verdict;
mod coalescer;
mod in_flight_limit;
mod key;
mod lease;
mod protocol;
mod recent;
mod record;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod record_model;
mod scope;
mod seal;
mod sealed;
mod view;

pub use answer::{Answer, AnswerError, BODY_BYTES_MAX};
pub use checked_verdict::CheckedVerdict;
pub use coalescer::{CLAIMS_MAX, ClaimCoalescer, Dispatch, SingleCall};
pub use key::{HEADER, Key, KeyError, REPLAYED_HEADER};
pub use lease::{Fence, Lease};
pub use protocol::{
    CLAIMS_PATH, ClaimCall, ClaimRequest, MARKER, MARKER_HEADER, RETRY_AFTER_MS_MAX, Verdict,
};
use recent::Recent;
pub use record::{Fenced, KEPT_AFTER_LEASE, Record};
pub use scope::{Fingerprint, Scope};
pub use seal::Unproven;
pub use sealed::{MismatchProof, SealedAnswer};
pub use view::CacheView;
