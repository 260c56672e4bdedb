//! Properties of the search for card numbers.

use edge_core::card;
use proptest::collection::vec;
use proptest::prelude::*;

fn with_check_digit(mut digits: Vec<u8>) -> Vec<u8> {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| u32::from(if i % 2 == 0 { doubled(*digit) } else { *digit }))
        .sum();
    digits.push(((10 - sum % 10) % 10) as u8);
    digits
}

/// A number as Visa, Mastercard, American Express, Discover and UnionPay issue them.
fn card_number() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![("4[0-9]{14}"), ("5[1-5][0-9]{13}"), ("3[47][0-9]{12}"), ("65[0-9]{13}"), ("62[0-9]{16}"),]
        .prop_map(|text: String| with_check_digit(text.bytes().map(|byte| byte - b'0').collect()))
}

/// One digit as JSON may spell it.
fn spelt(digit: u8, escaped: bool) -> String {
    if escaped { format!("\\u003{digit}") } else { digit.to_string() }
}

fn plain(digits: &[u8]) -> String {
    digits.iter().map(|digit| spelt(*digit, false)).collect()
}

fn separator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        " ", "-", "  ", " - ", "\u{a0}", "\u{2010}", "\u{2015}", "\\u00a0", "\\u2012", "\\t", ".", "/", "_",
        ", ", "|", "\u{200b}", "\u{2212}", "\u{3000}", "%20", "+", "&nbsp;", "..",
    ])
}

prop_compose! {
    /// A card number in groups of four, each after any separator, some of its digits escaped.
    fn written_card_number()(digits in card_number())(
        separators in vec(separator(), digits.len()),
        escaped in vec(prop::bool::weighted(0.1), digits.len()),
        digits in Just(digits),
    ) -> String {
        let mut text = String::new();
        for (i, ((digit, escaped), separator)) in digits.iter().zip(escaped).zip(separators).enumerate() {
            if i > 0 && i.is_multiple_of(4) {
                text.push_str(separator);
            }
            text.push_str(&spelt(*digit, escaped));
        }
        text
    }
}

fn is_found(text: &str) -> bool {
    card::find_in_json(text.as_bytes()).is_some()
}

proptest! {
    #[test]
    fn a_card_number_is_found_in_any_field_and_between_any_separators(
        before in "[a-z]{0,20}",
        number in written_card_number(),
        after in "([x-z.\u{e9}][a-z]{0,8})?",
    ) {
        for text in [
            format!("{{\"{before}\":\"{number}{after}\"}}"),
            format!("{{\"{before}{number}\":1}}"),
            format!("[{{\"a\":[\"{before} {number}\"]}}]"),
        ] {
            prop_assert!(is_found(&text), "{text}");
        }
    }

    #[test]
    fn a_card_number_is_found_between_other_groups_of_digits(
        before in "([0-9]{1,6}[ -]){0,3}",
        number in card_number(),
        after in "([ -][0-9]{1,6}){0,3}",
    ) {
        let text = format!("{before}{}{after}", plain(&number));
        prop_assert!(is_found(&text), "{text}");
    }

    #[test]
    fn a_card_number_is_found_with_its_expiry_glued_to_it(
        number in card_number().prop_filter("as long as a snowflake with it", |number| number.len() > 15),
        month in 1..=12_u8,
        year in 26..=40_u8,
        check in "([0-9]{3})?",
    ) {
        let text = format!("{}{month:02}{year}{check}", plain(&number));
        prop_assert!(is_found(&text), "{text}");
    }

    #[test]
    fn a_uuid_never_looks_like_one(
        prefix in "(txn_|rfnd_|order-|\"|\\\\n|[a-z]{0,4}[ :/._-])?",
        uuid in "[0-9]{8}-[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{12}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        suffix in "([\" :/._-][a-z]{0,4})?",
    ) {
        let text = format!("{prefix}{uuid}{suffix}");
        prop_assert!(!is_found(&text), "{text}");
        prop_assert!(card::find_in_target(&text).is_none(), "{text}");
    }

    #[test]
    fn a_number_with_a_wrong_check_digit_passes(mut digits in card_number(), off in 1_u8..10) {
        if let Some(last) = digits.last_mut() {
            *last = (*last + off) % 10;
        }
        prop_assert!(!is_found(&plain(&digits)));
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in vec(any::<u8>(), 0..200)) {
        let text = [&bytes, b"\" xx \",\"4242424242424242".as_slice()].concat();
        prop_assert!(card::find_in_json(&text).is_some());
        prop_assert!(card::find_in_text(&text).is_some());
    }

    #[test]
    fn what_is_redacted_has_no_card_data_left(bytes in vec(any::<u8>(), 0..40), number in written_card_number()) {
        let text = [&bytes, format!("{{\"a\":\"{number}\"}}").as_bytes(), &bytes].concat();
        let left = card::redacted(&text).into_owned();
        prop_assert_eq!(card::find_in_json(&left), None, "{}", String::from_utf8_lossy(&left));
    }
}
