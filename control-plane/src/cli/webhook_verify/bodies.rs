//! Guesses the original of a body that was changed in transit.

use super::json_layout::{Escapes, Layout, tokens, write};

/// A possible original body, with its description.
pub(super) struct Candidate {
    /// Continues "the signature fits the body …".
    pub(super) how: String,
    pub(super) bytes: Vec<u8>,
}

const LAYOUTS: [(Layout, &str); 5] = [
    (Layout::Compact, "as compact JSON"),
    (Layout::Indented("  "), "as JSON indented by two spaces"),
    (Layout::Indented("    "), "as JSON indented by four spaces"),
    (Layout::Indented("\t"), "as JSON indented by tabs"),
    (Layout::Spaced, "as JSON with a space after each comma and colon"),
];

const ESCAPES: [(Escapes, &str); 5] = [
    (Escapes::AsTheyAre, ""),
    (Escapes::Resolved, ", with `\\u…` written out"),
    (Escapes::Ascii, ", with characters beyond ASCII as `\\u…`"),
    (Escapes::PlainSlashes, ", with `/` for `\\/`"),
    (Escapes::EscapedSlashes, ", with `\\/` for `/`"),
];

/// The usual candidates, closest first, without the unchanged body.
pub(super) fn candidates(body: &[u8]) -> Vec<Candidate> {
    let mut all = Vec::new();
    let mut add = |how: String, bytes: Vec<u8>| {
        if bytes != body && !all.iter().any(|other: &Candidate| other.bytes == bytes) {
            all.push(Candidate { how, bytes });
        }
    };
    let trimmed = body.trim_ascii_end();
    let without_last = body.strip_suffix(b"\n").unwrap_or(body);
    let without_mark = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    add("without the line end at its end".to_owned(), without_last.to_vec());
    add(
        "without the line end at its end".to_owned(),
        without_last.strip_suffix(b"\r").unwrap_or(body).to_vec(),
    );
    add("without the white space at its end".to_owned(), trimmed.to_vec());
    add("without the white space around it".to_owned(), body.trim_ascii().to_vec());
    add("with a line end at its end".to_owned(), [body, b"\n"].concat());
    add("with a line end (CRLF) at its end".to_owned(), [body, b"\r\n"].concat());
    add("without the byte order mark at its beginning".to_owned(), without_mark.to_vec());
    let Ok(text) = std::str::from_utf8(without_mark) else { return all };
    let unix = text.replace("\r\n", "\n");
    let windows = unix.replace('\n', "\r\n");
    for (name, text) in [("LF for CRLF", &unix), ("CRLF for LF", &windows)] {
        add(format!("with {name}"), text.clone().into_bytes());
        add(format!("with {name} and without the line end at its end"), text.trim_end().as_bytes().to_vec());
    }
    let Some(tokens) = tokens(text) else { return all };
    for (escapes, escaped) in ESCAPES {
        for (layout, how) in LAYOUTS {
            let written = write(&tokens, layout, escapes);
            add(format!("{how}{escaped}, and a line end"), format!("{written}\n").into_bytes());
            add(format!("{how}{escaped}"), written.into_bytes());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The description with which `original` is found from the changed body, if it is found.
    fn found(original: &str, became: &str) -> String {
        let all = candidates(became.as_bytes());
        let found = all.into_iter().find(|candidate| candidate.bytes == original.as_bytes());
        found.map(|candidate| candidate.how).unwrap_or_default()
    }

    #[test]
    fn the_usual_changes_are_found() {
        for (original, became, how) in [
            ("{}", "{}\n", "without the line end at its end"),
            ("{}", "{}\r\n", "without the line end at its end"),
            ("{}\n", "{}", "with a line end at its end"),
            ("{}", "\u{feff}{}", "without the byte order mark at its beginning"),
            ("{\r\n}", "{\n}", "with CRLF for LF"),
            ("{\n}", "{\r\n}", "with LF for CRLF"),
            ("{\"a\":1}", "{\n \"a\": 1\n}", "as compact JSON"),
            ("{\n  \"a\": 1\n}", "{\"a\":1}", "as JSON indented by two spaces"),
            ("{\n  \"a\": 1\n}\n", "{\"a\":1}", "as JSON indented by two spaces, and a line end"),
            ("{\"a\": 1}", "{\"a\":1}", "as JSON with a space after each comma and colon"),
            ("{\"a\":\"é\"}", "{\"a\": \"\\u00e9\"}", "as compact JSON, with `\\u…` written out"),
            (
                "{\"a\":\"\\u00e9\"}",
                "{\"a\":\"é\"}",
                "as compact JSON, with characters beyond ASCII as `\\u…`",
            ),
            ("{\"a\":\"x/y\"}", "{\"a\":\"x\\/y\"}", "as compact JSON, with `/` for `\\/`"),
        ] {
            assert_eq!(found(original, became), how, "{original:?} became {became:?}");
        }
    }

    #[test]
    fn the_body_itself_is_no_candidate_and_bytes_that_are_no_text_are_no_trouble() {
        for body in [b"{}".as_slice(), b"", b"\xff\xfe\n", b"[1,", b"\"\xed\xa0\x80\""] {
            assert!(candidates(body).iter().all(|candidate| candidate.bytes != body));
        }
    }
}
