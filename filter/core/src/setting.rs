//! Checks that apply to the value of every setting, at the edge and in the control plane.

/// The byte order mark of some editors, which is not part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Quotation marks that a value is found in, as typed and as word processors and chats make them.
const QUOTATION_MARKS: [(char, char); 6] = [
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{201e}', '\u{201c}'),
];

/// Why a value is certainly a mistake. Never contains the value: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclean {
    #[error(
        "is in quotation marks, which would become part of the value (docker's --env-file keeps them); write it \
         without them"
    )]
    Quoted,
    #[error(
        "has a line end, another control character or an invisible one in it; write it on one line, and entries of a \
         list with commas between them"
    )]
    ControlCharacter,
}

/// The text of a file without its byte order mark.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// The value without surrounding white space, line ends and marks, which come from files and orchestrators and are
/// never meant. Lists may span several lines.
///
/// # Errors
/// It contains something that cannot be removed safely.
pub fn clean(value: &str) -> Result<&str, Unclean> {
    let value = value.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    let mut entries = value.split(',').map(str::trim);
    if is_quoted(value) || entries.clone().any(is_quoted) {
        return Err(Unclean::Quoted);
    }
    if entries.any(|entry| entry.contains(|c: char| c.is_control() || is_invisible(c))) {
        return Err(Unclean::ControlCharacter);
    }
    Ok(value)
}

fn is_quoted(text: &str) -> bool {
    let inside =
        |(open, close): (char, char)| text.strip_prefix(open).is_some_and(|rest| rest.ends_with(close));
    QUOTATION_MARKS.into_iter().any(inside)
}

/// What comes with a text that is copied from a page or a chat: marks of byte order, joints and directions.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        BYTE_ORDER_MARK
            | '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn only_what_cannot_be_meant_is_taken_away() {
        for (value, cleaned) in [
            (" a\t\r\n", "a"),
            ("\u{feff}a", "a"),
            ("\u{200b}a\u{2060}\u{a0}", "a"),
            ("", ""),
            ("\n", ""),
            ("shop:a\"b\",\n batch:c", "shop:a\"b\",\n batch:c"),
            ("a b", "a b"),
            ("\"", "\""),
        ] {
            assert_eq!(clean(value), Ok(cleaned), "{value:?}");
        }
        for (value, why) in [
            ("\"a\"", Unclean::Quoted),
            ("'a'\n", Unclean::Quoted),
            ("\"\"", Unclean::Quoted),
            ("\u{201c}a\u{201d}", Unclean::Quoted),
            ("`a`", Unclean::Quoted),
            ("a, \"b\"", Unclean::Quoted),
            ("a\u{200b}b", Unclean::ControlCharacter),
            ("a,b\u{feff}c", Unclean::ControlCharacter),
            ("a\nb", Unclean::ControlCharacter),
            ("a,b\u{0}c", Unclean::ControlCharacter),
        ] {
            assert_eq!(clean(value), Err(why), "{value:?}");
        }
    }
}
