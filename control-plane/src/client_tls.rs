//! What the clients of Redis and RabbitMQ need for TLS, and the rule that they speak TLS 1.3.

use std::fmt;

use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// PEM files for one server, as they were when the process started.
#[derive(Clone)]
pub(crate) struct ClientTls {
    /// Authorities of the server's certificate.
    pub(crate) authorities: Option<Vec<u8>>,
    /// Certificate chain and private key that the server may ask for.
    pub(crate) identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// Which of the files is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsFileError {
    #[error("must be a PEM file with certificates of authorities")]
    Authorities,
    #[error("must be a PEM file with a certificate, followed by its intermediates")]
    Certificate,
    #[error("must be a PEM file with the private key of the certificate")]
    PrivateKey,
}

impl ClientTls {
    /// # Errors
    /// The file that the clients could not use.
    pub(crate) fn check(&self) -> Result<(), TlsFileError> {
        if let Some(authorities) = &self.authorities {
            let mut roots = RootCertStore::empty();
            for authority in CertificateDer::pem_slice_iter(authorities) {
                let authority = authority.map_err(|_| TlsFileError::Authorities)?;
                roots.add(authority).map_err(|_| TlsFileError::Authorities)?;
            }
            if roots.is_empty() {
                return Err(TlsFileError::Authorities);
            }
        }
        if let Some((certificate, private_key)) = &self.identity {
            let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
            chain.ok().filter(|chain| !chain.is_empty()).ok_or(TlsFileError::Certificate)?;
            PrivateKeyDer::from_pem_slice(private_key).map_err(|_| TlsFileError::PrivateKey)?;
        }
        Ok(())
    }
}

/// Omits the private key.
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

/// Lets the clients of Redis, RabbitMQ and Vault speak TLS 1.3 alone: they have no setting for it, and all of them use
/// the process's default cipher suites. PostgreSQL's client has its own, and the store refuses what it then agreed on,
/// and so do clients of providers ([`payments_providers::Outgoing`]).
pub(crate) fn speak_tls_1_3_alone() {
    let all = aws_lc_rs::default_provider();
    let cipher_suites = all.cipher_suites.iter().filter(|suite| suite.tls13().is_some()).copied().collect();
    // An error means that it was done before.
    let _ = CryptoProvider { cipher_suites, ..all }.install_default();
}
