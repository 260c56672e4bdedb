//! The `Idempotency-Key` header.

use std::fmt;

use crate::error::ErrorCode;

/// The header that carries the key, in lower case.
pub const HEADER: &str = "idempotency-key";

/// The header, in lower case, that marks an answer as that of an earlier request: `true`.
pub const REPLAYED_HEADER: &str = "idempotency-replayed";

/// A client's name for one operation: 1 to 255 characters of printable ASCII.
///
/// Two clients may use the same one; [`super::Scope`] separates them. It is never printed: it is the
/// client's own and of any content.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// Why there is no key. None of the messages repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "the header `Idempotency-Key` is missing; send a value of your own, e.g. a UUID, and the same again when you repeat this request"
    )]
    Required,
    #[error("the header `Idempotency-Key` is given more than once; send it once")]
    Repeated,
    #[error("the header `Idempotency-Key` is empty; it must have 1 to 255 characters")]
    Empty,
    #[error("the header `Idempotency-Key` is too long; it must have 1 to 255 characters")]
    TooLong,
    #[error(
        "the header `Idempotency-Key` must be a string in double quotes (RFC 8941, without parameters), or unquoted and of A-Z, a-z, 0-9, `_`, `.`, `:` and `-`"
    )]
    Malformed,
}

impl KeyError {
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Required => ErrorCode::IdempotencyKeyRequired,
            Self::Repeated | Self::Empty | Self::TooLong | Self::Malformed => {
                ErrorCode::IdempotencyKeyInvalid
            }
        }
    }
}

impl Key {
    pub const CHARS_MAX: usize = 255;

    /// Reads the values of all the header's lines, as bytes.
    ///
    /// `"abc"` and `abc` are the same key: the draft asks for the quotes, most clients leave them out.
    ///
    /// # Errors
    /// No line, several lines, or a line that is neither of the two forms.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, KeyError> {
        let mut lines = lines.into_iter();
        let line = lines.next().ok_or(KeyError::Required)?;
        if lines.next().is_some() {
            return Err(KeyError::Repeated);
        }
        let text = std::str::from_utf8(line).map_err(|_| KeyError::Malformed)?.trim_matches(' ');
        let key = if text.starts_with('"') { unquoted(text) } else { bare(text) }?;
        match key.len() {
            0 => Err(KeyError::Empty),
            1..=Key::CHARS_MAX => Ok(Self(key)),
            _ => Err(KeyError::TooLong),
        }
    }

    /// The key without quotes and escapes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

fn bare(text: &str) -> Result<String, KeyError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
    if text.bytes().all(allowed) { Ok(text.to_owned()) } else { Err(KeyError::Malformed) }
}

/// RFC 8941, section 4.2.5, with nothing after the closing quote.
fn unquoted(text: &str) -> Result<String, KeyError> {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(KeyError::Malformed)?;
    let mut characters = inner.chars();
    let mut key = String::with_capacity(inner.len());
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters.next().filter(|c| matches!(c, '"' | '\\')).ok_or(KeyError::Malformed)?,
            '"' => return Err(KeyError::Malformed),
            ' '..='~' => character,
            _ => return Err(KeyError::Malformed),
        });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn parse(line: &str) -> Result<String, KeyError> {
        Key::parse([line.as_bytes()]).map(|key| key.as_str().to_owned())
    }

    #[test]
    fn a_key_may_come_with_or_without_quotes() {
        for uuid in ["8e03978e-40d5-43dd-bc93-6894a57f9324", "ae03978e-40d5-43dd-bc93-6894a57f9324"] {
            assert_eq!(parse(uuid).as_deref(), Ok(uuid));
            assert_eq!(parse(&format!("\"{uuid}\"")).as_deref(), Ok(uuid));
        }
        assert_eq!(parse("order_7:a.b-C").as_deref(), Ok("order_7:a.b-C"));
    }

    #[test]
    fn a_quoted_key_may_hold_spaces_and_escapes() {
        assert_eq!(parse(r#" "a \"b\" \\ c, d;e=1" "#).as_deref(), Ok(r#"a "b" \ c, d;e=1"#));
    }

    #[test]
    fn one_to_255_characters_are_counted_without_quotes_and_escapes() {
        let longest = "k".repeat(255);
        for good in
            ["k".to_owned(), longest.clone(), format!("\"{longest}\""), format!("\"{}\"", r"\\".repeat(255))]
        {
            assert!(parse(&good).is_ok(), "{good}");
        }
        for long in [format!("{longest}k"), format!("\"{longest}k\"")] {
            assert_eq!(parse(&long), Err(KeyError::TooLong));
        }
        for empty in ["", "  ", "\"\""] {
            assert_eq!(parse(empty), Err(KeyError::Empty), "{empty:?}");
        }
    }

    #[test]
    fn anything_else_is_malformed() {
        let lines = [
            "a b",
            "a,b",
            "a;b=1",
            "a/b",
            "a@b",
            "{a}",
            "'a'",
            "*a",
            "clé",
            "\"clé\"",
            "a\tb",
            "\"a\tb\"",
            "\"a",
            "a\"",
            "\"",
            "\"\\\"",
            "\"a\\n\"",
            "\"a\"b\"",
            "\"a\", \"b\"",
            "\"a\";p=1",
            "\"a\"b",
            "\"\u{7f}\"",
            "\u{0}",
            ":YWJj:=",
        ];
        for line in lines {
            assert_eq!(parse(line), Err(KeyError::Malformed), "{line:?}");
        }
        assert_eq!(Key::parse([[0xff, 0xfe].as_slice()]), Err(KeyError::Malformed));
    }

    #[test]
    fn there_must_be_exactly_one_line() {
        assert_eq!(Key::parse([]), Err(KeyError::Required));
        assert_eq!(Key::parse([b"a".as_slice(), b"a"]), Err(KeyError::Repeated));
        assert_eq!(KeyError::Required.code(), ErrorCode::IdempotencyKeyRequired);
        assert_eq!(KeyError::Repeated.code(), ErrorCode::IdempotencyKeyInvalid);
    }

    #[test]
    fn a_key_is_never_printed() {
        assert!(!format!("{:?}", Key::parse([b"4242".as_slice()])).contains("4242"));
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// What the published parser accepts: a string without parameters, of 1 to 255 characters.
    fn by_the_book(line: &[u8]) -> Option<String> {
        let item: sfv::Item = sfv::Parser::new(line).parse().ok()?;
        let text = item.bare_item.as_string().filter(|_| item.params.is_empty())?.as_str().to_owned();
        (1..=Key::CHARS_MAX).contains(&text.len()).then_some(text)
    }

    proptest! {
        #[test]
        fn a_quoted_key_is_read_as_rfc_8941_says(line in "[ ]?\"([ -~]|\\\\[\\\\\"nu]|[^ -~]){0,12}\"?[ ;a,]?.?") {
            let ours = Key::parse([line.as_bytes()]).ok().map(|key| key.as_str().to_owned());
            prop_assert_eq!(ours, by_the_book(line.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..3)) {
            let _ = Key::parse(lines.iter().map(Vec::as_slice));
        }

        #[test]
        fn quotes_do_not_change_a_key(name in "[A-Za-z0-9_.:-]{1,255}") {
            let quoted = format!("\"{name}\"");
            prop_assert_eq!(Key::parse([name.as_bytes()]), Key::parse([quoted.as_bytes()]));
        }
    }
}
