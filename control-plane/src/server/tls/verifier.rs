//! Which client certificates are accepted.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::PeerNames;

/// Accepts a certificate that an authority issued and that has one of the allowed names, and the process's own
/// certificate: only the holder of its private key can use it, as `control-plane ready` beside the process does.
#[derive(Debug)]
pub(super) struct PeerVerifier {
    pub(super) issued: Arc<dyn ClientCertVerifier>,
    pub(super) names: PeerNames,
    pub(super) own: CertificateDer<'static>,
}

impl ClientCertVerifier for PeerVerifier {
    /// None: strangers need not know the authorities, and clients have one certificate each.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.own {
            return Ok(ClientCertVerified::assertion());
        }
        let issued = self.issued.verify_client_cert(end_entity, intermediates, now)?;
        let certificate = EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let mut names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        if names.any(|name| self.names.allow(name)) {
            return Ok(issued);
        }
        let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        let names = names.filter(|name| !is_wildcard(name)).take(SHOWN_MAX).map(shown);
        let refused = NotAllowed { names: names.collect(), wildcards: wildcards(end_entity) };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refused)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.issued.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.issued.supported_verify_schemes()
    }
}

/// How much of a refused certificate's names the log shows.
const SHOWN_MAX: usize = 4;
const SHOWN_CHARS_MAX: usize = 100;

fn shown(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(SHOWN_CHARS_MAX).collect()
}

fn is_wildcard(name: &str) -> bool {
    name.contains('*') && !name.contains(':')
}

/// The first DNS names with a wildcard, also those that no verifier takes for names (`*.example`).
fn wildcards(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = Certificate::from_der(certificate) else { return Vec::new() };
    let extension = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let Ok(Some((_, SubjectAltName(names)))) = extension else { return Vec::new() };
    let dns_names = names.iter().filter_map(|name| match name {
        GeneralName::DnsName(name) => Some(AsRef::<str>::as_ref(name)),
        _ => None,
    });
    dns_names.filter(|name| is_wildcard(name)).take(SHOWN_MAX).map(shown).collect()
}

const NO_NAME: &str = "the certificate has no DNS name or URI in its subject alternative names";

/// The certificate is valid, and its holder may not connect. Has the certificate's first names.
#[derive(Debug)]
pub(super) struct NotAllowed {
    /// Names without a wildcard.
    names: Vec<String>,
    wildcards: Vec<String>,
}

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.names.as_slice(), self.wildcards.as_slice()) {
            ([], []) => return f.write_str(NO_NAME),
            ([], _) => f.write_str("no name of the certificate may connect")?,
            (names, _) => write!(f, "no name of the certificate may connect; it has {}", names.join(", "))?,
        }
        if self.wildcards.is_empty() {
            return Ok(());
        }
        write!(
            f,
            "; a wildcard name is not accepted ({}): issue the certificate for a whole name of \
             SERVICE_TLS_CLIENT_NAMES",
            self.wildcards.join(", ")
        )
    }
}

impl std::error::Error for NotAllowed {}
