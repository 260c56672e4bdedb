//! Numbers and digests in the one form in which they are written, so that a signed text has one spelling.

/// Decimal digits without a sign or leading zeros.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_canonical =
        text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| is_canonical)
}

/// `N` bytes as hexadecimal digits in lower case.
pub(crate) fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::decode_to_slice(text, &mut bytes).ok().filter(|()| is_lower).map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_number_has_one_spelling() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-0", "01", "00", " 1", "1 ", "1.0", "1e2", "18446744073709551616", "\u{664}"]
        {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        assert_eq!(hex("00ff"), Some([0, 255]));
        for text in ["", "00", "00FF", "00fF", "00f", "00fff", "00ff00", "zzzz", "+0ff"] {
            assert_eq!(hex::<2>(text), None, "{text:?}");
        }
    }
}
