//! Redaction of a caller's input in errors.

/// A value as an error may show it: short, and without digits that could be a card number.
pub(crate) fn shown(value: &str) -> String {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    if digits >= 12 { "(hidden)".to_owned() } else { value.chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_possible_card_number_is_not_repeated() {
        for number in ["4242424242424242", "4242 4242 4242 4242", "pm_4242-4242-4242-4242"] {
            assert_eq!(shown(number), "(hidden)");
        }
        assert_eq!(shown("pm_card_vissa"), "pm_card_vissa");
    }
}
