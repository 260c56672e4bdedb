//! The certificate authority that replaces the issuer of PayPal's webhook certificates: a root, which the gateway
//! trusts, and a leaf with the signing key. PayPal serves only the leaf; the root comes from the trust bundle.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};
use rand::RngExt;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, SigningKey, date_time_ymd,
};

use crate::clock::{Clock, SystemClock};

/// The name in the certificates of PayPal's own sandbox.
pub(crate) const DEFAULT_NAME: &str = "messageverificationcerts.sandbox.paypal.com";

const ROOT_KEY: &str = "root-key.pem";
const ROOT: &str = "root.pem";

/// The same as PayPal's.
const LEAF_MONTHS: i32 = 13;
const ROOT_YEARS: i32 = 10;

pub(crate) struct Authority {
    /// The trust bundle.
    pub(crate) root: String,
    /// The signing certificate, with PayPal's line ends.
    pub(crate) leaf: String,
    /// Its name in the URL, `CERT-…`.
    pub(crate) leaf_id: String,
    key: KeyPair,
}

/// In-memory authorities, by the name in their leaf. Generating keys takes a while, and tests start many sandboxes in
/// one process.
static IN_MEMORY: Mutex<BTreeMap<String, Arc<Authority>>> = Mutex::new(BTreeMap::new());

impl Authority {
    /// An authority that lives as long as this process.
    pub(crate) fn in_memory(name: &str) -> io::Result<Arc<Self>> {
        let mut made = IN_MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = made.get(name) {
            return Ok(Arc::clone(authority));
        }
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(io::Error::other)?;
        let root = root_params(today())?.self_signed(&key).map_err(io::Error::other)?.pem();
        let authority = Arc::new(Self::issue(root, key, name)?);
        made.insert(name.to_owned(), Arc::clone(&authority));
        Ok(authority)
    }

    /// An authority whose root is kept in a folder, created if missing. Each start has a new leaf, because PayPal
    /// changes its certificates, too.
    pub(crate) fn kept_in(folder: &Path, name: &str) -> io::Result<Arc<Self>> {
        let (root, key) = (folder.join(ROOT), folder.join(ROOT_KEY));
        let at = |path: &Path, error: &dyn std::fmt::Display| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
        };
        if !(root.is_file() && key.is_file()) {
            fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
            let new = KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(io::Error::other)?;
            let pem = root_params(today())?.self_signed(&new).map_err(io::Error::other)?.pem();
            write_private(&key, &new.serialize_pem()).map_err(|error| at(&key, &error))?;
            write_private(&root, &pem).map_err(|error| at(&root, &error))?;
        }
        let pem = fs::read_to_string(&root).map_err(|error| at(&root, &error))?;
        let key_pem = fs::read_to_string(&key).map_err(|error| at(&key, &error))?;
        let root_key =
            KeyPair::from_pem_and_sign_algo(&key_pem, &PKCS_RSA_SHA256).map_err(|error| at(&key, &error))?;
        Ok(Arc::new(Self::issue(pem, root_key, name)?))
    }

    fn issue(root: String, root_key: KeyPair, name: &str) -> io::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).map_err(io::Error::other)?;
        let issuer = Issuer::new(root_params(today())?, root_key);
        let leaf = leaf_params(name, today())?.signed_by(&key, &issuer).map_err(io::Error::other)?;
        let leaf_id = rand::rng().random::<[u32; 3]>().map(|part| format!("{part:08x}")).join("-");
        Ok(Self {
            root,
            leaf: leaf.pem().replace("\r\n", "\n").replace('\n', "\r\n"),
            leaf_id: format!("CERT-{leaf_id}"),
            key,
        })
    }

    /// RSA PKCS #1 v1.5 with SHA-256; the same message always has the same signature.
    pub(crate) fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.key.sign(message).map_err(io::Error::other)
    }
}

/// Certificates are valid by the machine's clock, not the sandbox's: others verify them by theirs.
fn today() -> Timestamp {
    SystemClock.now()
}

fn root_params(now: Timestamp) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = names("Provider sandbox test root");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    validity(&mut params, now, ROOT_YEARS * 12)?;
    Ok(params)
}

fn leaf_params(name: &str, now: Timestamp) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
    params.distinguished_name = names(name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    validity(&mut params, now, LEAF_MONTHS)?;
    Ok(params)
}

fn names(common_name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::OrganizationName, "Provider sandbox");
    names.push(DnType::CommonName, common_name);
    names
}

/// Valid from yesterday on, because clocks differ.
fn validity(params: &mut CertificateParams, now: Timestamp, months: i32) -> io::Result<()> {
    let today = Offset::UTC.to_datetime(now).date();
    let from = today.checked_sub(1.day()).map_err(io::Error::other)?;
    let until = today.checked_add(months.months()).map_err(io::Error::other)?;
    let midnight = |date: Date| {
        let part = |part: i8| u8::try_from(part).unwrap_or(1);
        date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    params.not_before = midnight(from);
    params.not_after = midnight(until);
    Ok(())
}

/// Replaces a file atomically, readable by its owner only.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_the_root_and_each_start_has_its_own_leaf() {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca");
        let first = Authority::kept_in(&ca, DEFAULT_NAME).unwrap();
        let second = Authority::kept_in(&ca, DEFAULT_NAME).unwrap();
        assert_eq!(first.root, second.root);
        assert_ne!(first.leaf, second.leaf);
        assert_ne!(first.leaf_id, second.leaf_id);
        assert_eq!(first.leaf_id.len(), "CERT-".len() + 26);
        assert!(first.leaf.contains("-----\r\n"));
        assert_eq!(first.leaf.matches('\n').count(), first.leaf.matches("\r\n").count());
    }

    #[test]
    fn an_invalid_folder_is_named_in_the_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ROOT), "").unwrap();
        fs::write(folder.path().join(ROOT_KEY), "no key").unwrap();
        let error = Authority::kept_in(folder.path(), DEFAULT_NAME).err().unwrap().to_string();
        assert!(error.contains(ROOT_KEY), "{error}");
    }
}
