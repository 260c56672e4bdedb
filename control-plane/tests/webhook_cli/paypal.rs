//! Mistakes with PayPal's webhooks, each named. The certificates are of an authority of our own.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256, SigningKey,
    date_time_ymd,
};

use crate::program::{CommandResult, Webhook};

const NAME: &str = "messageverificationcerts.sandbox.paypal.com";
const URL: &str = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77";
const ID: &str = "4JH86294D6297924G";
const AT: &str = "2026-06-01T00:00:00Z";
const BODY: &str = "{\"id\":\"WH-1\",\"note\":\"caf\u{e9}\"}";

struct Authority {
    root: String,
    leaf: String,
    key: KeyPair,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::for_name(NAME));

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![common_name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

impl Authority {
    fn for_name(name: &str) -> Self {
        let [root_key, key] = [(); 2].map(|()| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
        let mut root = params("root.test");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let leaf = params(name).signed_by(&key, &Issuer::from_params(&root, &root_key)).unwrap().pem();
        Self { root: root.self_signed(&root_key).unwrap().pem(), leaf, key }
    }
}

/// A good delivery; each test spoils something.
struct Delivery<'a> {
    url: &'a str,
    signed_id: &'a str,
    given_id: &'a str,
    body: &'a [u8],
    algorithm: &'a str,
    cut: usize,
    certificate: &'a str,
    trust: bool,
    more: &'a [(&'a str, &'a str)],
    arguments: &'a [&'a str],
}

fn good() -> Delivery<'static> {
    Delivery {
        url: URL,
        signed_id: ID,
        given_id: ID,
        body: BODY.as_bytes(),
        algorithm: "SHA256withRSA",
        cut: 0,
        certificate: &AUTHORITY.leaf,
        trust: true,
        more: &[],
        arguments: &["--at", AT, "--environment", "sandbox"],
    }
}

impl Delivery<'_> {
    fn verify(&self) -> CommandResult {
        let (id, time) = ("dfb3be50-fd74-11e4-8bf3-77339302725b", "2026-05-31T23:59:00Z");
        let message = format!("{id}|{time}|{}|{}", self.signed_id, crc32fast::hash(BODY.as_bytes()));
        let mut signature = STANDARD.encode(AUTHORITY.key.sign(message.as_bytes()).unwrap());
        signature.truncate(signature.len() - self.cut);
        let mut headers = vec![
            ("PAYPAL-TRANSMISSION-ID", id),
            ("PAYPAL-TRANSMISSION-TIME", time),
            ("PAYPAL-TRANSMISSION-SIG", &signature),
            ("PAYPAL-CERT-URL", self.url),
            ("PAYPAL-AUTH-ALGO", self.algorithm),
        ];
        headers.extend_from_slice(self.more);
        let mut webhook = Webhook::new("paypal", &headers, self.body)
            .with(&["--webhook-id", self.given_id])
            .with(self.arguments)
            .with_file("--certificate", self.certificate.as_bytes());
        if self.trust {
            webhook = webhook.with_file("--trust", AUTHORITY.root.as_bytes());
        }
        webhook.verify()
    }
}

#[test]
fn a_good_delivery_is_verified() {
    let answer = good().verify();
    assert_eq!((answer.code, answer.verdict()), (0, "verified"), "{}", answer.report);
    assert!(answer.failed().is_empty() && answer.causes().is_empty(), "{}", answer.report);
    // The certificate's URL says which PayPal it is, where nothing else does.
    let answer = Delivery { arguments: &["--at", AT], ..good() }.verify();
    assert_eq!(answer.code, 0, "{}", answer.report);
}

#[test]
fn a_rewritten_body_is_recognised() {
    for (body, how) in [
        (format!("{BODY}\r\n"), "without the line end at its end"),
        ("{\n  \"id\": \"WH-1\",\n  \"note\": \"caf\u{e9}\"\n}".to_owned(), "as compact JSON"),
        ("{\"id\":\"WH-1\",\"note\":\"caf\\u00e9\"}".to_owned(), "with `\\u…` written out"),
    ] {
        let answer = Delivery { body: body.as_bytes(), ..good() }.verify();
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert!(answer.causes().contains(how), "{}", answer.report);
    }
    let latin_1 = b"{\"id\":\"WH-1\",\"note\":\"caf\xe9\"}";
    assert_eq!(Delivery { body: latin_1, ..good() }.verify().verdict(), "forged");
}

#[test]
fn a_wrong_webhook_id_is_recognised() {
    for (signed_id, given_id, how) in [
        ("WEBHOOK_ID", ID, "simulator"),
        (ID, "4jh86294d6297924g", "in capital letters"),
        (ID, " 4JH86294D6297924G\n", "white space"),
        (ID, "0X0000000X0000000", "another endpoint's"),
    ] {
        let answer = Delivery { signed_id, given_id, ..good() }.verify();
        assert_eq!((answer.code, answer.failed()), (1, vec!["signature"]), "{}", answer.report);
        assert!(answer.causes().contains(how), "{}", answer.report);
    }
}

#[test]
fn a_url_elsewhere_is_forged_whatever_the_signature_says() {
    for url in [
        "https://evilpaypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com.evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://user@api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com:443/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com\\@evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://API.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com/v1/notifications/certs/../CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com/v1/notifications/certs/%2e%2e",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77?x=y",
        "https://api.sandbox.paypal.com/v1/elsewhere/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://www.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
    ] {
        let answer = Delivery { url, ..good() }.verify();
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert_eq!(answer.failed(), ["certificate url"], "{}", answer.report);
    }
    let live = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77";
    let answer = Delivery { url: live, ..good() }.verify();
    assert!(answer.causes().contains("--environment live"), "{}", answer.report);
}

#[test]
fn what_is_wrong_with_a_certificate_is_said_and_nothing_is_verified_by_it() {
    let live = Authority::for_name("messageverificationcerts.paypal.com");
    let stranger = Authority::for_name(NAME);
    for (certificate, words) in [
        ("<html>Bad gateway</html>", "the page of a proxy"),
        (live.leaf.as_str(), "not for messageverificationcerts.sandbox.paypal.com"),
        (stranger.leaf.as_str(), "not one that PayPal signs with"),
    ] {
        let answer = Delivery { certificate, ..good() }.verify();
        assert_eq!((answer.code, answer.verdict()), (1, "cannot_verify"), "{}", answer.report);
        assert!(answer.causes().contains(words), "{}", answer.report);
    }
    let answer = Delivery { trust: false, ..good() }.verify();
    assert!(answer.causes().contains("does not lead to a root"), "{}", answer.report);
}

#[test]
fn a_time_at_which_paypal_does_not_send_is_reported_beside_every_other_mistake() {
    for (at, failed, words) in [
        ("2026-06-03T23:59:00Z", vec![], ""),
        ("2026-06-05T00:00:00Z", vec!["time"], "give its time with --at"),
        ("2026-05-31T00:00:00Z", vec!["time"], "the clock is slow"),
        ("2027-01-02T00:00:00Z", vec!["time", "certificate"], "expired"),
        ("2025-12-31T00:00:00Z", vec!["time", "certificate"], "too early"),
    ] {
        let answer = Delivery { arguments: &["--at", at, "--environment", "sandbox"], ..good() }.verify();
        let verdict = if failed.is_empty() { (0, "verified") } else { (1, "forged") };
        assert_eq!((answer.code, answer.verdict()), verdict, "{}", answer.report);
        assert_eq!(answer.failed(), failed, "{}", answer.report);
        assert!(answer.causes().contains(words), "{}", answer.report);
    }
}

#[test]
fn damaged_headers_are_told_by_their_damage() {
    let cut = Delivery { cut: 40, ..good() }.verify();
    assert!(cut.causes().contains("304 characters"), "{}", cut.report);
    let algorithm = Delivery { algorithm: "SHA1withRSA", ..good() }.verify();
    assert!(algorithm.causes().contains("only with SHA256withRSA"), "{}", algorithm.report);
    let doubled = Delivery { more: &[("Paypal-Auth-Algo", "SHA256withRSA")], ..good() }.verify();
    assert!(doubled.causes().contains("duplicated"), "{}", doubled.report);
    for answer in [cut, algorithm, doubled] {
        assert_eq!((answer.code, answer.verdict()), (1, "forged"), "{}", answer.report);
        assert_eq!(answer.failed(), ["headers"], "{}", answer.report);
    }
}
