//! The possible encodings of a text: percent-encoded, escaped, in entities, in base64, in hexadecimal.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::alphabet::hex_digit;
use super::fold::{Unit, unit};
use super::identifiers;
use super::published;
use super::ranges::{LONGEST, SHORTEST};
use super::runs::DigitRun;

/// How many more times a text is decoded: double encoding is common, triple is not.
const ROUNDS: usize = 3;

/// Whether a text contains a card number, in any of its encodings.
pub(super) fn holds_number(text: &str) -> bool {
    if !may_hold_number(text.as_bytes()) {
        return false;
    }
    let mut reading = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        if in_any_words(&reading) {
            return true;
        }
        match decoded(&reading) {
            Some(next) => reading = Cow::Owned(next),
            None => return false,
        }
    }
    in_any_words(&reading)
}

fn in_any_words(text: &str) -> bool {
    in_plain(text) || in_base64(text) || in_hexadecimal(text)
}

/// Whether the digits of a text, whatever is between them, contain a published test number.
pub(super) fn holds_published(text: &str) -> bool {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|character| match unit(character) {
            Some(Unit::Digit(digit)) => Some(digit),
            _ => None,
        })
        .collect();
    published::within(&digits)
}

/// A quick check that decides nearly all texts. Escaped or encoded digits are written with digits, so a number needs
/// that many ASCII digits, or other characters, or a word that begins like the base64 of a digit, perhaps after what is
/// left of an escape.
pub(super) fn may_hold_number(text: &[u8]) -> bool {
    let (mut digits, mut word, mut base64) = (0, 0, 0);
    let mut is_behind_escape = false;
    for byte in text {
        if byte.is_ascii_alphanumeric() {
            digits += usize::from(byte.is_ascii_digit());
            let may_begin = word == 0 || (is_behind_escape && word <= ESCAPE_MAX);
            base64 += usize::from(base64 > 0 || (may_begin && begins_base64(*byte)));
            word += 1;
            if base64 >= BASE64_MIN {
                return true;
            }
        } else if byte.is_ascii() {
            (word, base64) = (0, 0);
            is_behind_escape = matches!(byte, b'\\' | b'%');
        } else {
            return true;
        }
    }
    digits >= SHORTEST
}

/// Whether an undecoded text contains a number. Invisible characters are ignored, or separate groups.
fn in_plain(text: &str) -> bool {
    let (found, has_ignored) = read(text, |_| None);
    found || (has_ignored && read(text, |_| Some(Unit::Mark)).0)
}

/// Scans a text, with invisible characters read as `ignored`; the second result is whether there were any.
fn read(text: &str, ignored: impl Fn(char) -> Option<Unit>) -> (bool, bool) {
    let (mut run, mut rest) = (DigitRun::default(), text);
    let (mut is_inside_word, mut has_ignored) = (false, false);
    while let Some(character) = rest.chars().next() {
        let identifier = if is_inside_word { None } else { identifiers::identifier_len(rest) };
        let seen = unit(character);
        has_ignored |= seen.is_none();
        let is_found = match (identifier, seen.or_else(|| ignored(character))) {
            (Some(_), _) => run.end(),
            (None, Some(unit)) => run.push(unit, character),
            (None, None) => false,
        };
        if is_found {
            return (true, has_ignored);
        }
        is_inside_word =
            identifier.is_some() || (character.is_ascii_alphanumeric() || (is_inside_word && seen.is_none()));
        rest = rest.get(identifier.unwrap_or(character.len_utf8())..).unwrap_or_default();
    }
    (run.end(), has_ignored)
}

/// The text with every known escape resolved; `None` if there is none.
pub(super) fn decoded(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'\\' | b'&' | b'=')) {
        return None;
    }
    let bytes = text.as_bytes();
    let (mut plain, mut at, mut is_changed) = (Vec::with_capacity(bytes.len()), 0, false);
    // Where the last digit in quoted-printable, and the last one in octal digits, ended.
    let (mut quoted_end, mut octal_end) = (None, None);
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let escape = match byte {
            b'%' => percent(rest),
            b'\\' => octal(rest, octal_end == Some(at))
                .inspect(|_| octal_end = Some(at + 4))
                .or_else(|| backslash(rest)),
            b'&' => entity(rest),
            b'=' => quoted(rest, quoted_end == Some(at)).inspect(|_| quoted_end = Some(at + 3)),
            _ => None,
        };
        match escape {
            Some((escaped, len)) => {
                match escaped {
                    Escaped::Byte(byte) => plain.push(byte),
                    Escaped::Character(character) => {
                        plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                at += 1 + len;
                is_changed = true;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    is_changed.then(|| String::from_utf8_lossy(&plain).into_owned())
}

enum Escaped {
    Byte(u8),
    Character(char),
}

/// After a `%`: two hex digits (RFC 3986), or `u` and four (JavaScript's old `escape`).
fn percent(rest: &[u8]) -> Option<(Escaped, usize)> {
    if let Some(code) = hex(rest, 2) {
        return Some((Escaped::Byte(u8::try_from(code).ok()?), 2));
    }
    let rest = rest.strip_prefix(b"u")?;
    Some((Escaped::Character(char::from_u32(hex(rest, 4)?)?), 5))
}

/// After a `=`: a digit in quoted-printable (RFC 2045, section 6.7), beside another one: `=34=32`. Alone, the sign is that
/// of a form: `card=3782…`.
fn quoted(rest: &[u8], follows_one: bool) -> Option<(Escaped, usize)> {
    match rest {
        [b'3', ones @ b'0'..=b'9', next @ ..] if follows_one || matches!(next, [b'=', b'3', ..]) => {
            Some((Escaped::Byte(*ones), 2))
        }
        _ => None,
    }
}

/// After a `\`: a digit in three octal digits, beside another one: `\064\062`. Alone, the sign is a separator: `5351\070`.
fn octal(rest: &[u8], follows_one: bool) -> Option<(Escaped, usize)> {
    let (digit, next) = match rest {
        [b'0', b'6', ones @ b'0'..=b'7', next @ ..] => (*ones, next),
        [b'0', b'7', ones @ (b'0' | b'1'), next @ ..] => (*ones + 8, next),
        _ => return None,
    };
    (follows_one || matches!(next, [b'\\', b'0', b'6' | b'7', ..])).then_some((Escaped::Byte(digit), 3))
}

/// After a `\`: `u` and four hex digits, or two such for a surrogate pair, `u{…}`, `x` and two, or one character.
fn backslash(rest: &[u8]) -> Option<(Escaped, usize)> {
    let (kind, rest) = rest.split_first()?;
    match kind {
        b'u' => match hex(rest, 4) {
            Some(high @ 0xd800..=0xdbff) => {
                let low = rest.get(4..).and_then(|rest| hex(rest.strip_prefix(b"\\u")?, 4))?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                let code = 0x1_0000 + ((high - 0xd800) << 10) + low;
                Some((Escaped::Character(char::from_u32(code)?), 11))
            }
            Some(code) => Some((Escaped::Character(char::from_u32(code)?), 5)),
            None => {
                let inner = rest.strip_prefix(b"{")?;
                let len = inner.iter().take(6).take_while(|byte| byte.is_ascii_hexdigit()).count();
                let code = hex(inner, len).filter(|_| inner.get(len) == Some(&b'}'))?;
                Some((Escaped::Character(char::from_u32(code)?), len + 3))
            }
        },
        b'x' => Some((Escaped::Byte(u8::try_from(hex(rest, 2)?).ok()?), 3)),
        b'b' | b'f' | b'n' | b'r' | b't' => Some((Escaped::Byte(b' '), 1)),
        b'"' | b'\\' | b'/' | b'\'' => Some((Escaped::Byte(*kind), 1)),
        _ => None,
    }
}

/// `CounterClockwiseContourIntegral` is the longest name of an entity.
const NAME_MAX: usize = 31;

/// After a `&`: an HTML character reference. Named ones are never digits; those that JSON is made of are read as they are,
/// and other separators as spaces.
fn entity(rest: &[u8]) -> Option<(Escaped, usize)> {
    if let Some(number) = rest.strip_prefix(b"#") {
        return numeric(number);
    }
    let len = rest.iter().take(NAME_MAX + 1).position(|byte| *byte == b';')?;
    let name = rest.get(..len)?;
    let code = match name {
        b"quot" | b"QUOT" => Some(u32::from(b'"')),
        b"lcub" | b"lbrace" => Some(u32::from(b'{')),
        b"rcub" | b"rbrace" => Some(u32::from(b'}')),
        b"colon" => Some(u32::from(b':')),
        b"amp" | b"AMP" => Some(u32::from(b'&')),
        _ if name.first()?.is_ascii_alphabetic() && name.iter().all(u8::is_ascii_alphanumeric) => Some(0x20),
        _ => None,
    };
    Some((Escaped::Character(char::from_u32(code?)?), len + 1))
}

/// After a `&#`: a number, which browsers also take without the semicolon.
fn numeric(rest: &[u8]) -> Option<(Escaped, usize)> {
    let (start, radix) = if matches!(rest, [b'x' | b'X', ..]) { (1, 16) } else { (0, 10) };
    let digits = rest.get(start..)?;
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let len = digits.iter().take(NAME_MAX).take_while(is_digit).count();
    let code = u32::from_str_radix(std::str::from_utf8(digits.get(..len)?).ok()?, radix).ok()?;
    let semicolon = usize::from(digits.get(len) == Some(&b';'));
    Some((Escaped::Character(char::from_u32(code)?), 1 + start + len + semicolon))
}

/// The value of exactly this many hex digits.
fn hex(text: &[u8], len: usize) -> Option<u32> {
    let digits = text
        .get(..len)
        .filter(|digits| (1..=8).contains(&len) && digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The letters of an escape after its mark: `\u000a`, or `%250A` for a `%0A` that was encoded again.
const ESCAPE_MAX: usize = 5;
/// 13 digits in base64, without padding.
const BASE64_MIN: usize = 18;
/// A number, its expiry and its check value with separators.
const BASE64_MAX: usize = 64;

/// The base64 of a digit begins with one of three letters, for its first six bits.
const fn begins_base64(byte: u8) -> bool {
    matches!(byte, b'M'..=b'O')
}

/// Whether a word of the text is the base64 of a card number: of nothing but digits and separators. Such base64 has
/// letters and digits only, and its padding adds nothing.
fn in_base64(text: &str) -> bool {
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| {
            (BASE64_MIN..=BASE64_MAX).contains(&word.len()) && word.bytes().next().is_some_and(begins_base64)
        })
        .filter_map(|word| String::from_utf8(engine.decode(word).ok()?).ok())
        .any(|text| is_of_digits(&text) && in_plain(&text))
}

/// The hexadecimal of 13 digits.
const HEXADECIMAL_MIN: usize = 26;
const HEXADECIMAL_MAX: usize = 128;

/// Whether a word of the text is the hexadecimal of a card number: of nothing but digits and separators, so that each
/// byte begins with a 2 or a 3. Not one honest value in 10⁸ of that length does.
fn in_hexadecimal(text: &str) -> bool {
    text.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| {
        let word = word.strip_prefix("0x").unwrap_or(word).as_bytes();
        let (pairs, []) = word.as_chunks::<2>() else { return false };
        if !(HEXADECIMAL_MIN..=HEXADECIMAL_MAX).contains(&word.len()) {
            return false;
        }
        let decoded = pairs.iter().map(|[high, low]| match high {
            b'2' => Some(char::from(0x20 | hex_digit(*low)?)),
            b'3' => Some(char::from(0x30 | hex_digit(*low)?)),
            _ => None,
        });
        decoded.collect::<Option<String>>().is_some_and(|text| is_of_digits(&text) && in_plain(&text))
    })
}

fn is_of_digits(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits >= SHORTEST
        && text.len() - digits <= LONGEST
        && !text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
