//! A certificate authority, for TLS between the parts of a stack and for tests. No authority for anything
//! that matters: its key is beside it.

use std::path::Path;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// Issues certificates.
#[derive(Debug)]
pub struct Authority {
    pem: String,
    key: KeyPair,
}

/// A certificate and its private key, in PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    pub certificate: String,
    pub private_key: String,
}

impl Authority {
    /// A new one, that nobody else trusts.
    pub fn new() -> Result<Self> {
        let key = KeyPair::generate().context("no key can be made")?;
        let pem = own_params().self_signed(&key).context("no authority can be made")?.pem();
        Ok(Self { pem, key })
    }

    /// The one whose files these are.
    pub fn read(certificate: &Path, private_key: &Path) -> Result<Self> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
        };
        Ok(Self { pem: text(certificate)?, key: KeyPair::from_pem(&text(private_key)?)? })
    }

    /// Its own certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    #[must_use]
    pub fn private_key(&self) -> String {
        self.key.serialize_pem()
    }

    /// A certificate for both ends of a connection. Names are IP addresses, URIs or DNS names.
    pub fn issue(&self, names: &[&str]) -> Result<Issued> {
        self.issue_with(names, |_| {})
    }

    /// The same, with `change` applied to it.
    pub fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Result<Issued> {
        let key = KeyPair::generate().context("no key can be made")?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "gateway");
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) if name.contains("://") => SanType::URI((*name).try_into()?),
                Err(_) => SanType::DnsName((*name).try_into()?),
            });
        }
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let issuer = Issuer::new(own_params(), &self.key);
        let certificate = params.signed_by(&key, &issuer).context("no certificate can be issued")?;
        Ok(Issued { certificate: certificate.pem(), private_key: key.serialize_pem() })
    }
}

impl Issued {
    /// Replaces the files of a certificate as tools do: each as a whole, one after the other.
    pub fn replace(&self, certificate: &Path, private_key: &Path) -> Result<()> {
        for (path, text) in [(certificate, &self.certificate), (private_key, &self.private_key)] {
            crate::run_dir::write_private(path, text)?;
        }
        Ok(())
    }
}

fn own_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "gateway's own authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}
