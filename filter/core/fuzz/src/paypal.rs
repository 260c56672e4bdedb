//! PayPal's signature. The input is the lines of the head and, after an empty line, the body.

use std::cell::RefCell;

use edge_core::head::Head;
use edge_core::webhook::paypal::{
    AUTH_ALGO, CERT_URL, Environment, SENT_WITHIN_S, TRANSMISSION_ID, TRANSMISSION_SIG, TRANSMISSION_TIME,
    Transmission, WebhookId,
};
use edge_core::webhook::rsa::{Hash, PureRust, Unavailable, VerifyRsa};
use edge_core::webhook::{Forged, VerificationError, Verified};
use jiff::Timestamp;

use crate::certificates::genuine_key;
use crate::fixture::head_and_body;

const WEBHOOK_ID: &str = "4JH86294D6297924G";
/// By the key of `trust/leaf.pem`.
const SIGNATURE: &str = include_str!("../trust/signature.base64");
const ID: &str = "69cd13f0-d67a-11e5-baa3-778b53f4ae55";
const TIME: &str = "2033-05-18T03:33:20Z";
const BODY: &str = r#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED"}"#;

pub fn check(data: &[u8]) {
    let (lines, body) = head_and_body(data);
    let transmission = match Transmission::read(Head::new(&lines)) {
        Ok(transmission) => transmission,
        Err(forged) => return is_named(forged),
    };
    let webhook_id = WebhookId::parse(WEBHOOK_ID).unwrap();
    let listener = Listener::default();
    let read = transmission.verify(body, &webhook_id, genuine_key(), &listener);
    let Ok(Verified::Paypal { transmission_id, transmission_time }) = read else { panic!("{read:?}") };
    let signed = format!("{transmission_id}|{transmission_time}|{WEBHOOK_ID}|{}", crc32fast::hash(body));
    assert_eq!(signed.matches('|').count(), 3, "read in one way only");
    assert_eq!(*listener.heard.borrow(), signed.as_bytes());
    is_read_alike(&transmission, &transmission_time);
    if let Err(forged) = transmission.certificate_url(&Environment::live()) {
        is_named(forged);
    }
    // Only the one message that the key signed passes; its body may be any with the same checksum.
    if transmission.verify(body, &webhook_id, genuine_key(), &PureRust).is_ok() {
        assert_eq!((transmission_id.as_str(), transmission_time.as_str()), (ID, TIME));
        assert_eq!(crc32fast::hash(body), crc32fast::hash(BODY.as_bytes()));
    }
}

/// Another parser finds the same instant: the time is good for exactly four days.
fn is_read_alike(transmission: &Transmission, time: &str) {
    let instant: Timestamp = time.parse().unwrap();
    let sent_at_s = u64::try_from(instant.as_second()).unwrap();
    assert_eq!(transmission.check_time(sent_at_s), Ok(()));
    assert_eq!(transmission.check_time(sent_at_s + SENT_WITHIN_S), Ok(()));
    let too_late = transmission.check_time(sent_at_s + SENT_WITHIN_S + 1);
    assert_eq!(too_late, Err(Forged::TooOld { age_s: SENT_WITHIN_S + 1 }));
}

fn is_named(forged: Forged) {
    let error = VerificationError::from(forged);
    assert_eq!(error.code().status(), 401);
    assert!(!error.reason().is_empty());
}

/// Takes every signature for good, and keeps what was signed.
#[derive(Default)]
struct Listener {
    heard: RefCell<Vec<u8>>,
}

impl VerifyRsa for Listener {
    fn verify(&self, _: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        assert!(hash == Hash::Sha256 && (256..=1024).contains(&signature.len()));
        self.heard.replace(message.to_vec());
        Ok(true)
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let url = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406";
    let signature = SIGNATURE.trim();
    let with = |time: &str, algorithm: &str| {
        format!(
            "{TRANSMISSION_ID}: {ID}\n{TRANSMISSION_TIME}: {time}\n{TRANSMISSION_SIG}: {signature}\n{CERT_URL}: {url}\n\
             {AUTH_ALGO}: {algorithm}\n\n{BODY}"
        )
        .into_bytes()
    };
    let mut seeds: Vec<_> =
        [TIME, "2033-05-18T03:33:20.123456789Z", "2033-02-30T00:00:00Z", "2033-05-18T03:33:60Z"]
            .map(|time| with(time, "SHA256withRSA"))
            .into();
    seeds.push(with(TIME, "SHA1withRSA"));
    seeds
}
