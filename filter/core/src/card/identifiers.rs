//! Identifiers that contain long rows of digits: UUIDs, hashes, IPv6 addresses and IBANs.

use super::published;
use super::runs;
use crate::id::{UUID_LEN, uuid_shaped};

/// The length in bytes of the identifier at the beginning of the text: a UUID, a hash, an IPv6 address or an IBAN. The
/// text begins a word.
pub(super) fn identifier_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if uuid_shaped(bytes) && ends_word(bytes, UUID_LEN) {
        return Some(UUID_LEN);
    }
    hash_len(bytes).or_else(|| ipv6_len(bytes)).or_else(|| iban_len(text))
}

fn ends_word(text: &[u8], len: usize) -> bool {
    !text.get(len).is_some_and(u8::is_ascii_alphanumeric)
}

/// Hex digits of the shortest hash (an ObjectId of MongoDB).
const HASH_MIN: usize = 24;

/// A word of hex digits, including a letter. One in twenty hashes of 64 has 14 decimal digits in a row, so only those
/// at its beginning and end are checked: a card number with something attached.
fn hash_len(word: &[u8]) -> Option<usize> {
    let len = word.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let hash = word.get(..len).filter(|_| len >= HASH_MIN && ends_word(word, len))?;
    let lead = hash.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let tail = hash.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let is_number = |part: Option<&[u8]>| part.is_some_and(|part| runs::is_bare_number(&values(part)));
    let is_hash = lead < len && !is_number(hash.get(..lead)) && !is_number(hash.get(len - tail..));
    is_hash.then_some(len)
}

/// An IPv6 address in full, with a letter in it: eight groups of up to four hex digits.
fn ipv6_len(text: &[u8]) -> Option<usize> {
    let len = text.iter().take(40).take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':').count();
    let address = text
        .get(..len)
        .filter(|address| address.iter().any(u8::is_ascii_alphabetic) && ends_word(text, len))?;
    let mut groups = address.split(|byte| *byte == b':');
    let is_full = groups.clone().count() == 8 && groups.all(|group| (1..=4).contains(&group.len()));
    is_full.then_some(len)
}

fn values(digits: &[u8]) -> Vec<u8> {
    digits.iter().map(|byte| byte.saturating_sub(b'0')).collect()
}

/// An IBAN (ISO 13616), in groups of four or in one word, with its country's length. Its check digits are ignored: with
/// wrong ones it is still an account. Without this rule, 41 % of printed ones were rejected.
///
/// Lets through: numbers after two capitals and two digits that make up a country's length.
fn iban_len(text: &str) -> Option<usize> {
    let [a, b, c, d, ..] = *text.as_bytes() else { return None };
    let has_case = (a.is_ascii_uppercase() && b.is_ascii_uppercase())
        || (a.is_ascii_lowercase() && b.is_ascii_lowercase());
    if !has_case || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let place = IBANS.binary_search_by_key(&country, |(country, _)| *country).ok()?;
    let (_, wanted) = IBANS.get(place)?;
    let (mut seen, mut digits) = (0, Vec::new());
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if !character.is_ascii_alphanumeric() => {
                let groups = seen % 4 == 0
                    && matches!(character, ' ' | '-' | '+' | '\u{a0}' | '\u{202f}' | '\u{2009}');
                if !groups || !characters.peek().is_some_and(|(_, next)| next.is_ascii_alphanumeric()) {
                    return None;
                }
            }
            _ => {
                digits.extend(character.to_digit(10).and_then(|digit| u8::try_from(digit).ok()));
                seen += 1;
            }
        }
        if seen == *wanted {
            let len = at + character.len_utf8();
            return (ends_word(text.as_bytes(), len) && !published::within(&digits)).then_some(len);
        }
    }
    None
}

/// Country and length of an IBAN: the registry of ISO 13616 (SWIFT, release 99).
#[rustfmt::skip]
const IBANS: &[([u8; 2], usize)] = &[
    (*b"AD", 24), (*b"AE", 23), (*b"AL", 28), (*b"AT", 20), (*b"AZ", 28), (*b"BA", 20), (*b"BE", 16), (*b"BG", 22),
    (*b"BH", 22), (*b"BI", 27), (*b"BR", 29), (*b"BY", 28), (*b"CH", 21), (*b"CR", 22), (*b"CY", 28), (*b"CZ", 24),
    (*b"DE", 22), (*b"DJ", 27), (*b"DK", 18), (*b"DO", 28), (*b"EE", 20), (*b"EG", 29), (*b"ES", 24), (*b"FI", 18),
    (*b"FK", 18), (*b"FO", 18), (*b"FR", 27), (*b"GB", 22), (*b"GE", 22), (*b"GI", 23), (*b"GL", 18), (*b"GR", 27),
    (*b"GT", 28), (*b"HN", 28), (*b"HR", 21), (*b"HU", 28), (*b"IE", 22), (*b"IL", 23), (*b"IQ", 23), (*b"IS", 26),
    (*b"IT", 27), (*b"JO", 30), (*b"KW", 30), (*b"KZ", 20), (*b"LB", 28), (*b"LC", 32), (*b"LI", 21), (*b"LT", 20),
    (*b"LU", 20), (*b"LV", 21), (*b"LY", 25), (*b"MC", 27), (*b"MD", 24), (*b"ME", 22), (*b"MK", 19), (*b"MN", 20),
    (*b"MR", 27), (*b"MT", 31), (*b"MU", 30), (*b"NI", 28), (*b"NL", 18), (*b"NO", 15), (*b"OM", 23), (*b"PK", 24),
    (*b"PL", 28), (*b"PS", 29), (*b"PT", 25), (*b"QA", 29), (*b"RO", 24), (*b"RS", 22), (*b"RU", 33), (*b"SA", 24),
    (*b"SC", 31), (*b"SD", 18), (*b"SE", 24), (*b"SI", 19), (*b"SK", 24), (*b"SM", 27), (*b"SO", 23), (*b"ST", 25),
    (*b"SV", 28), (*b"TL", 23), (*b"TN", 24), (*b"TR", 26), (*b"UA", 29), (*b"VA", 22), (*b"VG", 24), (*b"XK", 20),
    (*b"YE", 30),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn the_countries_are_in_order() {
        assert!(IBANS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn identifiers_are_read_as_a_whole() {
        for text in [
            "01890000-0000-7000-8000-000000000000",
            "DE89370400440532013000",
            "de89370400440532013000",
            "DE89 3704 0044 0532 0130 00",
            "GB29 NWBK 6016 1331 9268 19",
            "FR14-2004-1010-0505-0001-3M02-606",
            "AT61\u{a0}1904\u{a0}3002\u{a0}3457\u{a0}3201",
            "d41d8cd98f00b204e9800998ecf8427e",
            "507f1f77bcf86cd799439011",
            "4242:4242:4242:4242:4242:4242:4242:424a",
        ] {
            assert_eq!(identifier_len(text), Some(text.len()), "{text}");
            assert_eq!(identifier_len(&format!("{text}, and more")), Some(text.len()), "{text}");
            assert_eq!(identifier_len(&format!("{text}z")), None, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_an_identifier_is_none() {
        for text in [
            "DE89 3704 0044 0532 0130 0",
            "De89370400440532013000",
            "XX89370400440532013000",
            "AT61 4242 4242 4242 4242",
            "4242424242424242aaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaa4242424242424242",
            "42424242424242424242424242424242",
        ] {
            assert_eq!(identifier_len(text), None, "{text}");
        }
    }
}
