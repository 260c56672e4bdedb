//! The tokens of a document (section 2.1.6).

/// A token, or a part of one: a number with a sign, a point or an exponent is several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A name, or digits.
    Word(&'a str),
    /// A string between its quotes, escapes not resolved.
    Text(&'a str),
    /// A character of a punctuator, or any that begins no token.
    Mark(char),
}

/// Reads any text to its end, a document or not.
pub struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    #[must_use]
    pub const fn new(document: &'a str) -> Self {
        Self(document)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let first = self.0.chars().next()?;
            let behind = self.0.get(first.len_utf8()..).unwrap_or_default();
            let (token, rest) = match first {
                ' ' | '\t' | '\n' | '\r' | ',' | '\u{feff}' => {
                    self.0 = behind;
                    continue;
                }
                '#' => {
                    self.0 = behind.trim_start_matches(|c| c != '\n' && c != '\r');
                    continue;
                }
                '"' => {
                    let rest = after_string(self.0);
                    (Token::Text(until(self.0, rest).trim_matches('"')), rest)
                }
                c if is_word(c) => {
                    let rest = behind.trim_start_matches(is_word);
                    (Token::Word(until(self.0, rest)), rest)
                }
                c => (Token::Mark(c), behind),
            };
            self.0 = rest;
            return Some(token);
        }
    }
}

const fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The text before its end `rest`.
fn until<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len() - rest.len()).unwrap_or_default()
}

/// What follows the string with which the text begins.
fn after_string(text: &str) -> &str {
    const BLOCK: &str = "\"\"\"";
    if let Some(mut rest) = text.strip_prefix(BLOCK) {
        while let Some((inside, behind)) = rest.split_once(BLOCK) {
            if !inside.ends_with('\\') {
                return behind;
            }
            rest = behind;
        }
        return "";
    }
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = !is_escaped && matches!(c, '"' | '\n' | '\r');
        is_escaped = !is_escaped && *c == '\\';
        ends
    });
    end.and_then(|(at, _)| text.get(at + 1..)).unwrap_or_default()
}
