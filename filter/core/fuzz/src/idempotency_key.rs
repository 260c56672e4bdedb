//! The `Idempotency-Key` header. The input's lines are those of the header.

use edge_core::error::ErrorCode;
use edge_core::idempotency::{Key, KeyError};

use crate::fixture::texts;

pub fn check(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let read = Key::parse(lines.iter().copied());
    match &read {
        Ok(key) => is_canonical(key),
        Err(error) => {
            assert_ne!(*error, KeyError::Required, "there is a line");
            assert_eq!(error.code(), ErrorCode::IdempotencyKeyInvalid);
        }
    }
    match lines.as_slice() {
        [line] if line.trim_ascii_start().first() == Some(&b'"') => {
            assert_eq!(read.ok().map(|key| key.as_str().to_owned()), by_the_book(line));
        }
        [_] => {}
        _ => assert_eq!(read, Err(KeyError::Repeated)),
    }
}

/// Written in quotes, it is the same key.
fn is_canonical(key: &Key) {
    let text = key.as_str();
    assert!((1..=Key::CHARS_MAX).contains(&text.len()));
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    let quoted = format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
    assert_eq!(Key::parse([quoted.as_bytes()]).as_ref(), Ok(key));
}

/// What the published parser accepts: a string of RFC 8941 without parameters, of 1 to 255 characters.
fn by_the_book(line: &[u8]) -> Option<String> {
    let item: sfv::Item = sfv::Parser::new(line).parse().ok()?;
    let text = item.bare_item.as_string().filter(|_| item.params.is_empty())?.as_str().to_owned();
    (1..=Key::CHARS_MAX).contains(&text.len()).then_some(text)
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        "8e03978e-40d5-43dd-bc93-6894a57f9324",
        "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
        r#" "a \"b\" \\ c, d;e=1" "#,
        "order_7:a.b-C",
        "\"a\";p=1",
        "\"a\", \"b\"",
        "a\na",
        "",
        "\"\"",
        ":YWJj:=",
    ]);
    seeds.push(format!("\"{}\"", r"\\".repeat(255)).into());
    seeds.push(b"\"\xff\"".to_vec());
    seeds
}
