//! RSA signatures, verified by Envoy itself: about thirty times as fast as in wasm.

use edge_core::webhook::rsa::{Hash, PureRust, Unavailable, VerifyRsa};
use proxy_wasm::hostcalls;

/// Uses Envoy's foreign function, and pure Rust where Envoy does not provide it.
pub(crate) struct HostRsa;

impl VerifyRsa for HostRsa {
    fn verify(&self, key: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        let arguments = arguments(hash, key, signature, message);
        match hostcalls::call_foreign_function("verify_signature", Some(&arguments)) {
            Ok(result) => Ok(is_verified(&result.unwrap_or_default())),
            Err(_) => PureRust.verify(key, hash, message, signature),
        }
    }
}

/// `VerifySignatureArguments` as Protocol Buffers write it: four fields that are bytes.
fn arguments(hash: Hash, key: &[u8], signature: &[u8], message: &[u8]) -> Vec<u8> {
    let fields = [hash.name().as_bytes(), key, signature, message];
    let mut encoded = Vec::with_capacity(fields.iter().map(|field| field.len() + 6).sum());
    for (number, field) in (1_u8..).zip(fields) {
        // The wire type of bytes is 2.
        encoded.push(number << 3 | 2);
        push_varint(&mut encoded, field.len());
        encoded.extend_from_slice(field);
    }
    encoded
}

fn push_varint(encoded: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        encoded.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    encoded.push(value as u8);
}

/// `VerifySignatureResult` begins with its first field, a bool, if that is true; false is left out.
fn is_verified(result: &[u8]) -> bool {
    result.starts_with(&[1 << 3, 1])
}
