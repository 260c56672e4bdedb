//! Wallets' payloads never pass, in whatever dress, their ciphertext is never taken for card numbers, and nothing else is
//! taken for a payload.

#![expect(clippy::indexing_slicing, reason = "a test that meets the unexpected stops there")]

mod dress;
mod honest;
mod payloads;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dress::{DRESSES, Dress};
use edge_core::card::{find_in_json, find_in_target, payload_in_headers};
use edge_core::error::ErrorCode;
use edge_core::request::ChargeRequest;
use payloads::{apple_decrypted, apple_encrypted, bytes, google_decrypted, google_encrypted, hex};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A charge with something in one of its fields, or the same as the variables of GraphQL.
fn charge(field: &str, value: Value) -> String {
    let mut body = json!({ "provider": "stripe", "amount": 1, "currency": "EUR", "paymentMethodId": "pm_x" });
    match field {
        "metadata" => body["metadata"] = json!({ "order": "7", "token": value }),
        "list" => body["items"] = json!([1, { "deep": [value] }]),
        "variables" => {
            let query =
                "mutation($charge: ChargePaymentInput!) { chargePayment(input: $charge) { payment { id } } }";
            body["metadata"] = json!([{ "key": "token", "value": value }]);
            body = json!({ "query": query, "variables": { "charge": body } });
        }
        name => body[name] = value,
    }
    body.to_string()
}

/// `variables`: of a request of GraphQL.
const FIELDS: [&str; 6] = ["paymentMethodId", "description", "metadata", "list", "paymentData", "variables"];

fn code(text: &str) -> Option<ErrorCode> {
    find_in_json(text.as_bytes()).map(|found| found.code())
}

fn code_in_header(value: &str) -> Option<ErrorCode> {
    payload_in_headers([("accept", "*/*".as_bytes()), ("x-wallet", value.as_bytes())])
        .map(|found| found.code())
}

fn encrypted() -> impl Strategy<Value = Value> {
    prop_oneof![apple_encrypted(), google_encrypted()]
}

fn decrypted() -> impl Strategy<Value = Value> {
    prop_oneof![apple_decrypted(), google_decrypted()]
}

fn dressed(payload: &Value, dresses: &[Dress]) -> String {
    dresses.iter().fold(payload.to_string(), |text, dress| dress.put_on(&text))
}

/// One dress over the other.
fn two_dresses() -> impl Strategy<Value = Vec<Dress>> {
    vec(select(DRESSES.to_vec()), 2)
}

/// A payload in each of the fields, under its own code; if it is written in figures, under that of a card number perhaps.
fn is_refused(fields: &[&str], value: &Value, dresses: &[Dress]) -> Result<(), TestCaseError> {
    let is_in_figures = dresses.iter().any(|dress| dress.is_in_figures());
    for field in fields {
        let found = code(&charge(field, value.clone()));
        let is_right = found == Some(ErrorCode::WalletPayloadNotAccepted)
            || (is_in_figures && found == Some(ErrorCode::CardDataNotAccepted));
        prop_assert!(is_right, "{:?} {:?} {}", found, dresses, field);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_encrypted_payload_passes_in_any_dress(payload in encrypted()) {
        is_refused(&FIELDS, &payload, &[])?;
        for dress in DRESSES {
            let value = Value::from(dress.put_on(&payload.to_string()));
            is_refused(&FIELDS, &value, &[dress])?;
            prop_assert!(code(&value.to_string()).is_some(), "alone, {:?}", dress);
            prop_assert!(code_in_header(&dress.put_on(&payload.to_string())).is_some(), "in a header, {:?}", dress);
        }
        prop_assert!(code(&payload.to_string()).is_some(), "alone");
        let text = payload.to_string();
        // Shorter than any name in it.
        let rows = json!(text.as_bytes().chunks(8).collect::<Vec<_>>());
        is_refused(&FIELDS, &rows, &[Dress::Bytes])?;
        let query = utf8_percent_encode(&payload.to_string(), NON_ALPHANUMERIC).to_string();
        let target = format!("/payments?token={query}");
        prop_assert!(find_in_target(&target).is_some());
    }

    #[test]
    fn no_encrypted_payload_passes_in_dresses_over_each_other(
        payload in encrypted(),
        nested in vec(two_dresses(), 8),
    ) {
        for dresses in nested {
            is_refused(&["metadata"], &dressed(&payload, &dresses).into(), &dresses)?;
        }
    }

    #[test]
    fn a_decrypted_payload_is_card_data_in_any_dress(
        payload in decrypted(),
        hidden in apple_encrypted(),
        nested in vec(two_dresses(), 4),
    ) {
        for dresses in DRESSES.map(|dress| vec![dress]).into_iter().chain(nested).chain([Vec::new()]) {
            let value = Value::from(dressed(&payload, &dresses));
            for field in FIELDS {
                let found = code(&charge(field, value.clone()));
                prop_assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "{:?} {}", dresses, field);
            }
            let both = json!({ "a": hidden.clone(), "b": value });
            let found = code(&both.to_string());
            prop_assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "beside an encrypted one, {:?}", dresses);
        }
        prop_assert_eq!(code_in_header(&payload.to_string()), Some(ErrorCode::CardDataNotAccepted));
        prop_assert_eq!(code(&charge("paymentData", payload)), Some(ErrorCode::CardDataNotAccepted));
    }

    /// Shops cut what is too long for one value of `metadata`.
    #[test]
    fn no_payload_passes_in_pieces_under_names_of_their_own(
        payload in apple_encrypted(),
        len in select(vec![255, 500]),
    ) {
        let text = payload.to_string();
        for encoded in [text.clone(), STANDARD.encode(&text), hex::encode(&text)] {
            let pieces = encoded.as_bytes().chunks(len).map(String::from_utf8_lossy).enumerate();
            let metadata: serde_json::Map<String, Value> =
                pieces.map(|(i, piece)| (format!("token_{i}"), Value::from(piece))).collect();
            prop_assert!(code(&json!({ "metadata": metadata }).to_string()).is_some(), "{}", encoded);
        }
    }

    /// What no search reads is longer than the fields.
    #[test]
    fn a_payload_in_an_encoding_of_the_clients_own_fits_into_no_field(payload in encrypted()) {
        let text = payload.to_string();
        let reversed: String = text.chars().rev().collect();
        let shifted: String = text.bytes().map(|byte| char::from(byte.wrapping_add(1))).collect();
        for value in [reversed, shifted] {
            for field in ["paymentMethodId", "description", "metadata", "list", "customerReference", "wallet"] {
                let body = charge(field, Value::from(&*value));
                let is_refused = code(&body).is_some() || ChargeRequest::parse(body.as_bytes()).is_err();
                prop_assert!(is_refused, "{} {}", field, value);
            }
        }
    }

    /// How often the digits in them are taken for a card number is measured in `card_corpus`.
    #[test]
    fn an_honest_value_is_never_taken_for_a_payload(values in vec(honest::value(), 20)) {
        for value in values {
            prop_assert_eq!(code_in_header(&value), None, "in a header: {}", value);
            for field in ["paymentMethodId", "description", "metadata"] {
                let found = code(&charge(field, value.clone().into()));
                prop_assert_ne!(found, Some(ErrorCode::WalletPayloadNotAccepted), "{}", value);
            }
        }
    }

    /// Names in other spellings, and names with escaped letters.
    #[test]
    fn a_name_counts_however_it_is_written(
        name in prop::sample::select(vec!["ephemeralPublicKey", "wrappedKey", "signedMessage", "publicKeyHash"]),
        at in any::<prop::sample::Index>(),
        is_snake in any::<bool>(),
    ) {
        let name = if is_snake { separated(name, "_") } else { name.to_owned() };
        let at = at.index(name.len());
        let escaped = format!("\\u{:04x}", u32::from(name.as_bytes()[at]));
        let written = format!("{}{escaped}{}", &name[..at], &name[at + 1..]);
        let body = format!(r#"{{"metadata":{{"{written}":"x"}}}}"#);
        let found = find_in_json(body.as_bytes()).map(|found| found.code());
        prop_assert_eq!(found, Some(ErrorCode::WalletPayloadNotAccepted), "{}", written);
        let found = find_in_json(json!({ "description": body }).to_string().as_bytes());
        prop_assert!(found.is_some(), "{}", body);
    }

    /// With other separators, and in other forms of its letters.
    #[test]
    fn a_name_counts_in_every_form_of_its_letters(
        name in select(vec!["ephemeralPublicKey", "wrappedKey", "signedMessage", "publicKeyHash"]),
        separator in select(vec!["", "_", "-", ".", "\u{ff0e}", "\u{ff3f}"]),
        (capital, small) in select(ALPHABETS.to_vec()),
    ) {
        let name = if separator.is_empty() { name.to_owned() } else { separated(name, separator) };
        let written = in_alphabet(&name, capital, small);
        let member = json!({ &*written: "x" });
        for body in [json!({ "metadata": member }), json!({ "description": member.to_string() })] {
            let found = code(&body.to_string());
            prop_assert_eq!(found, Some(ErrorCode::WalletPayloadNotAccepted), "{}", written);
        }
        let target = format!("/payments?{}=x", utf8_percent_encode(&written, NON_ALPHANUMERIC));
        prop_assert!(find_in_target(&target).is_some(), "{}", written);
    }

    /// Without the names, so that only the ciphertext is left to trip over.
    #[test]
    fn ciphertext_is_not_card_data(data in bytes(1..3000), signature in bytes(1000..2000), id in hex(32)) {
        let body = json!({ "data": data, "signature": signature, "transactionIdentifier": id.to_uppercase() });
        prop_assert_eq!(find_in_json(body.to_string().as_bytes()), None);
    }
}

fn separated(name: &str, separator: &str) -> String {
    let parts = name.chars().map(|c| {
        let before = if c.is_uppercase() { separator } else { "" };
        format!("{before}{}", c.to_ascii_lowercase())
    });
    parts.collect()
}

/// The capital and the small A of alphabets: ASCII's, of full width, in circles, in squares, and mathematical ones.
const ALPHABETS: [(char, char); 9] = [
    ('A', 'a'),
    ('\u{ff21}', '\u{ff41}'),
    ('\u{24b6}', '\u{24d0}'),
    ('\u{1f130}', '\u{1f130}'),
    ('\u{1d400}', '\u{1d41a}'),
    ('\u{1d4d0}', '\u{1d4ea}'),
    ('\u{1d56c}', '\u{1d586}'),
    ('\u{1d5a0}', '\u{1d5ba}'),
    ('\u{1d670}', '\u{1d68a}'),
];

fn in_alphabet(name: &str, capital: char, small: char) -> String {
    let dressed = |letter: char| {
        let (first, of_ascii) = if letter.is_ascii_uppercase() { (capital, 'A') } else { (small, 'a') };
        char::from_u32(u32::from(letter) - u32::from(of_ascii) + u32::from(first)).unwrap_or(letter)
    };
    name.chars().map(|c| if c.is_ascii_alphabetic() { dressed(c) } else { c }).collect()
}

#[test]
fn the_tokens_that_are_wanted_pass() {
    for method in ["ctoken_1NnQUf2eZvKYlo2CIObdtnxb", "tok_1NnQUf2eZvKYlo2C", "5O190127TN364715T"] {
        assert_eq!(find_in_json(charge("paymentMethodId", method.into()).as_bytes()), None, "{method}");
    }
    let wallet =
        json!({ "provider": "paypal", "amount": 1, "wallet": "google_pay", "verification": "always" });
    assert_eq!(find_in_json(wallet.to_string().as_bytes()), None);
}

/// As a proxy writes names, in small letters; the name is not told.
#[test]
fn a_header_that_is_named_like_a_part_of_a_payload_is_refused() {
    let found =
        |name: &str| payload_in_headers([(name, "x".as_bytes())]).map(|found| (found.code(), found.param));
    for name in ["ephemeralpublickey", "x-ephemeral-public-key", "signedmessage", "token_signedmessage"] {
        assert_eq!(found(name), Some((ErrorCode::WalletPayloadNotAccepted, None)), "{name}");
    }
    assert_eq!(found("onlinepaymentcryptogram"), Some((ErrorCode::CardDataNotAccepted, None)));
    for name in ["signature", "x-signed-headers", "x-public-key", "user-public-key-hash", "x-message-id"] {
        assert_eq!(found(name), None, "{name}");
    }
}

#[test]
fn the_field_is_named_and_the_payload_is_not() {
    let found = find_in_json(br#"{"metadata":{"t":"{\"signedMessage\":\"xyz\"}"}}"#).unwrap();
    assert_eq!(found.param.as_deref(), Some("metadata.t"));
    assert!(found.message().contains("ctoken_") && !found.message().contains("xyz"));
}
