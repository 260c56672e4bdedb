//! Why a webhook is rejected.

use super::paypal::CertificateUrlError;
use super::x509::CertificateProblem;
use crate::error::ErrorCode;

/// A webhook that is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    #[error(transparent)]
    Forged(#[from] Forged),
    #[error(transparent)]
    CannotVerify(#[from] CannotVerify),
}

/// The webhook is not from the provider, or was altered. Retrying cannot help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the header `{0}` is missing")]
    HeaderMissing(&'static str),
    #[error("the header `{0}` is given more than once")]
    HeaderRepeated(&'static str),
    #[error("the header `{0}` is too long")]
    HeaderTooLong(&'static str),
    #[error("the header `{0}` contains characters other than visible ASCII")]
    HeaderNotPlain(&'static str),
    #[error("the header `{header}` is not {expected}")]
    HeaderMalformed { header: &'static str, expected: &'static str },
    #[error("it was signed too long ago ({age_s} s)")]
    TooOld { age_s: u64 },
    #[error("it was signed {ahead_s} s in the future; check both clocks")]
    TooNew { ahead_s: u64 },
    #[error("it is signed with another algorithm than SHA256withRSA")]
    Algorithm,
    #[error("its certificate's URL is not the provider's: {0}")]
    CertificateUrl(#[from] CertificateUrlError),
    #[error("the signature does not match the body")]
    SignatureMismatch,
}

/// Whether the webhook is genuine is unknown, because the means to verify it are missing. The provider should redeliver
/// it.
///
/// Every problem with a certificate belongs here and not to [`Forged`]: certificates are fetched from the provider's
/// own hosts, so a forger does not control them. An untrusted one means that the trust bundle or the clock is wrong, or
/// that something between the gateway and the provider responds in its place; once that is fixed, the same webhook is
/// valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotVerify {
    #[error("the provider's certificate could not be fetched: {0}")]
    Fetch(#[from] FetchFailure),
    #[error("the provider's certificate cannot be trusted: {0}")]
    Certificate(#[from] CertificateProblem),
    #[error("RSA signatures cannot be verified here")]
    RsaUnavailable,
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    #[error("the provider could not be reached")]
    Unreachable,
    #[error("the provider answered with status {0}")]
    Status(u16),
    #[error("the provider did not answer in time")]
    TimedOut,
    #[error("too many other certificates are being fetched")]
    TooMany,
    #[error("too many other webhooks wait for it")]
    Crowded,
    #[error("too many unknown certificate names were requested recently")]
    UnknownNames,
}

impl VerificationError {
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Forged(_) => ErrorCode::SignatureInvalid,
            Self::CannotVerify(_) => ErrorCode::SignatureUnverifiable,
        }
    }

    /// The name in metrics and logs; it contains nothing from the webhook.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Forged(forged) => forged.reason(),
            Self::CannotVerify(cannot) => cannot.reason(),
        }
    }
}

impl Forged {
    const fn reason(&self) -> &'static str {
        match self {
            Self::HeaderMissing(_) => "header_missing",
            Self::HeaderRepeated(_) => "header_repeated",
            Self::HeaderTooLong(_) => "header_too_long",
            Self::HeaderNotPlain(_) => "header_not_plain",
            Self::HeaderMalformed { .. } => "header_malformed",
            Self::TooOld { .. } => "too_old",
            Self::TooNew { .. } => "too_new",
            Self::Algorithm => "algorithm",
            Self::CertificateUrl(_) => "certificate_url",
            Self::SignatureMismatch => "signature_mismatch",
        }
    }
}

impl CannotVerify {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Fetch(FetchFailure::Unreachable) => "certificate_unreachable",
            Self::Fetch(FetchFailure::Status(_)) => "certificate_status",
            Self::Fetch(FetchFailure::TimedOut) => "certificate_timeout",
            Self::Fetch(FetchFailure::TooMany) => "certificate_busy",
            Self::Fetch(FetchFailure::Crowded) => "certificate_crowded",
            Self::Fetch(FetchFailure::UnknownNames) => "certificate_unknown_names",
            Self::Certificate(problem) => problem.reason(),
            Self::RsaUnavailable => "rsa_unavailable",
        }
    }
}
