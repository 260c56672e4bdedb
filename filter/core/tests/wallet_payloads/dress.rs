//! What programs do to a text before they send it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Each is undone in one round of decoding, or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dress {
    Plain,
    Note,
    Quoted,
    Escaped,
    HexEscaped,
    Entities,
    Percent,
    Form,
    Base64,
    Base64Url,
    Base64InLines,
    Base64Spaced,
    Base64BehindWord,
    Base64AndLetter,
    BehindBytes,
    Utf8Mark,
    Utf16,
    Utf16BigEnd,
    Utf16Mark,
    Gzip,
    GzipMembers,
    Zlib,
    Deflate,
    DataUrl,
    Base32,
    Hex,
    HexInLines,
    HexPairs,
    Bytes,
    BytesByName,
}

pub(crate) const DRESSES: [Dress; 30] = [
    Dress::Plain,
    Dress::Note,
    Dress::Quoted,
    Dress::Escaped,
    Dress::HexEscaped,
    Dress::Entities,
    Dress::Percent,
    Dress::Form,
    Dress::Base64,
    Dress::Base64Url,
    Dress::Base64InLines,
    Dress::Base64Spaced,
    Dress::Base64BehindWord,
    Dress::Base64AndLetter,
    Dress::BehindBytes,
    Dress::Utf8Mark,
    Dress::Utf16,
    Dress::Utf16BigEnd,
    Dress::Utf16Mark,
    Dress::Gzip,
    Dress::GzipMembers,
    Dress::Zlib,
    Dress::Deflate,
    Dress::DataUrl,
    Dress::Base32,
    Dress::Hex,
    Dress::HexInLines,
    Dress::HexPairs,
    Dress::Bytes,
    Dress::BytesByName,
];

impl Dress {
    pub(crate) fn put_on(self, text: &str) -> String {
        let percent = || utf8_percent_encode(text, NON_ALPHANUMERIC);
        let each = |byte: fn((usize, u8)) -> String| text.bytes().enumerate().map(byte).collect::<Vec<_>>();
        let bytes = text.as_bytes();
        match self {
            Self::Plain => text.to_owned(),
            Self::Note => format!("the token: {text}; thanks"),
            Self::Quoted => Value::from(text).to_string(),
            Self::Escaped => text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
            Self::HexEscaped => each(|(_, byte)| format!("\\x{byte:02x}")).concat(),
            Self::Entities => text.chars().map(|letter| format!("&#{};", u32::from(letter))).collect(),
            Self::Percent => percent().to_string(),
            Self::Form => format!("version=1&token={}&kind=2", percent()),
            Self::Base64 => STANDARD.encode(text),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(text),
            Self::Base64InLines => in_lines(&STANDARD.encode(text)),
            Self::Base64Spaced => STANDARD.encode(text).chars().map(|letter| format!("{letter} ")).collect(),
            Self::Base64BehindWord => format!("applepay_{}", URL_SAFE_NO_PAD.encode(text)),
            Self::Base64AndLetter => format!("{}A", URL_SAFE_NO_PAD.encode(text)),
            // Such as a version and a length.
            Self::BehindBytes => STANDARD.encode([b"\0\x01\x82\xff".as_slice(), bytes].concat()),
            Self::Utf8Mark => STANDARD.encode(format!("\u{feff}{text}")),
            Self::Utf16 => STANDARD.encode(utf16(text, u16::to_le_bytes)),
            Self::Utf16BigEnd => STANDARD.encode(utf16(text, u16::to_be_bytes)),
            Self::Utf16Mark => STANDARD.encode(utf16(&format!("\u{feff}{text}"), u16::to_le_bytes)),
            Self::Gzip => STANDARD.encode(gzip(bytes)),
            Self::GzipMembers => STANDARD.encode([gzip(b"{\"kind\":\"token\"};"), gzip(bytes)].concat()),
            Self::Zlib => URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(bytes, 6)),
            Self::Deflate => STANDARD.encode(compress_to_vec(bytes, 6)),
            Self::DataUrl => format!("data:application/json;base64,{}", STANDARD.encode(text)),
            Self::Base32 => base32(bytes),
            Self::Hex => hex::encode(text),
            Self::HexInLines => in_lines(&hex::encode_upper(text)),
            Self::HexPairs => each(|(_, byte)| format!("{byte:02X}")).join("-"),
            Self::Bytes => format!("{bytes:?}"),
            Self::BytesByName => format!("{{{}}}", each(|(i, byte)| format!("\"{i}\":{byte}")).join(",")),
        }
    }

    /// Written in figures, which may be taken for those of a card number before they are decoded.
    pub(crate) fn is_in_figures(self) -> bool {
        let figures = [
            Self::Escaped,
            Self::HexEscaped,
            Self::Entities,
            Self::Base32,
            Self::Hex,
            Self::HexInLines,
            Self::HexPairs,
            Self::Bytes,
            Self::BytesByName,
        ];
        figures.contains(&self)
    }
}

fn in_lines(text: &str) -> String {
    text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// RFC 4648, section 6, without padding.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let group = |chunk: &[u8]| {
        let mut bits = [0; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(bits);
        let letter = |i| char::from(LETTERS[((bits >> (35 - 5 * i)) & 31) as usize]);
        (0..(chunk.len() * 8).div_ceil(5)).map(letter).collect::<String>()
    };
    bytes.chunks(5).map(group).collect()
}

/// With a name, as the command of that name writes it.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let header = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03token.json\0";
    let (checksum, len) = (crc32fast::hash(bytes), bytes.len() as u32);
    let trailer = [checksum.to_le_bytes(), len.to_le_bytes()].concat();
    [header.to_vec(), compress_to_vec(bytes, 9), trailer].concat()
}
