//! Wallets' payloads, as they are documented.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Base64 of random bytes: keys, signatures and ciphertext.
pub(crate) fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(any::<u8>(), len).prop_map(|bytes| STANDARD.encode(bytes))
}

pub(crate) fn hex(len: usize) -> impl Strategy<Value = String> {
    vec(any::<u8>(), len).prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `PKPaymentToken` as a browser gives it (developer.apple.com, "Payment token format reference").
pub(crate) fn apple_encrypted() -> impl Strategy<Value = Value> {
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
pub(crate) fn google_encrypted() -> impl Strategy<Value = Value> {
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

pub(crate) fn apple_decrypted() -> impl Strategy<Value = Value> {
    bytes(20..21).prop_map(|cryptogram| {
        json!({
            "applicationPrimaryAccountNumber": "4817499130000000", "applicationExpirationDate": "311231",
            "currencyCode": "978", "transactionAmount": 100, "paymentDataType": "3DSecure",
            "paymentData": { "onlinePaymentCryptogram": cryptogram, "eciIndicator": "7" },
        })
    })
}

pub(crate) fn google_decrypted() -> impl Strategy<Value = Value> {
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
