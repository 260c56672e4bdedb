//! Bounds everything that a provider sends before it enters a record, a log or an answer.

use payments::model::payer_action::ClientSecret;
use payments::model::provider::ProviderRef;

const ID_MAX: usize = 255;
const CODE_MAX: usize = 100;
const MESSAGE_CHARS_MAX: usize = 500;
const URL_MAX: usize = 2_048;

/// An object's id, which goes into URLs and rows. `None` for text that is not formed like a provider's id.
pub(super) fn reference(id: &str) -> Option<ProviderRef> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    ((1..=ID_MAX).contains(&id.len()) && id.bytes().all(allowed)).then(|| ProviderRef::new(id))
}

/// An error or decline code.
pub(super) fn code(code: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    ((1..=CODE_MAX).contains(&code.len()) && code.bytes().all(allowed)).then(|| code.to_owned())
}

/// The last four digits of a card's number.
pub(super) fn last4(digits: &str) -> Option<String> {
    (digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.to_owned())
}

/// A secret that belongs to the object `of` and lets a payer's browser act on it.
pub(super) fn client_secret(secret: &str, of: &ProviderRef) -> Option<ClientSecret> {
    let belongs = secret.strip_prefix(of.as_str()).is_some_and(|rest| rest.starts_with("_secret_"));
    (belongs && reference(secret).is_some()).then(|| ClientSecret::new(secret))
}

/// An event's id, as it goes into rows and the audit trail.
pub(super) fn event_id(id: &str) -> Option<String> {
    reference(id).map(|id| id.as_str().to_owned())
}

/// A message for the reader: one line of bounded length, without the secrets that a provider may quote.
pub(super) fn message(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_CHARS_MAX).collect();
    let holds_secret = |word: &str| SECRET_MARKS.iter().any(|mark| word.contains(mark));
    line.split_inclusive(' ').map(|word| if holds_secret(word) { "[secret] " } else { word }).collect()
}

/// Stripe's API keys, webhook secrets and client secrets (docs.stripe.com/keys).
const SECRET_MARKS: [&str; 6] = ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "_secret_"];

/// A page to send a payer's browser to. `None` for anything but http and https: never `javascript:`.
pub(super) fn page(url: &str) -> Option<String> {
    let parsed = reqwest::Url::parse(url).ok()?;
    (url.len() <= URL_MAX && matches!(parsed.scheme(), "http" | "https") && parsed.has_host())
        .then(|| parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_change_a_path_are_not_ids() {
        assert!(reference("pi_3PabcDEF").is_some());
        for id in ["", "..", "pi/../refunds", "pi?x=1", "pi%2f", "pi\n", &"x".repeat(256)] {
            assert!(reference(id).is_none(), "{id}");
        }
    }

    #[test]
    fn payers_are_sent_to_web_pages_only() {
        assert_eq!(page("https://bank.example/3ds?x=1").as_deref(), Some("https://bank.example/3ds?x=1"));
        for url in
            ["javascript:alert(1)", "data:text/html,x", "/relative", "https://", "ftp://x/", "", "mailto:a@b"]
        {
            assert!(page(url).is_none(), "{url}");
        }
    }

    #[test]
    fn messages_quote_no_secret() {
        assert_eq!(message("Invalid API Key: sk_test_abc, sorry"), "Invalid API Key: [secret] sorry");
        assert_eq!(message("No such intent: 'pi_1_secret_2'").trim_end(), "No such intent: [secret]");
    }

    #[test]
    fn messages_are_one_bounded_line() {
        assert_eq!(message("a\r\nb\u{1b}c"), "a  b c");
        assert_eq!(message(&"ä".repeat(1_000)).chars().count(), 500);
    }
}
