//! Free text of operators about their decisions, which the audit trail keeps forever.

use edge_core::card;

/// The limit in characters.
const MAX: usize = 500;

/// Accepts one line of at most 500 characters without a card number, and trims it.
///
/// # Errors
/// Describes a valid text.
pub(super) fn free_text(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.chars().count() > MAX || text.chars().any(char::is_control) {
        return Err(format!("must be one line of at most {MAX} characters"));
    }
    if card::find_in_text(text.as_bytes()).is_some() {
        return Err("must not contain a card number: the audit trail is permanent".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_text_is_one_line_without_a_card_number() {
        assert_eq!(
            free_text(" seen in the dashboard, order 20260114-17 ").unwrap(),
            "seen in the dashboard, order 20260114-17"
        );
        for (wrong, expected) in [
            (" ", "empty"),
            ("two\nlines", "one line"),
            (&"x".repeat(501), "500 characters"),
            ("paid with 4242 4242 4242 4242", "card number"),
            ("paid with 4242-4242-4242-4242 by phone", "card number"),
        ] {
            let error = free_text(wrong).unwrap_err();
            assert!(error.contains(expected) && !error.contains("4242"), "{error}");
        }
    }
}
