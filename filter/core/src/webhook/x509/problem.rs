//! Problems with certificates.

/// Why a certificate is not trusted. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    #[error("it is longer than 64 KiB")]
    TooLarge,
    #[error("it is not a certificate in PEM")]
    NotPem,
    #[error("it comes with more than seven others")]
    TooMany,
    #[error("it cannot be parsed")]
    Malformed,
    #[error("it has another name")]
    Name,
    #[error("it expired at {not_after_s} (Unix seconds)")]
    Expired { not_after_s: u64 },
    #[error("it is not valid before {not_before_s} (Unix seconds)")]
    NotYetValid { not_before_s: u64 },
    #[error("its key is not RSA of 2048 to 8192 bits")]
    Key,
    #[error("its key usage does not allow this signature")]
    Usage,
    #[error("it is an authority's certificate")]
    Authority,
    #[error("it has an unknown critical extension")]
    Extension,
    #[error("the trust bundle contains no chain to its issuer")]
    UnknownIssuer,
    #[error("it is signed by an algorithm that is not trusted (SHA-256, SHA-384 or SHA-512 with RSA are)")]
    SignatureAlgorithm,
    #[error("its issuer's signature on it is invalid")]
    Signature,
    #[error("its issuer's certificate has expired, or is not valid yet")]
    IssuerValidity,
    #[error("its issuer may not issue certificates")]
    IssuerNotAuthority,
    #[error("there are more authorities between it and the root than the root or one of them allows")]
    PathLength,
    #[error("its chain is too expensive to check")]
    TooComplex,
}

impl CertificateProblem {
    pub(in crate::webhook) const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "certificate_too_large",
            Self::NotPem => "certificate_not_pem",
            Self::TooMany => "certificate_too_many",
            Self::Malformed => "certificate_malformed",
            Self::Name => "certificate_name",
            Self::Expired { .. } => "certificate_expired",
            Self::NotYetValid { .. } => "certificate_not_yet_valid",
            Self::Key => "certificate_key",
            Self::Usage => "certificate_usage",
            Self::Authority => "certificate_is_authority",
            Self::Extension => "certificate_extension",
            Self::UnknownIssuer => "certificate_unknown_issuer",
            Self::SignatureAlgorithm => "certificate_signature_algorithm",
            Self::Signature => "certificate_signature",
            Self::IssuerValidity => "certificate_issuer_validity",
            Self::IssuerNotAuthority => "certificate_issuer_not_authority",
            Self::PathLength => "certificate_path_length",
            Self::TooComplex => "certificate_too_complex",
        }
    }
}

/// Why a trust bundle is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error("the trust bundle holds no PEM certificate, or one that is cut off")]
    NotPem,
    #[error("certificate {0} (counted from 1) of the trust bundle cannot be parsed")]
    Certificate(usize),
    #[error("the trust bundle holds no root (a certificate that is its own issuer)")]
    NoRoot,
}
