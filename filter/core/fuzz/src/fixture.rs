//! The one edge that all targets are about: its keys, its time, its requests.

use std::sync::LazyLock;

use edge_core::attestation::Keys;
use edge_core::request::InvalidRequest;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Unix seconds.
pub(crate) const NOW: u64 = 2_000_000_000;
pub(crate) const TRANSACTION: &str = "txn_01890000-0000-7000-8000-00000000abcd";
/// The first one signs.
pub(crate) const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101,\
                               k2:0202020202020202020202020202020202020202020202020202020202020202";
/// The secret of `k1`.
pub(crate) const SECRET: [u8; 32] = [1; 32];

static PARSED_KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::parse(KEYS).unwrap());

pub(crate) fn keys() -> &'static Keys {
    &PARSED_KEYS
}

pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The first line and what follows it.
pub(crate) fn split_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (data.get(..end).unwrap_or_default(), data.get(end + 1..).unwrap_or_default()),
        None => (data, &[]),
    }
}

/// `name: value` lines up to an empty one, names in lower case, as a proxy reports them; and the rest.
pub(crate) fn head_and_body(mut data: &[u8]) -> (Vec<(String, Vec<u8>)>, &[u8]) {
    let mut lines = Vec::new();
    while !data.is_empty() {
        let (line, rest) = split_line(data);
        data = rest;
        if line.is_empty() {
            break;
        }
        // A pseudo-header begins with its colon.
        let colon = line.iter().skip(1).position(|byte| *byte == b':').map_or(line.len(), |at| at + 1);
        let name = String::from_utf8_lossy(line.get(..colon).unwrap_or_default()).to_ascii_lowercase();
        let value = line.get(colon + 1..).unwrap_or_default();
        lines.push((name, value.strip_prefix(b" ").unwrap_or(value).to_vec()));
    }
    (lines, data)
}

/// A refusal says what is wrong with which field, and repeats nothing but names.
pub(crate) fn is_explained(invalid: &InvalidRequest) {
    let InvalidRequest { param, message } = invalid;
    assert!((1..=1_000).contains(&message.len()), "{message}");
    assert!(!message.chars().any(char::is_control), "{message:?}");
    if let Some(param) = param {
        is_showable(param);
        assert!(message.starts_with(&format!("`{param}` ")), "{param}: {message}");
    }
}

pub(crate) fn is_showable(param: &str) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte);
    assert!((1..=110).contains(&param.len()) && param.bytes().all(allowed), "{param:?}");
}

pub(crate) fn texts<const N: usize>(seeds: [&str; N]) -> Vec<Vec<u8>> {
    seeds.map(|seed| seed.as_bytes().to_vec()).into()
}
