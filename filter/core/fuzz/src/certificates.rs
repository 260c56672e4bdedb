//! Certificates: X.509 in PEM, fetched or kept.

use std::cell::Cell;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_core::webhook::CannotVerify;
use edge_core::webhook::paypal::{CertificateUrl, Environment, SharedCertificates};
use edge_core::webhook::rsa::{Hash, PureRust, Unavailable, VerifyRsa};
use edge_core::webhook::x509::{CERTIFICATE_BYTES_MAX, Trust, TrustedKey};

use crate::fixture::NOW;

/// A root that issued an authority, which issued a certificate for `NAME`. Nobody has their keys any more.
pub(crate) const ROOT: &[u8] = include_bytes!("../trust/root.pem");
pub(crate) const LEAF: &[u8] = include_bytes!("../trust/leaf.pem");
pub(crate) const NAME: &str = "messageverificationcerts.test";

static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust::from_pem(ROOT).unwrap());
static GENUINE: LazyLock<TrustedKey> = LazyLock::new(|| TRUST.key_of(LEAF, NAME, NOW, &PureRust).unwrap());

pub(crate) fn genuine_key() -> &'static TrustedKey {
    &GENUINE
}

pub fn check(data: &[u8]) {
    // As it is, and as the DER of a single certificate: changes in base64 seldom give another certificate.
    judge(data);
    judge(pem(data).as_bytes());
    kept(data);
}

/// Nothing leads to a key but the certificate that the root's authority issued, and that costs a bounded number of
/// signatures.
fn judge(delivered: &[u8]) {
    match TRUST.key_of(delivered, NAME, NOW, &PureRust) {
        Ok(key) => assert_eq!(key.spki_der(), genuine_key().spki_der()),
        Err(CannotVerify::Certificate(problem)) => assert!(!problem.to_string().is_empty()),
        Err(other) => panic!("{other:?} needs no host"),
    }
    if let Ok(key) = TRUST.key_of(delivered, NAME, NOW, &Gullible::default()) {
        assert!(key.not_after_s() >= NOW && key.issuers_until_s() >= NOW);
        assert!(delivered.len() <= CERTIFICATE_BYTES_MAX);
    }
    if let Ok(trust) = Trust::from_pem(delivered) {
        let gullible = Gullible::default();
        drop(trust.key_of(LEAF, NAME, NOW, &gullible));
        drop(trust.key_of(delivered, NAME, NOW, &gullible));
        assert!(gullible.asked.get() <= 32, "16 signatures for each certificate at most");
    }
}

/// Takes every signature for good, and counts them.
#[derive(Default)]
struct Gullible {
    asked: Cell<u32>,
}

impl VerifyRsa for Gullible {
    fn verify(&self, _: &[u8], _: Hash, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
        self.asked.set(self.asked.get() + 1);
        Ok(true)
    }
}

/// What other workers left: at most eight, and the same after another round.
fn kept(data: &[u8]) {
    let environment = Environment::live();
    let read = SharedCertificates::read(data);
    let certificates = |kept: &SharedCertificates| -> Vec<(CertificateUrl, Vec<u8>, u64)> {
        kept.certificates(&environment).map(|(url, pem, at)| (url, pem.to_vec(), at)).collect()
    };
    let first = certificates(&read);
    assert!(first.len() <= 8);
    assert_eq!(certificates(&SharedCertificates::read(&read.to_bytes())), first);
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

fn der(pem: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(pem).unwrap();
    let base64: String = text.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406";
    let url = CertificateUrl::parse(url, &Environment::live()).unwrap();
    vec![
        LEAF.to_vec(),
        ROOT.to_vec(),
        [LEAF, ROOT].concat(),
        der(LEAF),
        der(ROOT),
        SharedCertificates::default().with(&url, LEAF, NOW).to_bytes(),
    ]
}
