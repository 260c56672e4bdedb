//! A wallet's payload within a text, where JSON that was made a string, once or several times, hides the names of its
//! fields from the search of the JSON around it.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Kind;
use super::names::{Name, judge_word};
use super::spelling::{decoded, holds_number};

/// How often a text is decoded: a payload is JSON in JSON, and what a shop wraps it in adds one or two.
const ROUNDS: usize = 4;
/// Base64 of the shortest JSON object with the shortest name that counts.
const BASE64_MIN: usize = 20;
/// Base64 of how JSON begins: `{"`, `{ `, `{` and a line's end, `[{`, `"{` and `"[`.
const JSON_BEGINS: [&[u8]; 6] = [b"eyJ", b"eyA", b"ewo", b"W3s", b"Int", b"Ilt"];

/// A quick check that decides nearly all texts: names of payloads are long words, and so is their base64.
pub(super) fn may_hold_one(text: &[u8]) -> bool {
    /// Escapes split words: `\u0065phemeral…`.
    const SHORTEST: usize = 10;
    let mut word = 0;
    text.iter().any(|byte| {
        word = if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') { word + 1 } else { 0 };
        word >= SHORTEST || matches!(byte, b'\\' | b'%' | b'&')
    })
}

/// What the text holds: part of a decrypted payload, else part of an encrypted one.
pub(super) fn find(text: &str) -> Option<Kind> {
    search(text, ROUNDS)
}

fn search(text: &str, rounds: usize) -> Option<Kind> {
    let found = in_words(text);
    if found.is_some_and(Kind::is_card) || rounds == 0 {
        return found;
    }
    let unescaped = decoded(text).and_then(|next| search(&next, rounds - 1));
    if unescaped.is_some_and(Kind::is_card) {
        return unescaped;
    }
    // Base64 in lines or groups.
    let joined = text.contains(char::is_whitespace).then(|| text.split_whitespace().collect::<String>());
    let texts = std::iter::once(text).chain(joined.as_deref());
    let encoded = texts.flat_map(in_base64).filter_map(|inside| {
        if holds_number(&inside) { Some(Kind::Number) } else { search(&inside, rounds - 1) }
    });
    found.or(unescaped).into_iter().chain(encoded).min_by_key(|kind| !kind.is_card())
}

fn in_words(text: &str) -> Option<Kind> {
    let words = text.split(|character: char| {
        !(character.is_ascii_alphanumeric() || character == '_' || character == '-')
    });
    let kinds = words.filter_map(|word| match judge_word(word) {
        Name::Card => Some(Kind::Named),
        Name::WalletPayload => Some(Kind::WalletPayload),
        Name::Fine | Name::PinCode | Name::Pan => None,
    });
    kinds.min_by_key(|kind| !kind.is_card())
}

/// The JSON objects, arrays and strings, and the base64 of these, that the words of the text are the base64 of, in either
/// alphabet (RFC 4648).
fn in_base64(text: &str) -> impl Iterator<Item = String> {
    let engine = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    text.split(|character: char| !is_base64(character)).flat_map(move |word| in_word(&engine, word))
}

/// What the word is the base64 of, or else its parts behind other words: `token-eyJ…`. Parts do not overlap, so a word is
/// decoded twice at most.
fn in_word(engine: &GeneralPurpose, word: &str) -> Vec<String> {
    let whole = json_in(engine, word);
    let begins_as_text =
        |inside: &String| inside.bytes().take(BASE64_MIN / 4 * 3).all(|byte| byte.is_ascii());
    if whole.as_ref().is_some_and(begins_as_text) {
        return whole.into_iter().collect();
    }
    let behind = parts(word).into_iter().filter_map(|part| json_in(engine, part));
    whole.into_iter().chain(behind).collect()
}

/// The parts of a word that begin as the base64 of JSON does, each up to the next.
fn parts(word: &str) -> Vec<&str> {
    if word.len() < BASE64_MIN {
        return Vec::new();
    }
    let begins =
        |four: &[u8]| matches!(four, [b'-' | b'_' | b'/', begin @ ..] if JSON_BEGINS.contains(&begin));
    let windows = word.as_bytes().windows(4).enumerate();
    let starts: Vec<usize> = windows.filter(|(_, four)| begins(four)).map(|(i, _)| i + 1).collect();
    let ends = starts.iter().copied().skip(1).chain([word.len()]);
    starts.iter().copied().zip(ends).filter_map(|(start, end)| word.get(start..end)).collect()
}

fn json_in(engine: &GeneralPurpose, word: &str) -> Option<String> {
    let start = word.get(..BASE64_MIN)?;
    let begin = engine.decode(standard(start)).ok()?;
    (begins_json(&begin) || begin.iter().all(|byte| is_base64(char::from(*byte)))).then_some(())?;
    // A single character behind the last four is no byte's.
    let whole = word.get(..word.len() - usize::from(word.len() % 4 == 1))?;
    let bytes = engine.decode(standard(whole)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_')
}

fn standard(word: &str) -> String {
    word.replace('-', "+").replace('_', "/")
}

fn begins_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    /// As programs break base64 (RFC 2045).
    fn in_lines(text: &str) -> String {
        text.as_bytes().chunks(24).map(|line| format!("{}\r\n", String::from_utf8_lossy(line))).collect()
    }

    #[test]
    fn a_payload_is_found_in_every_dress() {
        let apple =
            r#"{"version":"EC_v1","data":"k1","header":{"ephemeralPublicKey":"MF","publicKeyHash":"x"}}"#;
        let quoted = serde_json::Value::from(apple).to_string();
        let engine = &base64::engine::general_purpose::URL_SAFE_NO_PAD;
        for text in [
            apple.to_owned(),
            quoted.clone(),
            serde_json::Value::from(quoted.as_str()).to_string(),
            percent_encoding::utf8_percent_encode(apple, percent_encoding::NON_ALPHANUMERIC).to_string(),
            engine.encode(apple),
            engine.encode(format!(" \n{quoted}")),
            format!("token: {}.", base64::engine::general_purpose::STANDARD.encode(apple)),
            r#"{"ephemeral\u0050ublicKey":1}"#.to_owned(),
            engine.encode(engine.encode(apple)),
            in_lines(&engine.encode(apple)),
            "signedMessage=a&protocolVersion=ECv2".to_owned(),
            "{wrappedKey:'a'}".to_owned(),
            "header_ephemeralPublicKey=a".to_owned(),
            format!("{}A", engine.encode(format!("{apple}{}", " ".repeat(2 - (apple.len() + 2) % 3)))),
            format!("applepay_{}", engine.encode(apple)),
            format!("token-{}", engine.encode(apple)),
            format!("eyeglass-{}", engine.encode(apple)),
            format!("a/b_eyJ-{}", engine.encode(format!("[{apple}]"))),
            format!("wallet/{}", engine.encode(&quoted)),
        ] {
            assert!(may_hold_one(text.as_bytes()), "{text}");
            assert_eq!(find(&text), Some(Kind::WalletPayload), "{text}");
        }
    }

    #[test]
    fn what_is_decrypted_outranks_what_is_encrypted() {
        let both = r#"{"publicKeyHash":"x","a":"{\"onlinePaymentCryptogram\":\"x\"}"}"#;
        assert_eq!(find(both), Some(Kind::Named));
        assert_eq!(find(&base64::engine::general_purpose::STANDARD.encode(both)), Some(Kind::Named));
    }

    #[test]
    fn a_card_number_in_encoded_json_is_found_without_a_telling_name() {
        for json in [r#"{"pan":"4111111111111111"}"#, r#""{\"pan\":\"4111111111111111\"}""#] {
            let text = base64::engine::general_purpose::STANDARD.encode(json);
            assert_eq!(find(&text), Some(Kind::Number), "{json}");
        }
    }

    #[test]
    fn a_long_word_is_decoded_in_parts_that_do_not_overlap() {
        let word = "-eyJ".repeat(16 * 1024);
        let total: usize = parts(&word).iter().map(|part| part.len()).sum();
        assert!(total < word.len(), "{total}");
        assert_eq!(find(&word), None);
    }

    #[test]
    fn ordinary_texts_hold_none() {
        for text in [
            "",
            "a public key, hashed, and a signed message",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "txn_01890000-0000-7000-8000-000000000000",
            "100% cotton & a \\ in it",
            "session_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
            "order-eyJ-lamp_W3s/Ilt-and-more-of-it",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
