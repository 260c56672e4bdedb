//! The parts of a JSON text that can contain card data, in order. Reads any bytes to the end, valid JSON or not, so
//! that a card number in invalid JSON is reported as one.

use std::borrow::Cow;
use std::ops::Range;

/// A part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A name of a field, without its quotes.
    Name(Range<usize>),
    /// A string, without its quotes.
    Text(Range<usize>),
    /// Outside of strings: numbers, literals, or anything in a text that is not JSON.
    Loose(Range<usize>),
    /// One of `{}[],`.
    Mark(u8),
}

/// Scans a text.
#[derive(Clone)]
pub(super) struct Parts<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Parts<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads a string after its opening quote.
    fn string(&mut self) -> Part {
        let start = self.at;
        let mut is_escaped = false;
        let len = self.rest().iter().position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        });
        let end = len.map_or(self.text.len(), |len| start + len);
        self.at = self.text.len().min(end + 1);
        let is_name = self.rest().iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        if is_name { Part::Name(start..end) } else { Part::Text(start..end) }
    }

    fn loose(&mut self) -> Part {
        let start = self.at;
        let ends = |byte: &u8| matches!(byte, b'"' | b',' | b':' | b'{' | b'}' | b'[' | b']');
        let len = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        self.at = start + len;
        Part::Loose(start..self.at)
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        loop {
            let byte = *self.text.get(self.at)?;
            match byte {
                b'"' => {
                    self.at += 1;
                    return Some(self.string());
                }
                b'{' | b'}' | b'[' | b']' | b',' => {
                    self.at += 1;
                    return Some(Part::Mark(byte));
                }
                b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => return Some(self.loose()),
            }
        }
    }
}

/// A string with its escapes resolved (RFC 8259, section 7), as far as they are valid; without escapes nothing is
/// copied.
pub(super) fn unescaped(string: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(string);
    if !text.contains('\\') {
        return text;
    }
    match serde_json::from_str::<String>(&format!("\"{text}\"")) {
        Ok(plain) => Cow::Owned(plain),
        // Not JSON's; the search resolves other escapes, too.
        Err(_) => text,
    }
}

/// The path of a part: the names that lead to it, joined by dots, e.g. `metadata.note` or `items[2].note`; of a name,
/// including itself or (not `shows_name`) the field around it. A name that cannot be shown, or too deep a level, ends
/// the path at the enclosing field; `None` if nothing is left. `start`: where the part begins.
pub(super) fn place(text: &[u8], start: usize, shows_name: bool) -> Option<String> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    for part in Parts::new(text) {
        match part {
            Part::Name(range) => {
                let is_it = range.start == start;
                if is_it && !shows_name {
                    levels.pop();
                } else if let Some(Level::Object(name)) = levels.last_mut() {
                    *name = text.get(range);
                }
                if is_it {
                    break;
                }
            }
            Part::Text(range) | Part::Loose(range) if range.start >= start => break,
            Part::Mark(b'{') => levels.push(Level::Object(None)),
            Part::Mark(b'[') => levels.push(Level::Array(0)),
            Part::Mark(b'}' | b']') => drop(levels.pop()),
            Part::Mark(_) => match levels.last_mut() {
                Some(Level::Array(index)) => *index += 1,
                Some(Level::Object(name)) => *name = None,
                None => {}
            },
            Part::Text(_) | Part::Loose(_) => {}
        }
    }
    shown(&levels)
}

enum Level<'a> {
    Object(Option<&'a [u8]>),
    Array(usize),
}

/// Deeper fields are reported as the one around them: no request has so many levels.
const LEVELS_MAX: usize = 8;
/// Longer names are not those of our fields.
const SHOWN_MAX: usize = 100;

fn shown(levels: &[Level<'_>]) -> Option<String> {
    let mut place = String::new();
    for level in levels.iter().take(LEVELS_MAX) {
        let step = match level {
            Level::Array(index) => format!("[{index}]"),
            Level::Object(Some(name)) if is_showable(name) => {
                format!("{}{}", if place.is_empty() { "" } else { "." }, String::from_utf8_lossy(name))
            }
            Level::Object(_) => break,
        };
        if place.len() + step.len() > SHOWN_MAX {
            break;
        }
        place.push_str(&step);
    }
    (!place.is_empty()).then_some(place)
}

fn is_showable(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn parts(text: &str) -> Vec<String> {
        Parts::new(text.as_bytes())
            .map(|part| match part {
                Part::Name(range) => format!("name {}", &text[range]),
                Part::Text(range) => format!("text {}", &text[range]),
                Part::Loose(range) => format!("loose {}", &text[range]),
                Part::Mark(mark) => char::from(mark).to_string(),
            })
            .collect()
    }

    #[test]
    fn the_parts_of_an_object_come_in_order() {
        let text = r#"{"a" : "x\\\"y", "b":[1.5,true], "c":{}}"#;
        let wanted = [
            "{",
            "name a",
            r#"text x\\\"y"#,
            ",",
            "name b",
            "[",
            "loose 1.5",
            ",",
            "loose true",
            "]",
            ",",
            "name c",
            "{",
            "}",
            "}",
        ];
        assert_eq!(parts(text), wanted);
    }

    #[test]
    fn what_is_no_json_is_read_to_its_end() {
        assert_eq!(parts("card=4242 4242&x"), ["loose card=4242 4242&x"]);
        assert_eq!(parts(r#"{"a":"4242"#), ["{", "name a", "text 4242"]);
        assert_eq!(parts(r#""a\"#), [r#"text a\"#]);
        assert_eq!(parts("\""), ["text "]);
    }

    #[test]
    fn a_part_is_named_by_the_way_to_it() {
        let text =
            r#"{"a":"x","metadata":{"note":"x","k":"y"},"items":[{"n":1},{"n":2,"m":["z"]}],"é":{"w":"q"}}"#;
        let of = |what: &str| place(text.as_bytes(), text.find(what).unwrap(), false);
        assert_eq!(place(text.as_bytes(), text.find("k\":").unwrap(), true).as_deref(), Some("metadata.k"));
        assert_eq!(of(r#"y"}"#).as_deref(), Some("metadata.k"));
        assert_eq!(of(r#"k":"#).as_deref(), Some("metadata"), "a name is reported as the field around it");
        assert_eq!(of("2,").as_deref(), Some("items[1].n"));
        assert_eq!(of(r#"z""#).as_deref(), Some("items[1].m[0]"));
        assert_eq!(of(r#"q""#), None, "a name that cannot be shown");
    }

    #[test]
    fn escapes_are_resolved_where_they_are_json() {
        assert_eq!(unescaped(br"4\u0034 \ud835\udfd2\t"), "44 \u{1d7d2}\t");
        assert_eq!(unescaped(br"\q4242"), r"\q4242");
        assert!(matches!(unescaped(b"plain"), Cow::Borrowed("plain")));
    }
}
