//! A wallet's payload within a text, where JSON that was made a string, once or several times, hides the names of its
//! fields from the search of the JSON around it.

use super::Kind;
use super::budget::Budget;
use super::encoded::{self, Inside, texts_in};
use super::fold;
use super::names::{Name, judge_word};
use super::spelling::{decoded, holds_number};

/// How often a text is decoded: a payload is JSON in JSON, and what a shop wraps it in adds one or two.
const ROUNDS: usize = 4;

/// A quick check that decides most short texts: names of payloads are long words, and what is encoded has many letters.
pub(super) fn may_hold_one(text: &[u8]) -> bool {
    /// Escapes split words: `\u0065phemeral…`.
    const SHORTEST: usize = 10;
    let (mut word, mut letters) = (0, 0);
    text.iter().any(|byte| {
        let is_letter = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        // Others than ASCII's may be invisible, or other forms of letters.
        word = if is_letter || !byte.is_ascii() || matches!(byte, b'.' | 0) { word + 1 } else { 0 };
        letters += usize::from(is_letter || matches!(byte, b'+' | b'/'));
        word >= SHORTEST || letters >= encoded::LEAST || matches!(byte, b'\\' | b'%' | b'&')
    })
}

/// What the text holds: part of a decrypted payload, else part of an encrypted one, else what the budget is too short
/// for.
pub(super) fn find(text: &str, budget: &mut Budget) -> Option<Kind> {
    find_with(text, true, budget)
}

/// The same by the names alone, where numbers in what is encoded are not for the gateway.
pub(super) fn find_by_name(text: &str, budget: &mut Budget) -> Option<Kind> {
    find_with(text, false, budget)
}

fn find_with(text: &str, with_numbers: bool, budget: &mut Budget) -> Option<Kind> {
    let found = search(text, with_numbers, ROUNDS, budget);
    let is_unread = budget.was_short();
    found.or_else(|| is_unread.then_some(Kind::Unread))
}

fn search(text: &str, with_numbers: bool, rounds: usize, budget: &mut Budget) -> Option<Kind> {
    let readable = fold::readable(text);
    let text = readable.as_ref();
    let mut found = in_words(text);
    if found.is_some_and(Kind::is_card) || rounds == 0 {
        return found;
    }
    let unescaped = decoded(text).filter(|next| budget.take(next.len())).map(Inside::of);
    for inside in unescaped.into_iter().chain(texts_in(text, budget)) {
        let kind = if with_numbers && inside.may_hold_number && holds_number(&inside.text) {
            Some(Kind::Number)
        } else {
            search(&inside.text, with_numbers, rounds - 1, budget)
        };
        found = found.into_iter().chain(kind).min_by_key(|kind| !kind.is_card());
        if found.is_some_and(Kind::is_card) {
            break;
        }
    }
    found
}

fn in_words(text: &str) -> Option<Kind> {
    let pieces = text.split_inclusive(|character| !is_of_word(character));
    let words = pieces.flat_map(|piece| {
        let words = piece.trim_end_matches(|character| !is_of_word(character));
        words.split('.').chain(dotted_name(piece, words))
    });
    let kinds = words.filter_map(|word| match judge_word(word) {
        Name::Card => Some(Kind::Named),
        Name::WalletPayload => Some(Kind::WalletPayload),
        Name::Fine | Name::PinCode | Name::Pan => None,
    });
    kinds.min_by_key(|kind| !kind.is_card())
}

const fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')
}

/// Words with dots between them, if they end as a name does, in `"signed.message":` or `signed.message=`. In a sentence,
/// the dot before `Message` is a full stop that lacks its blank.
fn dotted_name<'a>(piece: &str, words: &'a str) -> Option<&'a str> {
    let is_name = piece.len() == words.len() || piece.ends_with(['"', '\'', '\\', ':', '=', '&', ']']);
    Some(words).filter(|words| is_name && words.contains('.'))
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;
    use crate::test;

    fn find(text: &str) -> Option<Kind> {
        super::find(text, &mut Budget::default())
    }

    /// Breaks base64 into lines as programs do (RFC 2045).
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
            "ephemeral\u{200b}Public\u{ad}Key".to_owned(),
            r#"{"ephemeral.public.key":1}"#.to_owned(),
            "ephemeral.public.key".to_owned(),
            "public.key.hash=a&protocolVersion=ECv2".to_owned(),
            "{wrapped\u{212a}ey:'a'}".to_owned(),
            apple.chars().map(|letter| format!("{letter}\0")).collect(),
            "\u{ff57}rapped\u{ff2b}ey".to_owned(),
            quoted.replace("\\\"", "u0022"),
            format!("tok{}", engine.encode(apple)),
            format!("x{}", hex::encode(apple)),
            in_lines(&engine.encode(apple)).replace("\r\n", ","),
            in_lines(&engine.encode(apple)).replace("\r\n", "=\n"),
            in_lines(&engine.encode(apple)).replace("\r\n", "\n> "),
            apple
                .as_bytes()
                .chunks(16)
                .map(|part| base64::engine::general_purpose::STANDARD.encode(part))
                .collect(),
            apple.bytes().map(|byte| format!("{byte}|")).collect(),
            apple.bytes().map(|byte| format!("{byte}.")).collect(),
            apple.bytes().map(|byte| format!("0X{byte:02X} ")).collect(),
            format!("{}A", engine.encode(format!("{apple}{}", " ".repeat(2 - (apple.len() + 2) % 3)))),
            format!("applepay_{}", engine.encode(apple)),
            format!("token-{}", engine.encode(apple)),
            format!("eyeglass-{}", engine.encode(apple)),
            format!("a/b_eyJ-{}", engine.encode(format!("[{apple}]"))),
            format!("wallet/{}", engine.encode(&quoted)),
            engine.encode("signedMessage=a&protocolVersion=ECv2"),
            engine.encode(format!("\u{feff}{apple}")),
            engine.encode(apple.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
            engine.encode(apple).chars().map(|letter| format!("{letter} ")).collect(),
            hex::encode(apple),
            hex::encode(engine.encode(apple)),
            format!("{:?}", apple.as_bytes()),
            engine.encode(miniz_oxide::deflate::compress_to_vec_zlib(apple.as_bytes(), 6)),
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
    fn what_is_compressed_too_far_is_not_taken_for_a_text_without_a_payload() {
        let long = format!("{}{{signedMessage:'a'}}", " ".repeat(1024 * 1024));
        let bytes = miniz_oxide::deflate::compress_to_vec_zlib(long.as_bytes(), 6);
        let mut budget = Budget::default();
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        assert_eq!(super::find(&text, &mut budget), Some(Kind::Unread));
        assert_eq!(super::find("nothing to decode in it", &mut budget), None);
    }

    #[test]
    fn ordinary_texts_hold_none() {
        for text in [
            "",
            "a public key, hashed, and a signed message",
            "All of it is signed.Message me before you come, to shop.example.com",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
            "txn_01890000-0000-7000-8000-000000000000",
            "100% cotton & a \\ in it",
            "session_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
            "order-eyJ-lamp_W3s/Ilt-and-more-of-it",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "Two shirts for Mr. and Mrs. Smith - leave them with the neighbours, please",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
