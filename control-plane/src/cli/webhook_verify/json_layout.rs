//! Rewrites JSON in another layout, with the same tokens in the same order.

/// The white space between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Compact,
    /// `{"a": 1, "b": 2}`
    Spaced,
    /// One value per line, with each level indented by this.
    Indented(&'static str),
}

/// How characters in strings are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    AsTheyAre,
    /// `\u00e9` becomes `é`.
    Resolved,
    /// `é` becomes `\u00e9`.
    Ascii,
    /// `\/` becomes `/`.
    PlainSlashes,
    /// `/` becomes `\/`.
    EscapedSlashes,
}

/// The tokens of `text`, or `None` if it is not JSON.
pub(super) fn tokens(text: &str) -> Option<Vec<&str>> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            '"' => string_length(rest),
            _ => rest.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, further) = rest.split_at_checked(length)?;
        tokens.push(token);
        rest = further.trim_start();
    }
    Some(tokens)
}

/// The length of the string token at the start of `text`, including both quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = true; // Skips the opening quote.
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

pub(super) fn write(tokens: &[&str], layout: Layout, escapes: Escapes) -> String {
    let mut text = String::new();
    let mut depth = 0_usize;
    let mut before = "";
    for token in tokens {
        let opens = matches!(before, "{" | "[");
        let closes = matches!(*token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        match layout {
            Layout::Compact => {}
            Layout::Spaced => text.push_str(if matches!(before, "," | ":") { " " } else { "" }),
            Layout::Indented(_) if before == ":" => text.push(' '),
            Layout::Indented(indent) => {
                if before == "," || opens != closes {
                    text.push('\n');
                    text.push_str(&indent.repeat(depth));
                }
            }
        }
        if matches!(*token, "{" | "[") {
            depth += 1;
        }
        text.push_str(&escape(token, escapes));
        before = token;
    }
    text
}

fn escape(token: &str, escapes: Escapes) -> String {
    let ascii = |c: char| match c {
        '\0'..='\x7f' => c.to_string(),
        _ => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    match escapes {
        Escapes::AsTheyAre => token.to_owned(),
        _ if !token.starts_with('"') => token.to_owned(),
        Escapes::Resolved => resolve(token),
        Escapes::Ascii => token.chars().map(ascii).collect(),
        Escapes::PlainSlashes => token.replace("\\/", "/"),
        Escapes::EscapedSlashes => token.replace("\\/", "/").replace('/', "\\/"),
    }
}

/// Resolves unnecessary escapes of non-ASCII characters.
fn resolve(token: &str) -> String {
    let mut resolved = String::new();
    let mut rest = token;
    while let Some(at) = rest.find('\\') {
        let (plain, from) = rest.split_at(at);
        resolved.push_str(plain);
        // A surrogate pair has twelve characters, any other `\u` escape six, all others two.
        let found = [12, 6].into_iter().find_map(|length| {
            let (escaped, further) = from.split_at_checked(length)?;
            let text: String = serde_json::from_str(&format!("\"{escaped}\"")).ok()?;
            let mut characters = text.chars();
            let only = characters.next().filter(|c| !c.is_ascii() && characters.next().is_none())?;
            Some((only, further))
        });
        match found {
            Some((character, further)) => {
                resolved.push(character);
                rest = further;
            }
            None => {
                let length = from.chars().take(2).map(char::len_utf8).sum();
                let (kept, further) = from.split_at(length);
                resolved.push_str(kept);
                rest = further;
            }
        }
    }
    resolved + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{ "b":[1.0,2e3 ,{}, [] ],"a" : "x\"y, \/ \u00e9 \ud83d\ude00 é/","c":null}"#;

    fn written(layout: Layout, escapes: Escapes) -> String {
        write(&tokens(TEXT).unwrap(), layout, escapes)
    }

    #[test]
    fn layouts_are_those_of_the_usual_libraries() {
        let compact = written(Layout::Compact, Escapes::AsTheyAre);
        assert_eq!(compact, r#"{"b":[1.0,2e3,{},[]],"a":"x\"y, \/ \u00e9 \ud83d\ude00 é/","c":null}"#);
        let indented = written(Layout::Indented("  "), Escapes::AsTheyAre);
        let expected = "{\n  \"b\": [\n    1.0,\n    2e3,\n    {},\n    []\n  ],\n  \"a\": \"x\\\"y, \\/ \\u00e9 \\ud83d\\ude00 é/\",\n  \"c\": null\n}";
        assert_eq!(indented, expected);
        let spaced = written(Layout::Spaced, Escapes::AsTheyAre);
        assert!(spaced.starts_with("{\"b\": [1.0, 2e3, {}, []], \"a\": "), "{spaced}");
    }

    #[test]
    fn strings_are_escaped_as_asked() {
        let string =
            |escapes| written(Layout::Compact, escapes).split('"').skip(5).take(2).collect::<String>();
        assert_eq!(string(Escapes::Resolved), "x\\y, \\/ é 😀 é/");
        assert_eq!(string(Escapes::Ascii), "x\\y, \\/ \\u00e9 \\ud83d\\ude00 \\u00e9/");
        assert_eq!(string(Escapes::PlainSlashes), "x\\y, / \\u00e9 \\ud83d\\ude00 é/");
        assert_eq!(string(Escapes::EscapedSlashes), "x\\y, \\/ \\u00e9 \\ud83d\\ude00 é\\/");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_says_the_same(text in "[\\[\\]{}\",:\\\\u0a9 é/n]{0,40}") {
            let layouts = [Layout::Compact, Layout::Spaced, Layout::Indented("\t")];
            let escapes = [
                Escapes::AsTheyAre, Escapes::Resolved, Escapes::Ascii, Escapes::PlainSlashes, Escapes::EscapedSlashes,
            ];
            if let Some(tokens) = tokens(&text) {
                let said: serde_json::Value = serde_json::from_str(&text).unwrap();
                for (layout, escapes) in layouts.into_iter().flat_map(|l| escapes.map(|e| (l, e))) {
                    let written = write(&tokens, layout, escapes);
                    let again: serde_json::Value = serde_json::from_str(&written).unwrap();
                    proptest::prop_assert_eq!(&again, &said);
                }
            }
        }
    }
}
