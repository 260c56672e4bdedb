//! Just enough of X.509 (RFC 5280) to trust the one certificate that a webhook is signed with.

mod certificate;
mod pem;
mod problem;
mod trust;

pub use problem::{CertificateProblem, TrustError};
pub use trust::{CERTIFICATE_BYTES_MAX, Trust, TrustedKey};
