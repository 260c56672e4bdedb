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
    has_enough_digits(text) && in_plain(&unescape(text))
}

/// Whether the path or the query of a URL holds a card number, percent-encoded or not.
#[must_use]
pub fn in_url(url: &[u8]) -> bool {
    if !has_enough_digits(url) {
        return false;
    }
    if !url.iter().any(|b| matches!(b, b'%' | b'+')) {
        return in_plain(url);
    }
    let spaced: Vec<u8> = url.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    in_plain(&Cow::from(percent_decode(&spaced)))
}

/// Digits of the shortest card number.
const SHORTEST: usize = 13;
/// Digits of the longest card number.
const LONGEST: usize = 19;

/// A quick look that settles most requests. An escaped digit is written with digits, so none is missed.
fn has_enough_digits(text: &[u8]) -> bool {
    text.iter().filter(|b| b.is_ascii_digit()).count() >= SHORTEST
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
                digits.push(usize::from(byte - b'0'));
                1
            }
            None => {
                if digits.end_card_number() {
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
    digits.end_card_number()
}

/// Groups of digits with nothing but separators between them.
///
/// The Luhn check doubles every second digit, counted from the last. Two running sums, one with the digits
/// at even positions doubled and one with those at odd positions, make it a subtraction for any run of
/// groups: what the sum that fits the last digit has gained since the run began.
#[derive(Default)]
struct Digits {
    count: usize,
    sums: Sums,
    in_group: bool,
    groups: usize,
    /// Where the last groups began; more than 19 cannot be within one number.
    starts: [Start; LONGEST],
}

#[derive(Clone, Copy, Default)]
struct Start {
    count: usize,
    sums: Sums,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    even_doubled: usize,
    odd_doubled: usize,
}

impl Digits {
    fn push(&mut self, digit: usize) {
        if !self.in_group {
            self.in_group = true;
            if let Some(start) = self.starts.get_mut(self.groups % LONGEST) {
                *start = Start { count: self.count, sums: self.sums };
            }
            self.groups += 1;
        }
        let doubled = if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        let is_even = self.count.is_multiple_of(2);
        self.sums.even_doubled += if is_even { doubled } else { digit };
        self.sums.odd_doubled += if is_even { digit } else { doubled };
        self.count += 1;
    }

    /// Ends a group, if one is open, and says whether a card number ends with it.
    fn end_card_number(&mut self) -> bool {
        if !std::mem::take(&mut self.in_group) || self.count < SHORTEST {
            return false;
        }
        let last_is_even = !self.count.is_multiple_of(2);
        self.starts.iter().take(self.groups).any(|start| {
            let gained = match last_is_even {
                true => self.sums.odd_doubled - start.sums.odd_doubled,
                false => self.sums.even_doubled - start.sums.even_doubled,
            };
            (SHORTEST..=LONGEST).contains(&(self.count - start.count)) && gained.is_multiple_of(10)
        })
    }

    /// Ends the run of groups.
    fn forget(&mut self) {
        (self.count, self.groups, self.in_group) = (0, 0, false);
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
