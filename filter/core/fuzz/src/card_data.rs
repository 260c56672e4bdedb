//! The search for card data. The input is a JSON text, any other text, or a path with its query.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edge_core::card::{
    CardData, find_in_json, find_in_target, find_in_text, number_in_header, payload_in_headers, redacted,
};
use edge_core::error::ErrorCode;
use serde::de::IgnoredAny;

use crate::fixture::{is_showable, texts};

/// Printed like on a card; a test number of every provider.
const NUMBER: &str = "4242 4242 4242 4242";

pub fn check(data: &[u8]) {
    find_in_json(data).iter().for_each(is_reported);
    redaction(data);
    if let Ok(text) = std::str::from_utf8(data) {
        find_in_target(text).iter().for_each(is_reported);
        spelling_does_not_matter(text);
        nothing_beside_it_hides_a_number(text);
        no_encoding_hides_a_payload(text);
    }
    find_in_text(data).iter().for_each(is_reported);
    number_in_header("x-note", data).iter().for_each(is_reported);
    payload_in_headers([("x-note", data)]).iter().for_each(is_reported);
}

fn is_reported(found: &CardData) {
    assert!([ErrorCode::CardDataNotAccepted, ErrorCode::WalletPayloadNotAccepted].contains(&found.code()));
    found.param.iter().for_each(|param| is_showable(param));
}

/// Valid JSON stays valid, nothing grows without bound, and a second time nothing is left to take.
fn redaction(data: &[u8]) {
    let once = redacted(data);
    assert!(once.len() <= data.len() * 13 + 12);
    if serde_json::from_slice::<IgnoredAny>(data).is_ok() {
        serde_json::from_slice::<IgnoredAny>(&once).expect("it was JSON");
        assert_eq!(redacted(&once), once);
    }
}

/// A string of JSON may be written with escapes or without.
fn spelling_does_not_matter(text: &str) {
    let plain = serde_json::to_string(text).unwrap();
    let mut escaped = String::from("\"");
    for unit in text.encode_utf16() {
        escaped += &format!("\\u{unit:04x}");
    }
    escaped.push('"');
    let code = |json: &str| find_in_json(json.as_bytes()).map(|found| found.code());
    assert_eq!(code(&plain), code(&escaped));
}

fn nothing_beside_it_hides_a_number(text: &str) {
    let beside = serde_json::to_string(text).unwrap();
    for json in [format!("{{\"a\":{beside},\"b\":\"{NUMBER}\"}}"), format!("[\"{NUMBER}\",{beside}]")] {
        let found = find_in_json(json.as_bytes()).map(|found| found.code());
        assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "{json}");
        // Glued to other digits, it may be no number of a card.
        let is_gone = !String::from_utf8_lossy(&redacted(json.as_bytes())).contains(NUMBER);
        assert!(is_gone || beside.contains(NUMBER), "{json}");
    }
}

/// A payload with anything in it, in the encodings that JSON may be sent in.
fn no_encoding_hides_a_payload(text: &str) {
    let payload = serde_json::json!({ "a": text, "signedMessage": "x" }).to_string();
    let utf16: Vec<u8> = payload.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for encoded in [
        STANDARD.encode(&payload),
        STANDARD.encode(utf16),
        STANDARD.encode(STANDARD.encode(&payload)),
        hex::encode(&payload),
        format!("{:?}", payload.as_bytes()),
    ] {
        let json = serde_json::json!({ "metadata": { "token": encoded } }).to_string();
        assert!(find_in_json(json.as_bytes()).is_some(), "{json}");
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#,
        r#"{"metadata":{"note":"4242-4242-4242-4242"},"cvc":"123"}"#,
        r#"{"a":4242424242424242,"b":[{"card_number":"x"}]}"#,
        r#"{"n":"\u0034242424242424242","id":"01890000-0000-7000-8000-000000000000"}"#,
        r#"{"e":"NDI0MjQyNDI0MjQyNDI0Mg==","p":"%34%32424242424242 42"}"#,
        r#"{"client_secret":"pi_1_secret_2","c":"４２４２ ４２４２ ４２４２ ４２４２"}"#,
        r#"{"header":{"ephemeralPublicKey":"MF","publicKeyHash":"x"},"d":"{\"onlinePaymentCryptogram\":\"x\"}"}"#,
        r#"{"b":"eyJzaWduZWRNZXNzYWdlIjoieCJ9","h":"7b227369676e65644d657373616765223a2278227d"}"#,
        r#"{"l":"[123,34,115,105,103,110,101,100,77,101,115,115,97,103,101,34,58,49,125]","p":"7B-22-73-69"}"#,
        r#"{"z":"eJyrVirOTM9LTfFNLS5OTE9VslKqUKoFAFXwB3I=","g":"H4sIAAAAAAACA6tWKs5Mz0tN8U0tLk5MT1WyUqpQqgUACOBHjRUAAAA="}"#,
        r#"{"track2":";4242424242424242=30121010000000000000?"}"#,
        "4242&#32;4242&nbsp;4242&#x20;4242",
        "/payments/4242424242424242?a=4242.4242.4242.4242&cvv=1",
        r#"{"unfinished":"4242 4242 4242 42"#,
        r#""a\"b\\"#,
    ]);
    seeds.push("4242\u{200b}4242\u{ad}4242\u{2212}4242 \u{664}\u{662}".into());
    seeds.push(b"{\"a\":\"\xff4242424242424242\"}".to_vec());
    seeds
}
