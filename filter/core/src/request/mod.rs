//! The bodies of the public API as types: what does not fit is refused before it costs anything.

mod capture;
mod charge;
mod metadata;
mod refund;

pub use capture::{CancelRequest, CaptureRequest};
pub use charge::{CaptureMode, ChargeRequest};
pub use metadata::Metadata;
pub use refund::RefundRequest;
