//! Which certificates are trusted.

use edge_core::webhook::CannotVerify;
use edge_core::webhook::rsa::{Hash, PureRust, Unavailable, VerifyRsa};
use edge_core::webhook::x509::{CertificateProblem as Problem, Trust, TrustError, TrustedKey};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, date_time_ymd,
};
use rsa::pkcs1::RsaPublicKeyRef as RsaPublicKey;
use rsa::pkcs1::der::{Encode, asn1::UintRef};

use crate::authority::{
    LEAF, MIDDLE, NAME, NOW, ROOT, authority, bundle, good, issued, leaf, middle, named, root, self_signed,
};

fn key_of(bundle: &str, delivered: &str) -> Result<TrustedKey, CannotVerify> {
    Trust::from_pem(bundle.as_bytes()).unwrap().key_of(delivered.as_bytes(), NAME, NOW, &PureRust)
}

fn problem(bundle: &str, delivered: &str) -> Problem {
    match key_of(bundle, delivered) {
        Err(CannotVerify::Certificate(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn from_root(params: &CertificateParams) -> String {
    issued(params, &*LEAF, &root(), &ROOT)
}

#[test]
fn a_certificate_of_the_root_is_trusted_until_it_expires() {
    let key = key_of(&bundle(), &good()).unwrap();
    assert_eq!(key.not_after_s(), 1_798_761_600);
    let root_until_s = Trust::from_pem(bundle().as_bytes()).unwrap().until_s();
    assert_eq!(key.issuers_until_s(), root_until_s);
}

#[test]
fn an_intermediate_may_be_in_the_bundle_or_come_along() {
    let between = issued(&middle(), &*MIDDLE, &root(), &ROOT);
    let delivered = issued(&leaf(), &*LEAF, &middle(), &MIDDLE);
    assert!(key_of(&format!("{}{between}", bundle()), &delivered).is_ok());
    assert!(key_of(&bundle(), &format!("{delivered}{between}")).is_ok());
    assert_eq!(problem(&bundle(), &delivered), Problem::UnknownIssuer);
}

#[test]
fn text_around_certificates_and_windows_line_ends_do_not_matter() {
    let bundle = format!("# a root\n\n{}\nthe end\n", bundle());
    assert!(key_of(&bundle, &good().replace('\n', "\r\n")).is_ok());
}

#[test]
fn only_the_first_certificate_counts() {
    let stranger = from_root(&named("elsewhere.test", &["elsewhere.test"]));
    assert!(key_of(&bundle(), &format!("{}{stranger}", good())).is_ok());
    assert_eq!(problem(&bundle(), &format!("{stranger}{}", good())), Problem::Name);
}

#[test]
fn malformed_certificates_are_rejected() {
    let cut = good();
    let cut = &cut[..cut.len() - 40];
    for nonsense in ["", "<html>502</html>", "-----BEGIN CERTIFICATE-----", cut] {
        assert_eq!(problem(&bundle(), nonsense), Problem::NotPem, "{nonsense}");
    }
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----";
    assert_eq!(problem(&bundle(), empty), Problem::Malformed);
    assert_eq!(problem(&bundle(), &"x".repeat(65_537)), Problem::TooLarge);
    assert_eq!(problem(&bundle(), &good().repeat(9)), Problem::TooMany);
}

#[test]
fn a_certificate_has_its_time() {
    let mut old = leaf();
    old.not_after = date_time_ymd(2026, 5, 31);
    assert_eq!(problem(&bundle(), &from_root(&old)), Problem::Expired { not_after_s: 1_780_185_600 });
    let mut young = leaf();
    young.not_before = date_time_ymd(2026, 6, 2);
    assert_eq!(problem(&bundle(), &from_root(&young)), Problem::NotYetValid { not_before_s: 1_780_358_400 });
}

#[test]
fn an_authority_has_its_time() {
    let (mut old, mut young) = (root(), root());
    old.not_after = date_time_ymd(2026, 5, 31);
    young.not_before = date_time_ymd(2026, 6, 2);
    for root in [old, young] {
        assert_eq!(problem(&self_signed(&root, &ROOT), &good()), Problem::IssuerValidity);
    }
}

#[test]
fn every_name_that_is_given_must_be_the_right_one() {
    for (common_name, host_names, right) in [
        (NAME, vec![NAME], true),
        (NAME, vec!["other.test", NAME], true),
        (NAME, vec![], true),
        ("", vec![NAME], true),
        ("", vec![], false),
        (NAME, vec!["other.test"], false),
        ("other.test", vec![NAME], false),
        ("messageverificationcerts.sandbox.test", vec![], false),
        ("*.test", vec!["*.test"], false),
        ("xmessageverificationcerts.test", vec!["xmessageverificationcerts.test"], false),
        ("messageverificationcerts.test.evil.test", vec!["messageverificationcerts.test.evil.test"], false),
    ] {
        let delivered = from_root(&named(common_name, &host_names));
        let name_is_wrong = key_of(&bundle(), &delivered) == Err(Problem::Name.into());
        assert_eq!(!name_is_wrong, right, "{common_name} {host_names:?}");
        assert_eq!(key_of(&bundle(), &delivered).is_ok(), right, "{common_name} {host_names:?}");
    }
}

#[test]
fn a_self_signed_certificate_is_not_trusted() {
    let own = self_signed(&leaf(), &LEAF);
    assert_eq!(problem(&bundle(), &own), Problem::UnknownIssuer);
    // Nor by being in the bundle: it is not an authority.
    assert_eq!(problem(&own, &own), Problem::IssuerNotAuthority);
    let mut authority = leaf();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = self_signed(&authority, &LEAF);
    assert_eq!(problem(&own, &own), Problem::Authority);
}

#[test]
fn a_stranger_with_the_roots_name_is_not_trusted() {
    let strangers = issued(&leaf(), &*LEAF, &root(), &MIDDLE);
    assert_eq!(problem(&bundle(), &strangers), Problem::Signature);
    let with_his_root = format!("{strangers}{}", self_signed(&root(), &MIDDLE));
    assert_eq!(problem(&bundle(), &with_his_root), Problem::Signature);
}

#[test]
fn only_an_authority_issues() {
    let mut no_word = middle();
    no_word.is_ca = IsCa::NoCa;
    let mut denied = middle();
    denied.is_ca = IsCa::ExplicitNoCa;
    let mut other_usage = middle();
    other_usage.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mut other_purpose = middle();
    other_purpose.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    for issuer in [no_word, denied, other_usage, other_purpose] {
        let between = issued(&issuer, &*MIDDLE, &root(), &ROOT);
        let delivered = format!("{}{between}", issued(&leaf(), &*LEAF, &issuer, &MIDDLE));
        assert_eq!(problem(&bundle(), &delivered), Problem::IssuerNotAuthority);
    }
}

#[test]
fn a_path_is_no_longer_than_its_authorities_allow() {
    let mut short = root();
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let between = issued(&middle(), &*MIDDLE, &short, &ROOT);
    let delivered = format!("{}{between}", issued(&leaf(), &*LEAF, &middle(), &MIDDLE));
    assert_eq!(problem(&self_signed(&short, &ROOT), &delivered), Problem::PathLength);
    assert!(key_of(&self_signed(&short, &ROOT), &issued(&leaf(), &*LEAF, &short, &ROOT)).is_ok());
}

#[test]
fn authorities_that_issue_each_other_do_not_hang_the_search() {
    let (a, b) = (authority("a"), authority("b"));
    let circle = [
        issued(&leaf(), &*LEAF, &a, &MIDDLE),
        issued(&a, &*MIDDLE, &b, &LEAF),
        issued(&b, &*LEAF, &a, &MIDDLE),
    ];
    assert_eq!(problem(&bundle(), &circle.concat()), Problem::UnknownIssuer);
}

#[test]
fn unknown_critical_extensions_are_rejected() {
    let extension = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55_555, 1], vec![5, 0]);
        extension.set_criticality(critical);
        let mut params = leaf();
        params.custom_extensions.push(extension);
        from_root(&params)
    };
    assert!(key_of(&bundle(), &extension(false)).is_ok());
    assert_eq!(problem(&bundle(), &extension(true)), Problem::Extension);

    let mut bound = middle();
    let elsewhere = GeneralSubtree::DnsName("elsewhere.test".to_owned());
    bound.name_constraints =
        Some(NameConstraints { permitted_subtrees: vec![elsewhere], excluded_subtrees: vec![] });
    let between = issued(&bound, &*MIDDLE, &root(), &ROOT);
    let delivered = format!("{}{between}", issued(&leaf(), &*LEAF, &bound, &MIDDLE));
    assert_eq!(problem(&bundle(), &delivered), Problem::Extension);
}

#[test]
fn a_key_for_something_else_signs_no_webhook() {
    let mut encryption = leaf();
    encryption.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let mut code = leaf();
    code.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    for params in [encryption, code] {
        assert_eq!(problem(&bundle(), &from_root(&params)), Problem::Usage);
    }
    // As PayPal's are.
    let mut tls = leaf();
    tls.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    tls.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    assert!(key_of(&bundle(), &from_root(&tls)).is_ok());
}

#[test]
fn a_weak_key_and_another_kind_of_key_are_refused() {
    let ec = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    assert_eq!(problem(&bundle(), &issued(&leaf(), &ec, &root(), &ROOT)), Problem::Key);
    for (bytes, is_enough) in [(128, false), (255, false), (256, true), (1024, true), (1032, false)] {
        let delivered = issued(&leaf(), &RsaKey::of_length(bytes), &root(), &ROOT);
        assert_eq!(key_of(&bundle(), &delivered).is_ok(), is_enough, "{bytes}");
        assert!(is_enough || problem(&bundle(), &delivered) == Problem::Key, "{bytes}");
    }
}

/// A public key that has no private one, in PKCS#1.
struct RsaKey(Vec<u8>);

impl RsaKey {
    fn of_length(bytes: usize) -> Self {
        let modulus = vec![0xd5; bytes];
        let exponent = UintRef::new(&[1, 0, 1]).unwrap();
        let key = RsaPublicKey { modulus: UintRef::new(&modulus).unwrap(), public_exponent: exponent };
        Self(key.to_der().unwrap())
    }
}

impl PublicKeyData for RsaKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// Puts another algorithm in both places where a certificate names the one it is signed by.
fn with_algorithm(pem: &str, last_arc: u8) -> String {
    use base64::Engine;
    let engine = base64::engine::general_purpose::STANDARD;
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut der = engine.decode(base64).unwrap();
    let sha256_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
    let places: Vec<_> =
        der.windows(9).enumerate().filter(|(_, w)| *w == sha256_with_rsa).map(|(i, _)| i).collect();
    assert_eq!(places.len(), 2);
    for place in places {
        der[place + 8] = last_arc;
    }
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", engine.encode(der))
}

#[test]
fn sha_1_and_older_are_refused_save_on_roots_whose_own_signature_proves_nothing() {
    for (last_arc, name) in [(2, "MD2"), (4, "MD5"), (5, "SHA-1"), (10, "PSS")] {
        let delivered = with_algorithm(&good(), last_arc);
        assert_eq!(problem(&bundle(), &delivered), Problem::SignatureAlgorithm, "{name}");
        let root = with_algorithm(&bundle(), last_arc);
        assert!(key_of(&root, &good()).is_ok(), "{name}");
    }
    // The right family, and no signature by it.
    assert_eq!(problem(&bundle(), &with_algorithm(&good(), 12)), Problem::Signature);
}

#[test]
fn a_bundle_without_a_root_is_no_bundle() {
    let between = issued(&middle(), &*MIDDLE, &root(), &ROOT);
    let error = |text: &str| Trust::from_pem(text.as_bytes()).unwrap_err();
    assert_eq!(error(&between), TrustError::NoRoot);
    assert_eq!(error("nothing"), TrustError::NotPem);
    let unreadable = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----";
    assert_eq!(error(&format!("{}{unreadable}", bundle())), TrustError::Certificate(2));
}

struct Broken;

impl VerifyRsa for Broken {
    fn verify(&self, _: &[u8], _: Hash, _: &[u8], _: &[u8]) -> Result<bool, Unavailable> {
        Err(Unavailable)
    }
}

#[test]
fn a_host_that_cannot_check_signatures_says_so() {
    let trust = Trust::from_pem(bundle().as_bytes()).unwrap();
    let answer = trust.key_of(good().as_bytes(), NAME, NOW, &Broken);
    assert_eq!(answer, Err(CannotVerify::RsaUnavailable));
}
