//! Card numbers in what callers send. This gateway takes tokens only, so that no card number can reach a log,
//! a queue or a database behind it.
//!
//! A card number is 13 to 19 digits (ISO/IEC 7812-1) that pass the Luhn check, in one group or in several
//! joined by spaces or dashes. Letters may touch it. Identifiers that are full of digits by nature are left
//! out: UUIDs, and hex words of 32, 40 or 64 digits (MD5, SHA-1, SHA-256) that have a letter.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::id::{UUID_LEN, uuid_shaped};

/// Whether a JSON text holds a card number in any key, string or number, escaped or not.
#[must_use]
pub fn in_json(text: &[u8]) -> bool {
    in_plain(&unescape(text))
}

/// Whether the path or the query of a URL holds a card number, percent-encoded or not.
#[must_use]
pub fn in_url(url: &[u8]) -> bool {
    if !url.iter().any(|b| matches!(b, b'%' | b'+')) {
        return in_plain(url);
    }
    let spaced: Vec<u8> = url.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    in_plain(&Cow::from(percent_decode(&spaced)))
}

fn in_plain(text: &[u8]) -> bool {
    let mut digits = Digits::default();
    let mut rest = text;
    let mut inside_word = false;
    while let Some(&byte) = rest.first() {
        let identifier = if inside_word { None } else { identifier_len(rest) };
        let len = match identifier {
            Some(len) => {
                digits.forget();
                len
            }
            None if byte.is_ascii_digit() => {
                digits.push(byte - b'0');
                1
            }
            None => {
                if digits.group_ends_a_card_number() {
                    return true;
                }
                separator_len(rest).unwrap_or_else(|| {
                    digits.forget();
                    1
                })
            }
        };
        inside_word = byte.is_ascii_alphanumeric();
        rest = rest.get(len..).unwrap_or_default();
    }
    digits.group_ends_a_card_number()
}

/// Digits of the longest card number.
const LONGEST: u32 = 19;
/// Digits of the shortest card number.
const SHORTEST: u32 = 13;

/// The last 19 digits and where their groups begin, five bits each, the newest in the lowest bits.
#[derive(Default)]
struct Digits {
    window: u128,
    count: u32,
    in_group: bool,
}

impl Digits {
    const BITS: u32 = 5;
    const GROUP_START: u128 = 0x10;

    fn push(&mut self, digit: u8) {
        let start = if self.in_group { 0 } else { Self::GROUP_START };
        let all = (1 << (Self::BITS * LONGEST)) - 1;
        self.window = (self.window << Self::BITS | start | u128::from(digit)) & all;
        self.count = LONGEST.min(self.count + 1);
        self.in_group = true;
    }

    fn forget(&mut self) {
        *self = Self::default();
    }

    /// Ends the group and says whether a card number ends with it: walks back with the Luhn sum and looks at
    /// it wherever a group begins. A group of more than 19 digits has lost its beginning, so it never counts.
    fn group_ends_a_card_number(&mut self) -> bool {
        if !self.in_group || self.count < SHORTEST {
            self.in_group = false;
            return false;
        }
        self.in_group = false;
        let mut window = self.window;
        let mut sum = 0;
        for n in 1..=self.count {
            let digit = window & 0xf;
            sum += match n % 2 {
                0 if digit > 4 => digit * 2 - 9,
                0 => digit * 2,
                _ => digit,
            };
            if n >= SHORTEST && window & Self::GROUP_START != 0 && sum % 10 == 0 {
                return true;
            }
            window >>= Self::BITS;
        }
        false
    }
}

/// Length of the space or dash that the text begins with, in bytes.
const fn separator_len(text: &[u8]) -> Option<usize> {
    match text {
        [b' ' | b'-' | b'\t' | b'\r' | b'\n', ..] => Some(1),
        // no-break space
        [0xc2, 0xa0, ..] => Some(2),
        // U+2000 to U+200A spaces, U+2010 to U+2015 dashes, U+202F narrow no-break space
        [0xe2, 0x80, 0x80..=0x8a | 0x90..=0x95 | 0xaf, ..] => Some(3),
        _ => None,
    }
}

/// Length of the UUID or hash that the text begins with, if it is a whole word.
fn identifier_len(text: &[u8]) -> Option<usize> {
    let ends_at = |len: usize| !text.get(len).is_some_and(u8::is_ascii_alphanumeric);
    if uuid_shaped(text) && ends_at(UUID_LEN) {
        return Some(UUID_LEN);
    }
    let len = text.iter().take(65).take_while(|b| b.is_ascii_hexdigit()).count();
    let word = text.get(..len)?;
    let is_hash = matches!(len, 32 | 40 | 64) && word.iter().any(u8::is_ascii_alphabetic);
    (is_hash && ends_at(len)).then_some(len)
}

/// The text with JSON's escapes resolved (RFC 8259, section 7), wherever they stand; no copy without one.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [b'u', hex @ ..]) => {
                let unit = hex.get(..4).and_then(utf16_unit);
                rest = if unit.is_some() { hex.get(4..).unwrap_or_default() } else { hex };
                let character = unit.unwrap_or(char::REPLACEMENT_CHARACTER);
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            (b'\\', [escaped, after @ ..]) => {
                rest = after;
                plain.push(if matches!(escaped, b'b' | b'f' | b'n' | b'r' | b't') { b' ' } else { *escaped });
            }
            _ => plain.push(*byte),
        }
    }
    Cow::Owned(plain)
}

/// The character of four hex digits; `None` for half of a surrogate pair, which is no digit or separator.
fn utf16_unit(hex: &[u8]) -> Option<char> {
    let hex = std::str::from_utf8(hex).ok()?;
    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn numbers_of_every_length_are_found() {
        let numbers = [
            "4222222222222",
            "36148900647913",
            "378282246310005",
            "4242424242424242",
            "6304000000000000000",
            "0000000000000",
        ];
        for number in numbers {
            assert!(in_plain(number.as_bytes()), "{number}");
        }
    }

    #[test]
    fn numbers_are_found_in_whatever_dress() {
        let dressed = [
            r#"{"amount":4242424242424242}"#,
            r#"{"4242424242424242":1}"#,
            r#"{"note":"card 4242 4242 4242 4242, thanks"}"#,
            r#"{"note":"4242-4242-4242-4242"}"#,
            r#"{"note":"4242  -  4242 - 4242 -4242"}"#,
            r#"{"note":"42 42 42 42 42 42 42 42"}"#,
            r#"{"note":"4242 4242 4242 4242 12/28"}"#,
            r#"{"note":"2026 4242 4242 4242 4242"}"#,
            r#"{"note":"x4242424242424242y"}"#,
            r#"{"note":"4242\u00344242\u002042424242"}"#,
            r#"{"note":"\u0034\u0032\u0034\u0032\u0034\u0032\u0034\u0032\u0034\u0032\u0034\u0032\u0034\u0032\u0034\u0032"}"#,
            r#"{"note":"4242\t4242\n4242\r4242"}"#,
            "{\"note\":\"4242\u{a0}4242\u{2011}4242\u{2013}4242\"}",
            r#"{"note":"4242\u00a04242\u20134242\u20144242"}"#,
            "4242424242424242",
        ];
        for text in dressed {
            assert!(in_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn numbers_are_found_in_urls() {
        for url in ["/payments/4242424242424242", "/x?a=4242+4242+4242+4242", "/x?%34242%20424242424242&b=1"]
        {
            assert!(in_url(url.as_bytes()), "{url}");
        }
        assert!(!in_url(b"/payments?limit=20&createdAfter=2026-01-01T00%3A00%3A00Z"));
    }

    #[test]
    fn other_numbers_pass() {
        let others = [
            r#"{"amount":4999}"#,
            "4242424242424241",
            "424242424242",
            "42424242424242424242",
            "424242424242,4242",
            "4242.4242.4242.4242",
            r#"["4242","4242","4242","4242"]"#,
            r#"{"note":"4242\\u00344242424242424"}"#,
            "18446744073709551616",
            "",
        ];
        for text in others {
            assert!(!in_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn identifiers_pass_whatever_their_digits() {
        let identifiers = [
            "txn_00004242-4242-4242-4242-000000000000",
            "00000000-0000-0000-0000-000000000000",
            "order-42424242-4242-4242-4242-424242424242-2",
            r#"{"a":"\n42424242-4242-4242-4242-424242424242"}"#,
            "4242424242424242424242424242424a",
            "f424242424242424242424242424242424242424",
            "a424242424242424424242424242424242424242424242424242424242424242",
        ];
        for id in identifiers {
            assert!(!in_json(id.as_bytes()), "{id}");
        }
    }

    #[test]
    fn what_only_resembles_an_identifier_does_not_hide_a_number() {
        let disguised = [
            "x42424242-4242-4242-4242-424242424242",
            "42424242-4242-4242-4242-4242424242420",
            "z4242424242424242aaaaaaaaaaaaaaaaz",
            "4242424242424242aaaaaaaaaaaaaaa",
            "00000000-0000-0000-0000-000000000000 4242424242424242",
            "4242424242424242 00000000-0000-0000-0000-000000000000",
        ];
        for text in disguised {
            assert!(in_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn broken_escapes_are_read_as_far_as_they_go() {
        for text in ["\\", "\\u", "\\u12", "\\uzzzz", "\\ud800", "\\u00"] {
            assert!(!in_json(text.as_bytes()), "{text}");
            assert!(in_json(format!("{text}\"4242424242424242").as_bytes()), "{text}");
        }
    }
}
