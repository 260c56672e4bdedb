//! Values that clients send and that look encoded, or are.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::dress::base32;

/// Words of several languages and scripts, long ones among them.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "order", "the", "signed", "message", "public", "key", "Bestellung", "Rücksendung", "für", "Straße",
    "livraison", "à", "l'entrée", "señor", "envío", "mañana", "заказ", "доставка", "ключ", "注文", "配送先",
    "公開鍵", "طلب", "التوصيل", "παραγγελία", "&", "100%", "-", "(2)", "12,50",
    "antidisestablishmentarianism", "C:\\Temp",
];

pub(crate) fn value() -> impl Strategy<Value = String> {
    let bytes = |len: std::ops::Range<usize>| vec(any::<u8>(), len);
    prop_oneof![
        "[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "(pm|pi|tok|ctoken|cus|ch|src|seti)_[0-9A-Za-z]{14,27}",
        "[0-9A-Z]{17}",
        "[A-Za-z0-9_-]{21}",
        prop_oneof![bytes(16..17), bytes(20..21), bytes(32..33), bytes(48..49), bytes(64..65)]
            .prop_map(hex::encode),
        bytes(1..375).prop_map(|bytes| STANDARD.encode(bytes)),
        bytes(1..375).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        bytes(20..360).prop_map(|bytes| {
            STANDARD.encode([b"\xff\xd8\xff\xe0\0\x10JFIF\0".as_slice(), &bytes].concat())
        }),
        bytes(1..160).prop_map(|bytes| format!("{bytes:?}")),
        vec(0..1000_u16, 1..80).prop_map(|numbers| format!("{numbers:?}")),
        // Secrets of one-time passwords among them.
        bytes(10..200).prop_map(|bytes| base32(&bytes)),
        sentence(),
        sentence().prop_map(|text| text.to_uppercase()),
        sentence().prop_map(|text| base32(text.as_bytes())),
        sentence().prop_map(|text| STANDARD.encode(text)),
        sentence().prop_map(|text| STANDARD.encode(compress_to_vec_zlib(text.as_bytes(), 6))),
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    vec(select(WORDS), 1..40).prop_map(|words| words.join(" "))
}
