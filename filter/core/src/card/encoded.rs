//! The texts that a text holds encoded: in base64 (RFC 4648, in either alphabet), base32 or hexadecimal, or as a list of
//! bytes.

use super::alphabet::{Alphabet, BASE32, BASE64, HEX, IN_PIECES, PADDING, PERIOD_MAX, Run, hex_digit};
use super::budget::Budget;
use super::plain::{HEAD, begins_text, is_promising, text_behind, text_of};

/// The fewest letters and digits that a text with an encoded one in it has.
pub(super) const LEAST: usize = BASE64.least();

/// A text that was encoded.
pub(super) struct Inside {
    pub(super) text: String,
    pub(super) may_hold_number: bool,
}

impl Inside {
    /// A text that may be one by chance, as that of a list of numbers: a card number in it counts only in JSON or in a
    /// form.
    pub(super) fn of(text: String) -> Self {
        let is_form = |pair: &[u8]| matches!(pair, [b'a'..=b'z', b'=']);
        let may_hold_number = text.contains('{') || text.as_bytes().windows(2).any(is_form);
        Self { text, may_hold_number }
    }
}

/// All of them, as far as the budget goes.
pub(super) fn texts_in(text: &str, budget: &mut Budget) -> Vec<Inside> {
    let mut found = Vec::new();
    // Each alphabet has the characters of those within it, so their runs are within its own.
    for run in IN_PIECES.runs(text.as_bytes()) {
        for piece in BASE64.runs(run.text) {
            in_run(&piece, &BASE64, budget, &mut found);
            for alphabet in [&BASE32, &HEX] {
                for part in alphabet.runs(piece.text) {
                    in_run(&part, alphabet, budget, &mut found);
                }
            }
        }
        // Without breaks, it is its only piece.
        if run.has_breaks() {
            in_run(&run, &IN_PIECES, budget, &mut found);
        }
    }
    in_lists(text.as_bytes(), budget, &mut found);
    found
}

/// What a run stands for from its beginning, or from the end of a word in it: `token-eyJ…`. A text that begins at another
/// word of the same phase is the end of a text that was read already, so a run gives one text for each phase; compressed
/// ones are read at the cost of the budget.
fn in_run(run: &Run<'_>, alphabet: &Alphabet, budget: &mut Budget, found: &mut Vec<Inside>) {
    let mut is_read = [false; PERIOD_MAX];
    let (mut unit, mut aligned, mut begins_word) = (0, 0, true);
    for (at, byte) in run.text.iter().enumerate() {
        if alphabet.is_unit(*byte) {
            if run.units - unit < alphabet.least() {
                return;
            }
            let rest = run.text.get(at..).unwrap_or_default();
            let phase = is_read.get_mut((unit - aligned) % alphabet.period);
            // The first characters may be letters in front of it: `tokeyJ…`.
            let may_begin = begins_word || unit < alphabet.period;
            if let Some(is_read) = phase.filter(|is_read| may_begin && !**is_read) {
                let may_be_text = alphabet.is_promising(rest) || (unit == 0 && alphabet.hides_text(run));
                *is_read = may_be_text
                    && budget.take((run.units - unit) * alphabet.bits / 8)
                    && read(rest, alphabet, budget, found);
            }
            unit += 1;
        } else if *byte == PADDING {
            // Whatever is read by now continues in this phase.
            let is_any_read = is_read.contains(&true);
            is_read = std::array::from_fn(|phase| phase == 0 && is_any_read);
            aligned = unit;
        }
        begins_word = !byte.is_ascii_alphanumeric();
    }
}

/// Adds the text of a run, if it is one; whether its first bytes are.
fn read(run: &[u8], alphabet: &Alphabet, budget: &mut Budget, found: &mut Vec<Inside>) -> bool {
    let bytes: Vec<u8> = alphabet.bytes(run).collect();
    // Nobody writes base64 that is a text by chance. Of groups of digits, hexadecimal ones may be.
    let inside = |text| {
        if alphabet.bits == BASE64.bits { Inside { text, may_hold_number: true } } else { Inside::of(text) }
    };
    let text = text_of(&bytes, budget).map(inside);
    found.extend(text.or_else(|| text_behind(&bytes).map(Inside::of)));
    bytes.get(..HEAD).is_some_and(begins_text)
}

/// Lists of bytes as programs print them: `[123,34]`, `7B-22`, `0x7b, 0x22`, `{"0":123,"1":34}`.
fn in_lists(text: &[u8], budget: &mut Budget, found: &mut Vec<Inside>) {
    // Each byte of a name needs at least one decimal digit, in any notation.
    if text.iter().filter(|byte| byte.is_ascii_digit()).count() < HEAD {
        return;
    }
    for value in [decimal as fn(&[u8]) -> Option<u8>, hexadecimal] {
        let entries = text.split(is_separator).filter(|entry| !entry.is_empty() && !is_index(entry));
        let mut bytes = Vec::new();
        for byte in entries.map(value).chain([None]) {
            if let Some(byte) = byte {
                bytes.push(byte);
                continue;
            }
            if bytes.get(..HEAD).is_some_and(is_promising) && budget.take(bytes.len()) {
                found.extend(text_of(&bytes, budget).map(Inside::of));
            }
            bytes.clear();
        }
    }
}

fn is_separator(byte: &u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b',' | b';' | b':' | b'-' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'|' | b'.')
}

/// JavaScript makes an object of an array of bytes, with a name for each.
fn is_index(entry: &[u8]) -> bool {
    matches!(entry, [b'"', digits @ .., b'"'] if digits.iter().all(u8::is_ascii_digit))
}

fn decimal(entry: &[u8]) -> Option<u8> {
    std::str::from_utf8(entry).ok()?.parse().ok()
}

fn hexadecimal(entry: &[u8]) -> Option<u8> {
    match entry.strip_prefix(b"0x").or_else(|| entry.strip_prefix(b"0X")).unwrap_or(entry) {
        [high, low] => Some((hex_digit(*high)? << 4) | hex_digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;
    use crate::test;

    const TEXT: &str = r#"{"signedMessage":"<<???>>","protocolVersion":"ECv2"}"#;

    /// The same in base32.
    const BASE32: &str =
        "PMRHG2LHNZSWITLFONZWCZ3FEI5CEPB4H47T6PR6EIWCE4DSN52G6Y3PNRLGK4TTNFXW4IR2EJCUG5RSEJ6Q====";

    fn texts(text: &str) -> Vec<String> {
        texts_in(text, &mut Budget::default()).into_iter().map(|inside| inside.text).collect()
    }

    fn listed(separator: &str, byte: impl Fn(u8) -> String) -> String {
        TEXT.bytes().map(byte).collect::<Vec<_>>().join(separator)
    }

    #[test]
    fn a_text_is_read_in_each_encoding() {
        let (base64, hex) = (STANDARD.encode(TEXT), hex::encode(TEXT));
        let spaced = |text: &str| text.chars().map(|one| format!("{one} ")).collect::<String>();
        for encoded in [
            base64.clone(),
            URL_SAFE_NO_PAD.encode(TEXT),
            spaced(&base64),
            base64.replace('V', "V\r\n\u{200b}\u{a0}"),
            format!("the word {base64} and others"),
            format!("token-{base64}"),
            BASE32.to_owned(),
            spaced(BASE32),
            format!("token={BASE32}"),
            format!("data:;base32,{BASE32}"),
            hex.clone(),
            hex.to_uppercase(),
            spaced(&hex),
            format!("0x{hex}"),
            format!("token_{hex}"),
            format!("[{}]", listed(",", |byte| byte.to_string())),
            format!("bytes: {}", listed(" ", |byte| byte.to_string())),
            listed("-", |byte| format!("{byte:02X}")),
            listed(":", |byte| format!("{byte:02x}")),
            listed(", ", |byte| format!("0x{byte:02x}")),
            format!("{{{}}}", listed(",", |byte| format!("\"7\":{byte}"))),
        ] {
            assert!(texts(&encoded).iter().any(|text| text.contains(TEXT)), "{encoded}");
        }
    }

    #[test]
    fn what_is_compressed_is_read_from_base64_and_hexadecimal() {
        let long = TEXT.repeat(3);
        let compressed = miniz_oxide::deflate::compress_to_vec_zlib(long.as_bytes(), 6);
        let keys = (0..64_u32).map(|n| format!("{:08x}", n.wrapping_mul(0x9e37_79b9))).collect::<String>();
        let bare = miniz_oxide::deflate::compress_to_vec(format!("{TEXT}{keys}").as_bytes(), 6);
        for bytes in [compressed, bare] {
            let (base64, hex) = (STANDARD.encode(&bytes), hex::encode(&bytes));
            for encoded in [format!("token:{base64}"), format!("payload={base64}"), base64, hex] {
                assert!(texts(&encoded).iter().any(|text| text.contains(TEXT)), "{encoded}");
            }
        }
    }

    #[test]
    fn a_text_behind_bytes_of_another_kind_is_read_from_base64_and_hexadecimal() {
        let bytes = [b"\0\x01\x82\xff".as_slice(), TEXT.repeat(2).as_bytes()].concat();
        for encoded in [STANDARD.encode(&bytes), hex::encode(&bytes)] {
            assert!(texts(&encoded).iter().any(|text| text.starts_with(TEXT)), "{encoded}");
        }
    }

    #[test]
    fn a_text_with_nothing_in_it_gives_nothing() {
        for text in [
            "",
            "pm_1NnQUf2eZvKYlo2CIObdtnxb",
            "01890000-0000-7000-8000-000000000000",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "Zwei Hemden, bitte bis Freitag an die Hintertür liefern",
            "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsK",
            "1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987",
        ] {
            assert_eq!(texts(text), Vec::<String>::new(), "{text}");
        }
    }

    /// So that the work does not grow with the square of a text's length.
    #[test]
    fn a_run_gives_one_text_for_each_phase_and_stops_at_the_budget() {
        let read: usize = texts(&"-eyJ".repeat(16 * 1024)).iter().map(String::len).sum();
        assert!(read <= 64 * 1024, "{read}");
        let mut budget = Budget::default();
        assert!(texts_in(&"-eJw-".repeat(13 * 1024), &mut budget).is_empty());
        assert!(budget.was_short());
    }

    /// A list of ages may yield one.
    #[test]
    fn a_card_number_in_hex_in_a_list_or_behind_bytes_counts_in_json_or_a_form_only() {
        let digits = "4111111111111111";
        for (text, counts) in
            [(digits.to_owned(), false), (format!("{{\"n\":{digits}}}"), true), (format!("n={digits}"), true)]
        {
            let list = text.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
            let behind = [b"\0\x01\x82\xff".as_slice(), " ".repeat(64).as_bytes(), text.as_bytes()].concat();
            for encoded in [hex::encode(&text), list, STANDARD.encode(behind)] {
                let inside = texts_in(&encoded, &mut Budget::default());
                assert!(!inside.is_empty(), "{encoded}");
                assert_eq!(inside.iter().any(|inside| inside.may_hold_number), counts, "{encoded}");
            }
        }
    }
}
