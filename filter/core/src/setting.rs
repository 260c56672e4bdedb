//! Checks that apply to the value of every setting, at the edge and in the control plane.

/// The byte order mark of some editors, which is not part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Why a value is certainly a mistake. Never contains the value: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclean {
    #[error(
        "is in quotation marks, which would become part of the value (docker's --env-file keeps them); write it \
         without them"
    )]
    Quoted,
    #[error(
        "has a line end or another control character in it; write it on one line, and entries of a list with commas \
         between them"
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
    let value = value.trim_matches(|c: char| c.is_whitespace() || c == BYTE_ORDER_MARK);
    let is_quoted = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return Err(Unclean::Quoted);
    }
    if value.split(',').any(|entry| entry.trim().contains(char::is_control)) {
        return Err(Unclean::ControlCharacter);
    }
    Ok(value)
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
            ("a\nb", Unclean::ControlCharacter),
            ("a,b\u{0}c", Unclean::ControlCharacter),
        ] {
            assert_eq!(clean(value), Err(why), "{value:?}");
        }
    }
}
