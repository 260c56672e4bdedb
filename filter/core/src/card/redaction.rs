//! Redacts card data and secrets in a JSON text that has to be stored, such as a provider's event.

use std::borrow::Cow;
use std::ops::Range;

use super::findings;
use super::json::{Part, Parts, unescaped};

/// Replaces redacted text. In quotes, so that a JSON text stays valid.
const REDACTED: &[u8] = b"\"[redacted]\"";

/// The text without card data and without secrets that let a payer's client act at the provider (`client_secret`, also
/// within a URL). Everything else is unchanged byte for byte; a text without any is not copied.
#[must_use]
pub fn redacted(text: &[u8]) -> Cow<'_, [u8]> {
    let mut taken: Vec<Range<usize>> = findings(text)
        .filter_map(|finding| {
            // For a field rejected by its name, the name can stay.
            if finding.is_telling {
                finding.value.filter(|value| is_worth_taking(text, value))
            } else {
                finding.name.or(finding.value)
            }
        })
        .chain(secrets(text))
        .collect();
    if taken.is_empty() {
        return Cow::Borrowed(text);
    }
    taken.sort_unstable_by_key(|range| range.start);
    taken.dedup();
    let (mut kept, mut from) = (Vec::with_capacity(text.len()), 0);
    for range in taken {
        let quoted = with_quotes(text, range);
        // A list of pieces contains some of the others.
        if from <= quoted.start {
            kept.extend_from_slice(text.get(from..quoted.start).unwrap_or_default());
            kept.extend_from_slice(REDACTED);
        }
        from = from.max(quoted.end);
    }
    kept.extend_from_slice(text.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

/// `null`, `true` and `false` contain nothing to redact.
fn is_worth_taking(text: &[u8], value: &Range<usize>) -> bool {
    let is_string = with_quotes(text, value.clone()) != *value;
    is_string || text.get(value.clone()).is_some_and(|value| value.iter().any(u8::is_ascii_digit))
}

/// The range with the quotes of a string at its beginning and at its end; a list may have one at either.
fn with_quotes(text: &[u8], range: Range<usize>) -> Range<usize> {
    let quote = |at: Option<usize>| usize::from(at.and_then(|at| text.get(at)) == Some(&b'"'));
    range.start - quote(range.start.checked_sub(1))..range.end + quote(Some(range.end))
}

/// Whether the text, such as the URL of a page, holds a secret that lets a payer's client act at the provider. Stripe's
/// are known by their form, an object's id, `_secret_` and more
/// (docs.stripe.com/api/payment_intents/object#payment_intent_object-client_secret), and by the name of a parameter.
#[must_use]
pub fn holds_client_secret(text: &[u8]) -> bool {
    contains(text, b"_secret_") || contains(text, b"client_secret=")
}

/// Client secrets, by the field's name or by their form.
fn secrets(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut is_secret = false;
    Parts::new(text).filter_map(move |part| match part {
        Part::Name(name) => {
            is_secret = text.get(name).is_some_and(|name| unescaped(name) == "client_secret");
            None
        }
        Part::Text(value) => {
            let said = text.get(value.clone()).unwrap_or_default();
            let is_taken = std::mem::take(&mut is_secret) || holds_client_secret(said);
            is_taken.then_some(value)
        }
        Part::Loose(_) | Part::Mark(_) => {
            is_secret = false;
            None
        }
    })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn is(text: &str, wanted: &str) {
        let taken = redacted(text.as_bytes());
        assert_eq!(String::from_utf8_lossy(&taken), wanted);
        serde_json::from_slice::<serde_json::Value>(&taken).unwrap();
        assert_eq!(redacted(&taken), taken, "nothing is left to take out");
    }

    #[test]
    fn card_data_is_taken_out_and_the_rest_stays() {
        is(
            r#"{ "id": "evt_1", "note":"card 4242 4242 4242 4242 ", "n": 4242424242424242, "x":1.50 }"#,
            r#"{ "id": "evt_1", "note":"[redacted]", "n": "[redacted]", "x":1.50 }"#,
        );
        is(r#"{"4242424242424242":[1]}"#, r#"{"[redacted]":[1]}"#);
        is(r#"["4242\u0034242424242424"]"#, r#"["[redacted]"]"#);
        is(r#"{"cvc":"123","pin":1234,"pan":null}"#, r#"{"cvc":"[redacted]","pin":"[redacted]","pan":null}"#);
    }

    #[test]
    fn pieces_in_quotes_and_without_are_taken_out_of_one_list() {
        is(r#"["signedMess","age and more of it",5]"#, r#"["[redacted]"]"#);
        is(r#"[5,"{\"signedMess","age\":1} and more of it"]"#, r#"["[redacted]"]"#);
        is(r#"[["{\"signedMess"],["age\":1} and more of it"],[5]]"#, r#"[["[redacted]"]]"#);
    }

    #[test]
    fn client_secrets_are_taken_out_wherever_they_stand() {
        is(
            r#"{"client_secret":"pi_1_secret_2","a":null,"client_secret":null}"#,
            r#"{"client_secret":"[redacted]","a":null,"client_secret":null}"#,
        );
        is(
            r#"{"url":"https://hooks.stripe.com/x?payment_intent_client_secret=pi_1_secret_2&k=v","b":"c"}"#,
            r#"{"url":"[redacted]","b":"c"}"#,
        );
    }

    #[test]
    fn a_url_with_a_client_secret_is_told_from_one_without() {
        for url in [
            "https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=src_client_secret_2",
            "https://hooks.stripe.com/3d_secure_2/hosted?a=b&payment_intent_client_secret=pi_1_secret_2&c=d",
            "https://bank.example/?back=https%3A%2F%2Fhooks.stripe.com%2F%3Fclient_secret%3Dpi_1_secret_2",
            "https://hooks.stripe.com/?client_secret=2",
        ] {
            assert!(holds_client_secret(url.as_bytes()), "{url}");
        }
        for url in
            ["https://bank.example/3ds?id=1", "https://www.paypal.com/checkoutnow?token=5O190127TN364715T"]
        {
            assert!(!holds_client_secret(url.as_bytes()), "{url}");
        }
    }

    #[test]
    fn a_text_without_card_data_is_not_copied() {
        let text = br#"{"id":"evt_1","last4":"4242","bin":"424242","created":1795822832,"cvc_check":"pass"}"#;
        assert!(matches!(redacted(text), Cow::Borrowed(_)));
    }
}
