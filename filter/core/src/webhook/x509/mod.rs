//! The subset of X.509 (RFC 5280) that is needed to trust the certificate of a webhook's signature.

mod certificate;
mod pem;
mod problem;
mod trust;

pub use problem::{CertificateProblem, TrustError};
pub use trust::{CERTIFICATE_BYTES_MAX, Trust, TrustedKey};
