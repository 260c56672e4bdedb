//! Wallets' payloads never pass, in whatever dress, and their ciphertext is never taken for card numbers.

#![expect(clippy::indexing_slicing, reason = "a test that meets the unexpected stops there")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use edge_core::card::{find_in_json, find_in_target};
use edge_core::error::ErrorCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Base64 of random bytes: keys, signatures and ciphertext.
fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(any::<u8>(), len).prop_map(|bytes| STANDARD.encode(bytes))
}

fn hex(len: usize) -> impl Strategy<Value = String> {
    vec(any::<u8>(), len).prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `PKPaymentToken` as a browser gives it (developer.apple.com, "Payment token format reference").
fn apple_encrypted() -> impl Strategy<Value = Value> {
    (bytes(200..600), bytes(1000..2000), bytes(91..92), bytes(32..33), hex(32), any::<bool>()).prop_map(
        |(data, signature, key, hash, transaction, is_rsa)| {
            let (version, name) =
                if is_rsa { ("RSA_v1", "wrappedKey") } else { ("EC_v1", "ephemeralPublicKey") };
            json!({
                "paymentData": {
                    "version": version, "data": data, "signature": signature,
                    "header": { name: key, "publicKeyHash": hash, "transactionId": transaction },
                },
                "paymentMethod": { "displayName": "Visa 1234", "network": "Visa", "type": "debit" },
                "transactionIdentifier": transaction.to_uppercase(),
            })
        },
    )
}

/// A token of Google Pay (developers.google.com/pay/api/web/guides/resources/payment-data-cryptography).
fn google_encrypted() -> impl Strategy<Value = Value> {
    (bytes(70..73), bytes(200..500), bytes(91..92), bytes(32..33), any::<bool>()).prop_map(
        |(signature, message, key, tag, is_new)| {
            let signed =
                json!({ "encryptedMessage": message, "ephemeralPublicKey": key, "tag": tag }).to_string();
            if !is_new {
                return json!({ "protocolVersion": "ECv1", "signature": signature, "signedMessage": signed });
            }
            let signed_key = json!({ "keyValue": key, "keyExpiration": "1860123456789" }).to_string();
            json!({
                "protocolVersion": "ECv2", "signature": signature, "signedMessage": signed,
                "intermediateSigningKey": { "signedKey": signed_key, "signatures": [signature] },
            })
        },
    )
}

fn apple_decrypted() -> impl Strategy<Value = Value> {
    bytes(20..21).prop_map(|cryptogram| {
        json!({
            "applicationPrimaryAccountNumber": "4817499130000000", "applicationExpirationDate": "311231",
            "currencyCode": "978", "transactionAmount": 100, "paymentDataType": "3DSecure",
            "paymentData": { "onlinePaymentCryptogram": cryptogram, "eciIndicator": "7" },
        })
    })
}

fn google_decrypted() -> impl Strategy<Value = Value> {
    bytes(20..21).prop_map(|cryptogram| {
        json!({
            "paymentMethod": "CARD", "messageId": "AH2Ejtc9zwDkV",
            "paymentMethodDetails": {
                "pan": "4111111111111111", "expirationMonth": 10, "expirationYear": 2031,
                "authMethod": "CRYPTOGRAM_3DS", "cryptogram": cryptogram, "eciIndicator": "05",
            },
        })
    })
}

/// What programs do to a payload before they send it.
#[derive(Clone, Copy, Debug)]
enum Dress {
    Object,
    Text,
    TextTwice,
    Percent,
    Base64,
    Base64Url,
    Base64OfText,
    TextInNote,
    Base64Twice,
    Base64InLines,
    Base64BehindWord,
    Base64AndLetter,
}

const DRESSES: [Dress; 12] = [
    Dress::Object,
    Dress::Text,
    Dress::TextTwice,
    Dress::Percent,
    Dress::Base64,
    Dress::Base64Url,
    Dress::Base64OfText,
    Dress::TextInNote,
    Dress::Base64Twice,
    Dress::Base64InLines,
    Dress::Base64BehindWord,
    Dress::Base64AndLetter,
];

impl Dress {
    fn put_on(self, payload: &Value) -> Value {
        let text = payload.to_string();
        let quoted = Value::from(text.as_str()).to_string();
        match self {
            Self::Object => payload.clone(),
            Self::Text => text.into(),
            Self::TextTwice => quoted.into(),
            Self::Percent => utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string().into(),
            Self::Base64 => STANDARD.encode(text).into(),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(text).into(),
            Self::Base64OfText => STANDARD.encode(quoted).into(),
            Self::Base64Twice => STANDARD.encode(STANDARD.encode(text)).into(),
            Self::Base64InLines => {
                let encoded = STANDARD.encode(text).into_bytes();
                let lines = encoded.chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>();
                lines.join("\n").into()
            }
            Self::Base64BehindWord => format!("applepay_{}", URL_SAFE_NO_PAD.encode(text)).into(),
            Self::Base64AndLetter => format!("{}A", URL_SAFE_NO_PAD.encode(text)).into(),
            Self::TextInNote => format!("the token: {text}; thanks").into(),
        }
    }
}

/// A charge with something in one of its fields.
fn charge(field: &str, value: Value) -> String {
    let mut body = json!({ "provider": "stripe", "amount": 1, "currency": "EUR", "paymentMethodId": "pm_x" });
    match field {
        "metadata" => body["metadata"] = json!({ "order": "7", "token": value }),
        "list" => body["items"] = json!([1, { "deep": [value] }]),
        name => body[name] = value,
    }
    body.to_string()
}

const FIELDS: [&str; 5] = ["paymentMethodId", "description", "metadata", "list", "paymentData"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_encrypted_payload_passes_in_any_dress(
        payload in prop_oneof![apple_encrypted(), google_encrypted()],
    ) {
        for dress in DRESSES {
            for field in FIELDS {
                let found = find_in_json(charge(field, dress.put_on(&payload)).as_bytes());
                let found = found.map(|found| found.code());
                prop_assert_eq!(found, Some(ErrorCode::WalletPayloadNotAccepted), "{:?} {}", dress, field);
            }
            let dressed = dress.put_on(&payload);
            prop_assert!(find_in_json(dressed.to_string().as_bytes()).is_some(), "alone, {:?}", dress);
        }
        let query = utf8_percent_encode(&payload.to_string(), NON_ALPHANUMERIC).to_string();
        let target = format!("/payments?token={query}");
        prop_assert!(find_in_target(&target).is_some());
    }

    #[test]
    fn a_decrypted_payload_is_card_data_in_any_dress(
        payload in prop_oneof![apple_decrypted(), google_decrypted()],
        hidden in apple_encrypted(),
    ) {
        for dress in DRESSES {
            for field in FIELDS {
                let found = find_in_json(charge(field, dress.put_on(&payload)).as_bytes());
                let found = found.map(|found| found.code());
                prop_assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "{:?} {}", dress, field);
            }
            let both = json!({ "a": hidden.clone(), "b": dress.put_on(&payload) });
            let found = find_in_json(both.to_string().as_bytes()).map(|found| found.code());
            prop_assert_eq!(found, Some(ErrorCode::CardDataNotAccepted), "beside an encrypted one, {:?}", dress);
        }
    }

    /// Names in other spellings, and names with escaped letters.
    #[test]
    fn a_name_counts_however_it_is_written(
        name in prop::sample::select(vec!["ephemeralPublicKey", "wrappedKey", "signedMessage", "publicKeyHash"]),
        at in any::<prop::sample::Index>(),
        is_snake in any::<bool>(),
    ) {
        let name = if is_snake { snake(name) } else { name.to_owned() };
        let at = at.index(name.len());
        let escaped = format!("\\u{:04x}", u32::from(name.as_bytes()[at]));
        let written = format!("{}{escaped}{}", &name[..at], &name[at + 1..]);
        let body = format!(r#"{{"metadata":{{"{written}":"x"}}}}"#);
        let found = find_in_json(body.as_bytes()).map(|found| found.code());
        prop_assert_eq!(found, Some(ErrorCode::WalletPayloadNotAccepted), "{}", written);
        let found = find_in_json(json!({ "description": body }).to_string().as_bytes());
        prop_assert!(found.is_some(), "{}", body);
    }

    /// Without the names, so that only the ciphertext is left to trip over.
    #[test]
    fn ciphertext_is_not_card_data(data in bytes(1..3000), signature in bytes(1000..2000), id in hex(32)) {
        let body = json!({ "data": data, "signature": signature, "transactionIdentifier": id.to_uppercase() });
        prop_assert_eq!(find_in_json(body.to_string().as_bytes()), None);
    }
}

fn snake(name: &str) -> String {
    let parts = name
        .chars()
        .flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]));
    parts.collect()
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

#[test]
fn the_field_is_named_and_the_payload_is_not() {
    let found = find_in_json(br#"{"metadata":{"t":"{\"signedMessage\":\"xyz\"}"}}"#).unwrap();
    assert_eq!(found.param.as_deref(), Some("metadata.t"));
    assert!(found.message().contains("ctoken_") && !found.message().contains("xyz"));
}
