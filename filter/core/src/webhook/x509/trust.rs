//! Verifies a fetched certificate and returns its trusted key.

use super::certificate::Certificate;
use super::pem;
use super::problem::{CertificateProblem, TrustError};
use crate::webhook::CannotVerify;
use crate::webhook::rsa::{Unavailable, VerifyRsa};

/// The longest accepted file, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 65_536;

const CERTIFICATES_MAX: usize = 8;
/// Public certificates have one or two authorities between the root and the leaf.
const AUTHORITIES_MAX: usize = 5;
/// Each check costs up to a millisecond under wasm.
const SIGNATURES_MAX: u32 = 16;

/// The trusted certificates: a PEM bundle. Self-issued certificates in it are trusted roots; the others only help to
/// build a chain.
/// other only helps to find the way to one.
#[derive(Debug)]
pub struct Trust {
    roots: Vec<Certificate>,
    intermediates: Vec<Certificate>,
}

/// The key of a certificate that [`Trust::key_of`] has verified; there is no other way to obtain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    spki_der: Vec<u8>,
    not_after_s: u64,
    issuers_until_s: u64,
}

impl TrustedKey {
    /// `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// When its certificate expires, in Unix seconds.
    #[must_use]
    pub const fn not_after_s(&self) -> u64 {
        self.not_after_s
    }

    /// When the first of its issuers expires, including the root, in Unix seconds.
    #[must_use]
    pub const fn issuers_until_s(&self) -> u64 {
        self.issuers_until_s
    }
}

impl Trust {
    /// Parses a bundle. Text around the certificates is ignored.
    ///
    /// # Errors
    /// A certificate in it cannot be parsed, or none of them is a root.
    pub fn from_pem(bundle: &[u8]) -> Result<Self, TrustError> {
        let certificates =
            pem::certificates(bundle).filter(|all| !all.is_empty()).ok_or(TrustError::NotPem)?;
        let parsed = certificates
            .iter()
            .enumerate()
            .map(|(i, der)| Certificate::parse(der).ok_or(TrustError::Certificate(i + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        let (roots, intermediates): (Vec<_>, Vec<_>) =
            parsed.into_iter().partition(Certificate::is_its_own_issuer);
        if roots.is_empty() { Err(TrustError::NoRoot) } else { Ok(Self { roots, intermediates }) }
    }

    /// When the first certificate of the bundle expires, in Unix seconds.
    #[must_use]
    pub fn until_s(&self) -> u64 {
        let all = self.roots.iter().chain(&self.intermediates);
        all.map(|certificate| certificate.not_after_s).min().unwrap_or(0)
    }

    /// Until when a chain may be found at most, in Unix seconds: when the last intermediate expires, or the last root
    /// where the bundle has no intermediates.
    #[must_use]
    pub fn last_until_s(&self) -> u64 {
        let all = if self.intermediates.is_empty() { &self.roots } else { &self.intermediates };
        all.iter().map(|certificate| certificate.not_after_s).max().unwrap_or(0)
    }

    /// The key of the first certificate in `delivered` (PEM), if its name is `name` and it chains to a root of this
    /// bundle at `now_s` (Unix seconds). Further certificates in it help to build the chain and are not trusted
    /// themselves.
    ///
    /// # Errors
    /// Says what is wrong with the certificate.
    pub fn key_of(
        &self,
        delivered: &[u8],
        name: &str,
        now_s: u64,
        rsa: &impl VerifyRsa,
    ) -> Result<TrustedKey, CannotVerify> {
        let (leaf, further) = read(delivered)?;
        judge_leaf(&leaf, name, now_s)?;
        let mut search = Search { trust: self, further: &further, now_s, rsa, signatures: 0 };
        let issuers_until_s = search.path_from(&leaf, 0)?;
        Ok(TrustedKey { spki_der: leaf.key, not_after_s: leaf.not_after_s, issuers_until_s })
    }
}

fn read(delivered: &[u8]) -> Result<(Certificate, Vec<Certificate>), CertificateProblem> {
    if delivered.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateProblem::TooLarge);
    }
    let certificates = pem::certificates(delivered).ok_or(CertificateProblem::NotPem)?;
    if certificates.len() > CERTIFICATES_MAX {
        return Err(CertificateProblem::TooMany);
    }
    let (leaf, further) = certificates.split_first().ok_or(CertificateProblem::NotPem)?;
    let leaf = Certificate::parse(leaf).ok_or(CertificateProblem::Malformed)?;
    // Unreadable additional certificates are ignored.
    Ok((leaf, further.iter().filter_map(|der| Certificate::parse(der)).collect()))
}

fn judge_leaf(leaf: &Certificate, name: &str, now_s: u64) -> Result<(), CertificateProblem> {
    if now_s < leaf.not_before_s {
        return Err(CertificateProblem::NotYetValid { not_before_s: leaf.not_before_s });
    }
    if now_s > leaf.not_after_s {
        return Err(CertificateProblem::Expired { not_after_s: leaf.not_after_s });
    }
    if !belongs_to(leaf, name) {
        return Err(CertificateProblem::Name);
    }
    let extensions = &leaf.extensions;
    if extensions.authority {
        return Err(CertificateProblem::Authority);
    }
    if extensions.may_sign_messages == Some(false) || extensions.for_something_else {
        return Err(CertificateProblem::Usage);
    }
    judge(leaf)
}

/// Whether a certificate has the name `name`. PayPal's own libraries check the common name, browsers the alternative
/// names; if both are present, both must match, so that a certificate accepted by only one rule is rejected.
fn belongs_to(leaf: &Certificate, name: &str) -> bool {
    let common = leaf.common_names.iter().all(|common| common.as_deref() == Some(name));
    match &leaf.extensions.host_names {
        Some(hosts) => common && hosts.iter().any(|host| host == name),
        None => common && !leaf.common_names.is_empty(),
    }
}

/// Requirements on leaves and authorities alike.
fn judge(certificate: &Certificate) -> Result<(), CertificateProblem> {
    if certificate.extensions.unknown_critical {
        return Err(CertificateProblem::Extension);
    }
    match certificate.key_bits {
        Some(2048..=8192) => Ok(()),
        _ => Err(CertificateProblem::Key),
    }
}

/// The search for a chain to a root, over every possible issuer of each certificate.
struct Search<'a, R> {
    trust: &'a Trust,
    further: &'a [Certificate],
    now_s: u64,
    rsa: &'a R,
    signatures: u32,
}

impl<R: VerifyRsa> Search<'_, R> {
    /// `authorities` are between `certificate`'s issuer and the leaf. Returns until when all certificates from that
    /// issuer on are valid.
    fn path_from(&mut self, certificate: &Certificate, authorities: usize) -> Result<u64, CannotVerify> {
        let mut reason = CannotVerify::Certificate(CertificateProblem::UnknownIssuer);
        if certificate.algorithm.is_none() {
            return Err(CertificateProblem::SignatureAlgorithm.into());
        }
        let (trust, further) = (self.trust, self.further);
        let issuers = |candidate: &&Certificate| candidate.subject == certificate.issuer;
        for root in trust.roots.iter().filter(issuers) {
            match self.issued(root, certificate, authorities) {
                Ok(()) => return Ok(root.not_after_s),
                Err(problem) => reason = problem,
            }
        }
        if authorities < AUTHORITIES_MAX {
            for issuer in trust.intermediates.iter().chain(further).filter(issuers) {
                // A self-issued certificate ends a chain unless it is in the bundle.
                if issuer.is_its_own_issuer() {
                    continue;
                }
                let path = self
                    .issued(issuer, certificate, authorities)
                    .and_then(|()| self.path_from(issuer, authorities + 1));
                match path {
                    Ok(until_s) => return Ok(until_s.min(issuer.not_after_s)),
                    Err(problem) => reason = problem,
                }
            }
        }
        Err(reason)
    }

    fn issued(
        &mut self,
        issuer: &Certificate,
        certificate: &Certificate,
        authorities: usize,
    ) -> Result<(), CannotVerify> {
        let extensions = &issuer.extensions;
        if !issuer.is_valid_at(self.now_s) {
            return Err(CertificateProblem::IssuerValidity.into());
        }
        if !extensions.authority
            || extensions.may_sign_certificates == Some(false)
            || extensions.for_something_else
        {
            return Err(CertificateProblem::IssuerNotAuthority.into());
        }
        if extensions.path_length.is_some_and(|allowed| authorities > usize::from(allowed)) {
            return Err(CertificateProblem::PathLength.into());
        }
        judge(issuer)?;
        let hash = certificate.algorithm.ok_or(CertificateProblem::SignatureAlgorithm)?;
        if self.signatures == SIGNATURES_MAX {
            return Err(CertificateProblem::TooComplex.into());
        }
        self.signatures += 1;
        match self.rsa.verify(&issuer.key, hash, &certificate.signed, &certificate.signature) {
            Ok(true) => Ok(()),
            Ok(false) => Err(CertificateProblem::Signature.into()),
            Err(Unavailable) => Err(CannotVerify::RsaUnavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use crate::webhook::rsa::PureRust;

    const BUNDLE: &[u8] = include_bytes!("../../../../../envoy/trust/paypal.pem");
    /// 2026-01-01
    const NOW: u64 = 1_767_225_600;

    fn path(certificate: &Certificate, now_s: u64) -> Result<u64, CannotVerify> {
        let trust = Trust::from_pem(BUNDLE).unwrap();
        let mut search = Search { trust: &trust, further: &[], now_s, rsa: &PureRust, signatures: 0 };
        search.path_from(certificate, 0)
    }

    #[test]
    fn the_delivered_bundle_holds_together() {
        let trust = Trust::from_pem(BUNDLE).unwrap();
        assert_eq!((trust.roots.len(), trust.intermediates.len()), (3, 4));
        // The end of DigiCert SHA2 Extended Validation Server CA.
        assert_eq!(trust.until_s(), 1_855_828_800);
        // The end of DigiCert G5 TLS RSA4096 SHA384 2021 CA1: 2031-04-13. The roots live longer.
        assert_eq!(trust.last_until_s(), 1_933_891_199);
        for root in &trust.roots {
            let below = trust.intermediates.iter().filter(|it| it.issuer == root.subject);
            assert!(below.clone().count() > 0, "PayPal delivers the leaf alone: a bare root leads nowhere");
            for intermediate in below {
                assert_eq!(path(intermediate, NOW), Ok(root.not_after_s));
                let expired = Err(CertificateProblem::IssuerValidity.into());
                assert_eq!(path(intermediate, root.not_after_s + 1), expired);
            }
        }
    }

    /// A certificate of www.digicert.com, which DigiCert has issued as it issues PayPal's: EV, by "DigiCert EV RSA CA
    /// G2".
    #[test]
    fn a_leaf_alone_of_the_issuer_that_paypal_moves_to_is_trusted() {
        const LEAF: &[u8] = include_bytes!("../../../tests/webhooks/digicert-2026.pem");
        /// 2026-10-01
        const THEN: u64 = 1_790_812_800;
        let trust = Trust::from_pem(BUNDLE).unwrap();
        let key = trust.key_of(LEAF, "www.digicert.com", THEN, &PureRust).unwrap();
        // The end of the intermediate: 2030-07-02.
        assert_eq!(key.issuers_until_s(), 1_909_226_570);
        let other = trust.key_of(LEAF, "messageverificationcerts.paypal.com", THEN, &PureRust);
        assert_eq!(other, Err(CertificateProblem::Name.into()));
    }

    #[test]
    fn a_signature_of_another_is_noticed() {
        let mut trust = Trust::from_pem(BUNDLE).unwrap();
        let mut intermediate = trust.intermediates.pop().unwrap();
        *intermediate.signature.last_mut().unwrap() ^= 1;
        assert_eq!(path(&intermediate, NOW), Err(CertificateProblem::Signature.into()));
    }

    /// A key for tests; in production there is none without its certificate.
    impl TrustedKey {
        pub(in crate::webhook) fn for_test(not_after_s: u64) -> Self {
            Self { spki_der: vec![1, 2, 3], not_after_s, issuers_until_s: not_after_s }
        }
    }
}
