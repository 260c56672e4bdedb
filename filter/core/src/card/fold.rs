//! The class of a character in the search: a digit of any script, a letter, a separator, or invisible.

use std::borrow::Cow;

use super::letters;

/// A visible character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// 0 to 9, in whatever script.
    Digit(u8),
    /// A number of two digits that is one character, such as one in a circle.
    Pair(u8, u8),
    Letter,
    /// Spaces, punctuation, symbols and controls: what may separate two digits of a number.
    Mark,
}

/// `None` for invisible characters: they can split a number in a text and are ignored everywhere else.
pub(super) fn unit(character: char) -> Option<Unit> {
    let code = u32::from(character);
    if code < 0x80 {
        return Some(match character {
            '0'..='9' => Unit::Digit(ascii_digit(code)),
            'a'..='z' | 'A'..='Z' => Unit::Letter,
            _ => Unit::Mark,
        });
    }
    if is_in(IGNORED, code) {
        return None;
    }
    Some(match (digit(code), pair(code)) {
        (Some(digit), _) => Unit::Digit(digit),
        (None, Some(number)) => Unit::Pair(number / 10, number % 10),
        (None, None) if character.is_alphanumeric() => Unit::Letter,
        (None, None) => Unit::Mark,
    })
}

/// A text as the search for names in it reads it: in plain letters, and with the quotes of escapes that lost their
/// backslash.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    const QUOTE: &str = "u0022";
    let folded = in_plain_letters(text);
    if folded.contains(QUOTE) { Cow::Owned(folded.replace(QUOTE, "\"")) } else { folded }
}

/// A text without invisible characters and NUL, which UTF-16 read as UTF-8 has between its letters, and with other
/// forms of letters as those of ASCII. Text in ASCII is not copied.
pub(super) fn in_plain_letters(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte != 0 && byte.is_ascii()) {
        return Cow::Borrowed(text);
    }
    let seen = text.chars().filter(|character| *character != '\0' && unit(*character).is_some());
    Cow::Owned(seen.map(letters::plain).collect())
}

fn ascii_digit(code: u32) -> u8 {
    u8::try_from(code.saturating_sub(0x30)).unwrap_or_default()
}

fn digit(code: u32) -> Option<u8> {
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(after.checked_sub(1)?)?;
    if let Some(digit) = u8::try_from(code - zero).ok().filter(|digit| *digit < 10) {
        return Some(digit);
    }
    counted(DRESSED, code)
}

fn pair(code: u32) -> Option<u8> {
    counted(PAIRS, code)
}

fn counted(runs: &[(u32, u32, u8)], code: u32) -> Option<u8> {
    let run = runs.iter().find(|(first, last, _)| (*first..=*last).contains(&code));
    run.and_then(|(first, _, number)| u8::try_from(code - first).ok().map(|n| n + number))
}

fn is_in(ranges: &[(u32, u32)], code: u32) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= code);
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|(_, last)| code <= *last)
}

/// The zero of every script's decimal digits, each followed by the other nine: general category `Nd` of Unicode 17.
#[rustfmt::skip]
const ZEROS: &[u32] = &[
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620,
    0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x1_04a0, 0x1_0d30, 0x1_0d40, 0x1_1066, 0x1_10f0,
    0x1_1136, 0x1_11d0, 0x1_12f0, 0x1_1450, 0x1_14d0, 0x1_1650, 0x1_16c0, 0x1_16d0, 0x1_16da, 0x1_1730, 0x1_18e0,
    0x1_1950, 0x1_1bf0, 0x1_1c50, 0x1_1d50, 0x1_1da0, 0x1_1de0, 0x1_1f50, 0x1_6a60, 0x1_6ac0, 0x1_6b50, 0x1_6d70,
    0x1_ccf0, 0x1_d7ce, 0x1_d7d8, 0x1_d7e2, 0x1_d7ec, 0x1_d7f6, 0x1_e140, 0x1_e2f0, 0x1_e4f0, 0x1_e5f1, 0x1_e950,
    0x1_fbf0,
];

/// Other digits (category `No`): raised, lowered, in circles, in brackets, with a full stop, and of scripts that have
/// no zero. First and last code point, and the digit of the first.
#[rustfmt::skip]
const DRESSED: &[(u32, u32, u8)] = &[
    (0xb2, 0xb3, 2), (0xb9, 0xb9, 1), (0x1369, 0x1371, 1), (0x19da, 0x19da, 1), (0x2070, 0x2070, 0), (0x2074, 0x2079, 4), (0x2080, 0x2089, 0),
    (0x2460, 0x2468, 1), (0x2474, 0x247c, 1), (0x2488, 0x2490, 1), (0x24ea, 0x24ea, 0), (0x24f5, 0x24fd, 1),
    (0x24ff, 0x24ff, 0), (0x2776, 0x277e, 1), (0x2780, 0x2788, 1), (0x278a, 0x2792, 1), (0x1_0a40, 0x1_0a43, 1),
    (0x1_0e60, 0x1_0e68, 1), (0x1_1052, 0x1_105a, 1), (0x1_f100, 0x1_f100, 0), (0x1_f101, 0x1_f10a, 0),
    (0x1_f10b, 0x1_f10b, 0), (0x1_f10c, 0x1_f10c, 0),
];

/// Numbers of two digits: in circles, in brackets, with a full stop. First and last code point, and the first's number.
#[rustfmt::skip]
const PAIRS: &[(u32, u32, u8)] = &[
    (0x2469, 0x2473, 10), (0x247d, 0x2487, 10), (0x2491, 0x249b, 10), (0x24eb, 0x24f4, 11), (0x24fe, 0x24fe, 10),
    (0x277f, 0x277f, 10), (0x2789, 0x2789, 10), (0x2793, 0x2793, 10), (0x3251, 0x325f, 21), (0x32b1, 0x32bf, 36),
];

/// Format characters (category `Cf`), others that fonts may omit (`Default_Ignorable_Code_Point`), and combining marks
/// (by block).
#[rustfmt::skip]
const IGNORED: &[(u32, u32)] = &[
    (0xad, 0xad), (0x300, 0x36f), (0x600, 0x605), (0x61c, 0x61c), (0x6dd, 0x6dd), (0x70f, 0x70f), (0x890, 0x891),
    (0x8e2, 0x8e2), (0x115f, 0x1160), (0x17b4, 0x17b5), (0x180b, 0x180f), (0x1ab0, 0x1aff), (0x1dc0, 0x1dff),
    (0x200b, 0x200f), (0x202a, 0x202e), (0x2060, 0x206f), (0x20d0, 0x20ff), (0x3164, 0x3164), (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f), (0xfeff, 0xfeff), (0xffa0, 0xffa0), (0xfff0, 0xfffb), (0x1_10bd, 0x1_10bd),
    (0x1_10cd, 0x1_10cd), (0x1_3430, 0x1_3440), (0x1_bca0, 0x1_bca3), (0x1_d173, 0x1_d17a), (0xe_0000, 0xe_0fff),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_text_is_read_without_what_hides_its_letters() {
        for (text, wanted) in [
            ("a b\u{e9}", "a b\u{e9}"),
            ("w\0r\u{200b}a\u{ad}p", "wrap"),
            ("\u{ff37}\u{ff52}\u{ff41}\u{ff50}\u{ff11}", "Wrap1"),
            ("\u{1d430}r\u{200b}\u{24d0}p", "wrap"),
            ("{u0022wrappedKeyu0022:1}", "{\"wrappedKey\":1}"),
        ] {
            assert_eq!(readable(text), wanted);
        }
    }

    #[test]
    fn every_table_is_in_order() {
        assert!(ZEROS.is_sorted_by(|a, b| a + 9 < *b));
        assert!(IGNORED.is_sorted_by(|a, b| a.1 < b.0) && IGNORED.iter().all(|(first, last)| first <= last));
        assert!([DRESSED, PAIRS].iter().all(|runs| runs.is_sorted_by(|a, b| a.1 < b.0)));
    }

    #[test]
    fn ten_digits_follow_each_zero() {
        for zero in ZEROS.iter().skip(1) {
            for n in 0..10_u8 {
                let character = char::from_u32(zero + u32::from(n)).unwrap();
                assert_eq!(unit(character), Some(Unit::Digit(n)), "{character}");
            }
        }
    }

    #[test]
    fn digits_of_every_dress_are_digits() {
        for (text, digits) in [
            ("0123456789", "0123456789"),
            ("٠١٢٣٤٥٦٧٨٩", "0123456789"),
            ("４２４２", "4242"),
            ("𝟒𝟐𝟜𝟚", "4242"),
            ("⁰¹²³⁴⁵⁶⁷⁸⁹₀₄₂", "0123456789042"),
            ("⓪④②➃❷⑷⒉", "0424242"),
            ("🄀🄅🄃", "042"),
            ("\u{1369}\u{1371}\u{19da}\u{10a40}\u{10a43}", "19114"),
            ("\u{10e60}\u{10e68}\u{11052}\u{1105a}", "1919"),
            ("⑩⑳⑽⒇⒑⒛⓫⓴⓾❿➉➓㉑㉟㊱㊷㊿", "1020102010201120101010102135364250"),
        ] {
            let read: String = text
                .chars()
                .map(|character| match unit(character) {
                    Some(Unit::Digit(digit)) => digit.to_string(),
                    Some(Unit::Pair(tens, ones)) => format!("{tens}{ones}"),
                    other => panic!("{character} {other:?}"),
                })
                .collect();
            assert_eq!(read, digits);
        }
    }

    #[test]
    fn what_no_reader_sees_is_nothing() {
        for character in
            ['\u{ad}', '\u{200b}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{fe0f}', '\u{20e3}', '\u{e0020}']
        {
            assert_eq!(unit(character), None, "{character:?}");
        }
        for character in [' ', '-', '\u{a0}', '\u{2212}', '\u{3000}', '·', '٬', '|', '\n'] {
            assert_eq!(unit(character), Some(Unit::Mark), "{character:?}");
        }
        for character in ['x', 'é', '四', 'Ⅳ', '½'] {
            assert_eq!(unit(character), Some(Unit::Letter), "{character:?}");
        }
    }
}
