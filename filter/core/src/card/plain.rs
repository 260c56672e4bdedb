//! The text that decoded bytes are: in UTF-8, in UTF-16 or compressed, or after bytes of another kind.

use super::budget::Budget;
use super::compressed::{begins_compressed, headed, inflated};
pub(super) use super::text_head::{HEAD, PROBE, begins_text};

/// What hides a text begins like any bytes, so fewer are not searched: each payload has a key of 65 bytes or more,
/// which no compression makes shorter.
pub(super) const HIDDEN_MIN: usize = 64;

/// Whether bytes that begin so may be a text. Decides by as many bytes as there are: what is true of a head is true of
/// the beginning of this head.
pub(super) fn is_promising(head: &[u8]) -> bool {
    begins_text(head) || headed(head).is_some()
}

/// Whether bytes that begin like no text hide one. `probe`: the first [`PROBE`] of them.
pub(super) fn hides_text(probe: &[u8]) -> bool {
    begins_compressed(probe) || begin_behind(probe).is_some()
}

/// The text of the bytes, unless they are none or the budget is short. What is not in ASCII may be lost: no name and no
/// digit is.
pub(super) fn text_of(bytes: &[u8], budget: &mut Budget) -> Option<String> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    if begins_text(head) {
        return Some(text(bytes));
    }
    let compressed = headed(bytes).unwrap_or(bytes);
    if !begins_compressed(compressed) {
        return None;
    }
    // One byte more than may be taken shows that there is more.
    let inside = inflated(compressed, budget.left().saturating_add(1));
    budget.take(inside.len()).then(|| text(&inside))
}

/// The text after bytes of another kind. Each such byte within it, as between the members of a binary format, becomes a
/// mark of one byte: the text gets no longer, and the mark separates words and encoded texts.
pub(super) fn text_behind(bytes: &[u8]) -> Option<String> {
    const SUBSTITUTE: char = '\u{1a}';
    let text = bytes.get(begin_behind(bytes)?..)?;
    Some(text.iter().map(|byte| if is_printed(byte) { char::from(*byte) } else { SUBSTITUTE }).collect())
}

/// Where enough bytes that are a text follow each other for the first time.
fn begin_behind(bytes: &[u8]) -> Option<usize> {
    bytes.get(..PROBE).unwrap_or(bytes).windows(HEAD).position(|window| window.iter().all(is_printed))
}

const fn is_printed(byte: &u8) -> bool {
    matches!(*byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

fn text(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let seen: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&seen).into_owned()
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::*;
    use crate::test;

    const TEXT: &str = r#"{"signedMessage":"x","note":"behind it, much that is much the same as it was"}"#;

    fn read(bytes: &[u8]) -> Option<String> {
        text_of(bytes, &mut Budget::default())
    }

    #[test]
    fn a_text_is_read_in_each_encoding_of_unicode() {
        let units = || TEXT.encode_utf16();
        for bytes in [
            TEXT.as_bytes().to_vec(),
            [b"\xef\xbb\xbf".as_slice(), TEXT.as_bytes()].concat(),
            units().flat_map(u16::to_le_bytes).collect(),
            units().flat_map(u16::to_be_bytes).collect(),
            [0xff, 0xfe].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect(),
            [0xfe, 0xff].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect(),
        ] {
            assert!((2..HEAD).all(|len| is_promising(&bytes[..len])), "{bytes:?}");
            assert!(read(&bytes).is_some_and(|read| read.contains(TEXT)), "{bytes:?}");
        }
    }

    #[test]
    fn a_text_behind_other_bytes_is_read_with_a_mark_for_each_of_them() {
        let members = [b"\0\x01\x82\xff".as_slice(), TEXT.as_bytes(), b"\xc3\xa9\0", b"more"].concat();
        let wanted = format!("{TEXT}\u{1a}\u{1a}\u{1a}more");
        assert_eq!((read(&members), text_behind(&members)), (None, Some(wanted)));
        assert!(hides_text(&members) && !is_promising(&members[..3]));
        let late = [vec![0xff; PROBE - HEAD + 1].as_slice(), TEXT.as_bytes()].concat();
        assert_eq!(text_behind(&late), None);
        assert_eq!(text_behind(&late[1..]).as_deref(), Some(TEXT));
        assert_eq!(text_behind(b"\xff between \xff is too short"), None);
    }

    #[test]
    fn more_than_the_budget_is_not_read_and_is_noticed() {
        let mut budget = Budget::default();
        let long = [TEXT.as_bytes(), &vec![b' '; budget.left()]].concat();
        assert_eq!(text_of(&compress_to_vec_zlib(&long, 6), &mut budget), None);
        assert!(budget.was_short() && !budget.was_short());
        let fits = long.get(..budget.left()).unwrap_or_default();
        assert!(text_of(&compress_to_vec_zlib(fits, 6), &mut budget).is_some());
        assert_eq!((budget.left(), budget.was_short()), (0, false));
    }

    #[test]
    fn other_bytes_are_no_text() {
        for bytes in [
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01".as_slice(),
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0",
            b"\x1f\x8b\x08",
            b"\x1f\x8b\x08\x1f\0\0\0\0\0\0",
            b"\x78\x9c\xff\xff\xff\xff",
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a",
            &[0xe3; 100],
        ] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}
