//! JSON that was made a string, also in other escapes or percent-encoded, whole or in parts: its fields are judged by
//! their names like those around it.

use super::json::{Part, Parts, unescaped};
use super::names::{self, Name};
use super::spelling::decoded;

/// How often JSON is looked for within a string of JSON, and within one whose escapes are resolved, in all.
const LEVELS_MAX: usize = 3;

/// Whether the string is such JSON, with a field for a card's number, check value, PIN or track in it.
pub(super) fn names_card_data(string: &[u8]) -> bool {
    is_in_string(string, LEVELS_MAX)
}

fn is_in_string(string: &[u8], levels: usize) -> bool {
    // Without an escape or a character reference there is no quote in a string of JSON.
    if levels == 0 || !string.iter().any(|byte| matches!(byte, b'\\' | b'%' | b'&')) {
        return false;
    }
    let mut plain = unescaped(string);
    for left in (1..=levels).rev() {
        if plain.contains('{') && is_in_json(plain.as_bytes(), left) {
            return true;
        }
        let Some(next) = decoded(&plain) else { return false };
        plain = next.into();
    }
    false
}

fn is_in_json(text: &[u8], levels: usize) -> bool {
    let mut parts = Parts::new(text).peekable();
    while let Some(part) = parts.next() {
        let is_found = match part {
            Part::Name(name) => {
                let value = match parts.peek() {
                    Some(Part::Text(value) | Part::Loose(value)) => text.get(value.clone()),
                    _ => None,
                };
                let judged = names::judge(&unescaped(text.get(name).unwrap_or_default()));
                // Wallets' payloads have a search of their own.
                judged != Name::WalletPayload && judged.refuses(value.map(<[u8]>::trim_ascii))
            }
            Part::Text(value) => is_in_string(text.get(value).unwrap_or_default(), levels - 1),
            Part::Loose(_) | Part::Mark(_) => false,
        };
        if is_found {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    /// A string of JSON without its quotes.
    fn in_string(text: &str) -> String {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    }

    #[test]
    fn a_field_for_card_data_is_found_in_json_that_was_made_a_string() {
        for json in
            [r#"{"cvv":"123"}"#, r#"[{"a":{"card_number" : null}}]"#, r#"{"shop":"7","p\u0069n":1234}"#]
        {
            let once = in_string(json);
            let wrapped = in_string(&format!(r#"{{"a":"{once}"}}"#));
            let percent =
                percent_encoding::utf8_percent_encode(json, percent_encoding::NON_ALPHANUMERIC).to_string();
            for string in [once, wrapped, percent] {
                assert!(names_card_data(string.as_bytes()), "{string}");
            }
        }
        assert!(names_card_data(br"{\u0022cvc\u0022:1}"));
        for string in [
            "&#123;&#34;cvc&#34;:1}",
            "{&quot;cvv&quot;:&quot;123&quot;}",
            "&lcub;&amp;quot;cvv&amp;quot;&colon;1&rcub;",
            r#"{"&#99;vv":"123"}"#,
            "{%22cvv%22:%22123%22}",
            "%7B%22a%22:{%22cvv%22:1}}",
            "%257B%2522cvv%2522%253A1%257D",
            "https://x.example/?d={%22cvv%22:%22123%22}",
            r#"{"payload":"{%22cvv%22:1}"}"#,
            r#"{\"cvv\":\"123\"}"#,
            r"{\u0022cvv\u0022:1}",
            r"{\x22cvv\x22:1}",
        ] {
            assert!(names_card_data(in_string(string).as_bytes()), "{string}");
        }
    }

    #[test]
    fn other_strings_have_none() {
        for text in [
            r#"{"shop":"7","cvc_check":"pass","last4":"4242"}"#,
            r#"{"pin_code":"560001"}"#,
            r#"{"note":"the cvv is on the back"}"#,
            r#"a "pin" of gold"#,
            "100% cotton {soft}",
            "{",
            "\\",
        ] {
            assert!(!names_card_data(in_string(text).as_bytes()), "{text}");
        }
    }

    #[test]
    fn strings_that_hold_each_other_are_read_to_a_bound() {
        let mut text = r#"{"cvv":1}"#.to_owned();
        for _ in 0..6 {
            text = format!(r#"{{"a":"{}"}}"#, in_string(&text));
        }
        assert!(!names_card_data(in_string(&text).as_bytes()));
    }
}
