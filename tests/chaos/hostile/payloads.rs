//! Charges with a wallet's payload in the encodings that programs apply to it.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edge_core::error::ErrorCode;
use flate2::Compression;
use flate2::write::GzEncoder;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Written in figures, a payload may be taken for a card number first.
const CODES: &[ErrorCode] = &[ErrorCode::WalletPayloadNotAccepted, ErrorCode::CardDataNotAccepted];

/// A charge that must be refused at the edge.
pub(super) struct Refused {
    /// Where the payload stands, and how.
    pub(super) dress: &'static str,
    pub(super) key: String,
    pub(super) body: String,
}

/// How a payload is written, and where in a charge.
enum Placement {
    /// As the value of a member.
    Value(fn(&str) -> Value),
    /// As the name of a member.
    Name(fn(&str) -> String),
    /// As the `Idempotency-Key`, which is short and has few characters to be written in.
    Key(fn(&str) -> String),
}

const DRESSES: [(&str, Placement); 11] = [
    ("as JSON in a string", Placement::Value(|payload| json!(payload))),
    ("in base64", Placement::Value(|payload| STANDARD.encode(payload).into())),
    ("in base64 twice", Placement::Value(|payload| STANDARD.encode(STANDARD.encode(payload)).into())),
    ("in base64 of gzip", Placement::Value(|payload| STANDARD.encode(gzip(payload)).into())),
    ("in hexadecimal", Placement::Value(|payload| hex::encode(payload.as_bytes()).into())),
    ("as a form", Placement::Value(|payload| form(payload).into())),
    ("as a list of bytes", Placement::Value(|payload| json!(payload.as_bytes()))),
    ("in a name, in base64", Placement::Name(|payload| URL_SAFE_NO_PAD.encode(payload))),
    ("in a name, as JSON", Placement::Name(str::to_owned)),
    ("in the key, in base64", Placement::Key(|payload| URL_SAFE_NO_PAD.encode(payload))),
    ("in the key, in hexadecimal", Placement::Key(|payload| hex::encode(payload.as_bytes()))),
];

/// How each of them is refused.
pub(super) const fn refusal() -> Refusal {
    Refusal { status: 400, codes: CODES, param: None }
}

/// Each number has its own payload, and one of the dresses in turn.
pub(super) fn charge(n: u64) -> Refused {
    let count = DRESSES.len() as u64;
    let (dress, how) = &DRESSES[(n % count) as usize];
    let (own_key, payload) = (format!("payload-{n}"), payload(n / count));
    let (key, metadata) = match how {
        Placement::Value(write) => (own_key, json!({ "order": "7", "token": write(&payload) })),
        Placement::Name(write) => {
            let name = write(&payload);
            (own_key, json!({ name: "x" }))
        }
        Placement::Key(write) => (write(&short(n)), json!({ "order": "7" })),
    };
    // Declined, so that a charge that passes leaves no effect in the ledger.
    let body = json!({
        "provider": "stripe", "amount": 900, "currency": "USD", "paymentMethodId": "pm_card_chargeDeclined",
        "metadata": metadata,
    });
    Refused { dress, key, body: body.to_string() }
}

/// A payload of Apple Pay (developer.apple.com, "Payment token format reference") or Google Pay
/// (developers.google.com/pay/api/web/guides/resources/payment-data-cryptography), encrypted, or decrypted by a shop.
fn payload(n: u64) -> String {
    let mut rng = StdRng::seed_from_u64(n);
    let mut bytes = |len: usize| STANDARD.encode((0..len).map(|_| rng.random()).collect::<Vec<u8>>());
    let payload = match n % 3 {
        0 => json!({ "paymentData": {
            "version": "EC_v1", "data": bytes(300), "signature": bytes(600),
            "header": { "ephemeralPublicKey": bytes(91), "publicKeyHash": bytes(32) },
        } }),
        1 => {
            let message = json!({ "encryptedMessage": bytes(300), "ephemeralPublicKey": bytes(65) });
            json!({
                "protocolVersion": "ECv1", "signature": bytes(71), "signedMessage": message.to_string(),
            })
        }
        _ => json!({
            "applicationPrimaryAccountNumber": "4817499130000000", "applicationExpirationDate": "311231",
            "paymentData": { "onlinePaymentCryptogram": bytes(20), "eciIndicator": "7" },
        }),
    };
    payload.to_string()
}

/// A part of one that fits into a key.
fn short(n: u64) -> String {
    json!({ "ephemeralPublicKey": format!("MFkw{n}") }).to_string()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn form(text: &str) -> String {
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("version=1&token={escaped}&kind=2")
}

#[test]
fn each_dress_is_one_that_the_edge_refuses() {
    for n in 0..3 * DRESSES.len() as u64 {
        let Refused { dress, key, body } = charge(n);
        let found = edge_core::card::find_in_text(key.as_bytes())
            .or_else(|| edge_core::card::find_in_json(body.as_bytes()));
        assert!(found.is_some_and(|found| CODES.contains(&found.code())), "{dress}: {key} {body}");
        assert!(key.len() <= 255, "{dress}");
    }
}
