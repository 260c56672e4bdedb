//! What must hold for every PayPal webhook.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_core::head::Head;
use edge_core::webhook::paypal::{
    AUTH_ALGO, CERT_URL, CertificateUrl, Environment, TRANSMISSION_ID, TRANSMISSION_SIG, TRANSMISSION_TIME,
    Transmission, WebhookId,
};
use edge_core::webhook::rsa::PureRust;
use edge_core::webhook::x509::{Trust, TrustedKey};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rcgen::SigningKey;

use crate::authority::{LEAF, NAME, NOW, bundle, good};
use crate::lines;

const WEBHOOK_ID: &str = "4JH86294D6297924G";

static KEY: LazyLock<TrustedKey> = LazyLock::new(|| {
    let trust = Trust::from_pem(bundle().as_bytes()).unwrap();
    trust.key_of(good().as_bytes(), NAME, NOW, &PureRust).unwrap()
});

#[derive(Clone, Debug)]
struct Delivery {
    id: String,
    time: String,
    webhook_id: String,
    signature: String,
    body: Vec<u8>,
}

impl Delivery {
    fn of(body: &[u8]) -> Self {
        let (id, time) = ("dfb3be50-fd74-11e4-8bf3-77339302725b", "2026-06-01T00:00:00Z");
        let message = format!("{id}|{time}|{WEBHOOK_ID}|{}", crc32fast::hash(body));
        let signature = STANDARD.encode(LEAF.sign(message.as_bytes()).unwrap());
        let [id, time, webhook_id] = [id, time, WEBHOOK_ID].map(str::to_owned);
        Self { id, time, webhook_id, signature, body: body.to_vec() }
    }

    fn is_verified(&self) -> bool {
        let lines = lines(&[
            (TRANSMISSION_ID, &self.id),
            (TRANSMISSION_TIME, &self.time),
            (TRANSMISSION_SIG, &self.signature),
            (CERT_URL, "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"),
            (AUTH_ALGO, "SHA256withRSA"),
        ]);
        let Ok(transmission) = Transmission::read(Head::new(&lines)) else { return false };
        let Some(webhook_id) = WebhookId::parse(&self.webhook_id) else { return false };
        transmission.verify(&self.body, &webhook_id, &KEY, &PureRust).is_ok()
    }
}

fn change(text: &mut String, place: Index, by: u8) {
    let mut bytes = std::mem::take(text).into_bytes();
    let place = place.index(bytes.len());
    bytes[place] = (bytes[place] ^ by) & 0x7f;
    *text = String::from_utf8(bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_body_is_verified_as_it_was_sent(body in vec(any::<u8>(), 0..400)) {
        prop_assert!(Delivery::of(&body).is_verified());
    }

    #[test]
    fn one_changed_byte_anywhere_is_noticed(
        body in vec(any::<u8>(), 1..200), part in 0..5_u8, place in any::<Index>(), by in 1_u8..128,
    ) {
        let mut delivery = Delivery::of(&body);
        match part {
            0 => change(&mut delivery.id, place, by),
            1 => change(&mut delivery.time, place, by),
            2 => change(&mut delivery.webhook_id, place, by),
            3 => change(&mut delivery.signature, place, by),
            _ => {
                let place = place.index(delivery.body.len());
                delivery.body[place] ^= by;
            }
        }
        prop_assert!(!delivery.is_verified(), "{delivery:?}");
    }

    #[test]
    fn a_longer_or_shorter_body_is_noticed(body in vec(any::<u8>(), 1..200), more in vec(any::<u8>(), 1..4)) {
        let delivery = Delivery::of(&body);
        let longer = Delivery { body: [body.as_slice(), &more].concat(), ..delivery.clone() };
        let shorter = Delivery { body: body[1..].to_vec(), ..delivery };
        prop_assert!(!longer.is_verified() && !shorter.is_verified());
    }
}

/// Pieces that URLs are forged from.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "https://",
        "http://",
        "HTTPS://",
        "//",
        "api.paypal.com",
        "api-m.paypal.com",
        "API.paypal.com",
        "api.paypal.com.evil.com",
        "evilpaypal.com",
        "user:pass@",
        "@",
        ":443",
        ":80",
        "\\",
        "/",
        "/..",
        "/./",
        "/v1/notifications/certs/",
        "/v1/notifications/certs",
        "/v1/notifications/certs/../",
        "CERT-1-2-3",
        "CERT-360caa42-fca2a594-a5cafa77",
        "%2e",
        "%2f",
        "?",
        "#",
        "?a=b",
        ".",
        "\u{430}pi.paypal.com",
        "xn--",
        "\t",
        "\n",
        " ",
        "\0",
        ";",
    ];
    prop_oneof![4 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn whatever_url_passes_is_one_of_paypals_certificates_for_every_reader(pieces in vec(piece(), 0..7)) {
        let text = pieces.concat();
        for (environment, hosts) in [
            (Environment::live(), ["api.paypal.com", "api-m.paypal.com"]),
            (Environment::sandbox(), ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"]),
        ] {
            let Ok(url) = CertificateUrl::parse(&text, &environment) else { continue };
            prop_assert_eq!(url.to_string(), text.clone());
            prop_assert!(hosts.contains(&url.authority()) && url.encrypted());
            let name = url.path().strip_prefix("/v1/notifications/certs/CERT-").unwrap();
            prop_assert!(name.len() == 26 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')));
        }
    }

    #[test]
    fn a_name_of_a_certificate_is_taken_from_each_host(host in "api(-m)?(\\.sandbox)?\\.paypal\\.com", name in "CERT-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}") {
        let text = format!("https://{host}/v1/notifications/certs/{name}");
        let sandbox = host.contains("sandbox");
        prop_assert_eq!(CertificateUrl::parse(&text, &Environment::live()).is_ok(), !sandbox);
        prop_assert_eq!(CertificateUrl::parse(&text, &Environment::sandbox()).is_ok(), sandbox);
    }

    #[test]
    fn no_headers_make_it_panic(values in vec(vec(any::<u8>(), 0..300), 5)) {
        let names = [TRANSMISSION_ID, TRANSMISSION_TIME, TRANSMISSION_SIG, CERT_URL, AUTH_ALGO];
        let lines: Vec<_> = names.iter().map(|&name| name.to_owned()).zip(values).collect();
        prop_assert!(Transmission::read(Head::new(&lines)).is_err());
    }

    #[test]
    fn no_certificate_makes_it_panic(bytes in vec(any::<u8>(), 0..300), place in any::<Index>(), by in 1_u8..) {
        let trust = Trust::from_pem(bundle().as_bytes()).unwrap();
        let wrapped = |der: &[u8]| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", STANDARD.encode(der))
        };
        let base64: String = good().lines().filter(|line| !line.starts_with("-----")).collect();
        let mut altered = STANDARD.decode(base64).unwrap();
        let place = place.index(altered.len());
        altered[place] ^= by;
        for delivered in [bytes.clone(), wrapped(&bytes).into_bytes(), wrapped(&altered).into_bytes()] {
            prop_assert!(trust.key_of(&delivered, NAME, NOW, &PureRust).is_err());
        }
    }
}
