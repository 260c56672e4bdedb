//! Our own certificate authority, and what it issues.

use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    PublicKeyData, date_time_ymd,
};

/// The name in the certificates.
pub(crate) const NAME: &str = "messageverificationcerts.test";

/// 2026-06-01: when everything is valid by default.
pub(crate) const NOW: u64 = 1_780_272_000;

/// Keys take a while to make, so the tests share them.
pub(crate) static ROOT: LazyLock<KeyPair> = LazyLock::new(rsa_key);
pub(crate) static MIDDLE: LazyLock<KeyPair> = LazyLock::new(rsa_key);
pub(crate) static LEAF: LazyLock<KeyPair> = LazyLock::new(rsa_key);

fn rsa_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()
}

pub(crate) fn named(common_name: &str, host_names: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = host_names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    if !common_name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

pub(crate) fn leaf() -> CertificateParams {
    named(NAME, &[NAME])
}

pub(crate) fn authority(common_name: &str) -> CertificateParams {
    let mut params = named(common_name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(crate) fn root() -> CertificateParams {
    authority("root")
}

pub(crate) fn middle() -> CertificateParams {
    authority("middle")
}

pub(crate) fn self_signed(params: &CertificateParams, key: &KeyPair) -> String {
    params.self_signed(key).unwrap().pem()
}

pub(crate) fn issued(
    params: &CertificateParams,
    key: &impl PublicKeyData,
    issuer: &CertificateParams,
    issuer_key: &KeyPair,
) -> String {
    params.signed_by(key, &Issuer::from_params(issuer, issuer_key)).unwrap().pem()
}

/// The root alone.
pub(crate) fn bundle() -> String {
    self_signed(&root(), &ROOT)
}

/// A valid leaf that the root issued.
pub(crate) fn good() -> String {
    issued(&leaf(), &*LEAF, &root(), &ROOT)
}
