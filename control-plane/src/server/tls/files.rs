//! The PEM files of a listener, and the TLS configuration that they make.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, version};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use super::PeerNames;
use super::verifier::PeerVerifier;

/// Larger than a bundle of every public authority.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a listener offers without a word in HTTP: HTTP/2 to Envoy, HTTP/1.1 to scrapers and operators (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a process needs to serve over TLS: three PEM files, and who may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The process's certificate, followed by its intermediates.
    pub certificate: PathBuf,
    pub private_key: PathBuf,
    /// The authorities whose client certificates are accepted.
    pub client_ca: PathBuf,
    pub client_names: PeerNames,
}

/// One of the three files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    Certificate,
    PrivateKey,
    ClientCa,
}

/// Why the files make no TLS. Never repeats their contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct TlsError {
    /// The file to look at.
    pub file: TlsFile,
    pub path: PathBuf,
    pub problem: String,
}

/// The contents of the files at one time.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    private_key: Zeroizing<Vec<u8>>,
    client_ca: Vec<u8>,
}

/// Omits the private key.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

type Identity = (Vec<CertificateDer<'static>>, CertificateDer<'static>, PrivateKeyDer<'static>);

/// A configuration, and when its certificate expires.
pub(super) struct Loaded {
    pub(super) config: Arc<ServerConfig>,
    /// Unix seconds.
    pub(super) expires_at_s: u64,
}

impl TlsSettings {
    /// Checks that the files make a working configuration.
    ///
    /// # Errors
    /// The file that is wrong, and what would be right.
    pub fn check(&self) -> Result<(), TlsError> {
        self.load(&self.read()?).map(drop)
    }

    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        let read = |file| read(self.path(file)).map_err(|problem| self.wrong(file, problem));
        Ok(Contents {
            certificate: read(TlsFile::Certificate)?,
            private_key: read(TlsFile::PrivateKey)?.into(),
            client_ca: read(TlsFile::ClientCa)?,
        })
    }

    pub(super) fn load(&self, contents: &Contents) -> Result<Loaded, TlsError> {
        let wrong = |file, problem: &str| self.wrong(file, problem);
        let (chain, own, key) = self.identity(contents)?;
        let expires_at_s = expiry(&own).ok_or_else(|| wrong(TlsFile::Certificate, NO_CERTIFICATE))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let issued =
            WebPkiClientVerifier::builder_with_provider(self.roots(contents)?.into(), provider.clone());
        let issued = issued.build().map_err(|_| wrong(TlsFile::ClientCa, NO_CERTIFICATE))?;
        let verifier = PeerVerifier { issued, names: self.client_names.clone(), own };
        let builder =
            ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&version::TLS13]);
        let builder = builder.map_err(|error| wrong(TlsFile::Certificate, &error.to_string()))?;
        let config = builder.with_client_cert_verifier(Arc::new(verifier)).with_single_cert(chain, key);
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                wrong(TlsFile::PrivateKey, "is not the key of the certificate")
            }
            error => wrong(TlsFile::Certificate, &error.to_string()),
        })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        // A resumed session would skip the check of the peer's certificate. Connections are few and live long.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Loaded { config: Arc::new(config), expires_at_s })
    }

    /// The process's chain, the certificate itself, and its key.
    pub(super) fn identity(&self, contents: &Contents) -> Result<Identity, TlsError> {
        let chain = certificates(&contents.certificate);
        let chain = chain.map_err(|problem| self.wrong(TlsFile::Certificate, problem))?;
        let own = chain.first().ok_or_else(|| self.wrong(TlsFile::Certificate, NO_CERTIFICATE))?.clone();
        let key = PrivateKeyDer::from_pem_slice(&contents.private_key);
        let key = key.map_err(|_| self.wrong(TlsFile::PrivateKey, "has no private key in PEM"))?;
        Ok((chain, own, key))
    }

    fn roots(&self, contents: &Contents) -> Result<RootCertStore, TlsError> {
        let wrong = |problem: &str| self.wrong(TlsFile::ClientCa, problem);
        let mut roots = RootCertStore::empty();
        for authority in certificates(&contents.client_ca).map_err(wrong)? {
            roots.add(authority).map_err(|error| wrong(&error.to_string()))?;
        }
        Ok(roots)
    }

    fn path(&self, file: TlsFile) -> &Path {
        match file {
            TlsFile::Certificate => &self.certificate,
            TlsFile::PrivateKey => &self.private_key,
            TlsFile::ClientCa => &self.client_ca,
        }
    }

    fn wrong(&self, file: TlsFile, problem: impl Into<String>) -> TlsError {
        TlsError { file, path: self.path(file).to_owned(), problem: problem.into() }
    }
}

const NO_CERTIFICATE: &str = "has no certificate in PEM";

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(NO_CERTIFICATE)
}

/// When it expires, in Unix seconds.
fn expiry(certificate: &CertificateDer<'_>) -> Option<u64> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if file.len() > FILE_BYTES_MAX {
        return Err(format!("has more than {FILE_BYTES_MAX} bytes"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}
