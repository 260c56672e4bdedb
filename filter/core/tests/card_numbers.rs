//! Properties of the search for card numbers.

use edge_core::card;
use proptest::collection::vec;
use proptest::prelude::*;

/// Digits with the check digit that makes them pass the Luhn check.
fn card_number() -> impl Strategy<Value = Vec<u8>> {
    vec(0_u8..10, 12..=18).prop_map(|mut digits| {
        let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(i, digit)| u32::from(if i % 2 == 0 { doubled(*digit) } else { *digit }))
            .sum();
        digits.push(((10 - sum % 10) % 10) as u8);
        digits
    })
}

/// One digit as JSON may spell it.
fn spelt(digit: u8, escaped: bool) -> String {
    if escaped { format!("\\u003{digit}") } else { digit.to_string() }
}

fn separator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "", "", "", " ", "-", "  ", " - ", "\u{a0}", "\u{2010}", "\u{2015}", "\\u00a0", "\\u2012", "\\t",
    ])
}

prop_compose! {
    /// A card number in random groups, some of its digits escaped.
    fn written_card_number()(digits in card_number())(
        separators in vec(separator(), digits.len()),
        escaped in vec(prop::bool::weighted(0.1), digits.len()),
        digits in Just(digits),
    ) -> String {
        let mut text = String::new();
        for ((digit, escaped), separator) in digits.iter().zip(escaped).zip(separators) {
            text.push_str(&spelt(*digit, escaped));
            text.push_str(separator);
        }
        text
    }
}

proptest! {
    #[test]
    fn a_card_number_is_found_wherever_it_stands_and_however_it_is_grouped(
        before in "[a-z{}:,\"/. \u{e9}]{0,20}",
        number in written_card_number(),
        after in "([x-z{}:,\"/.\u{e9}][a-z0-9]{0,8})?",
    ) {
        let text = format!("{before}{number}{after}");
        prop_assert!(card::in_json(text.as_bytes()), "{text}");
    }

    #[test]
    fn a_card_number_is_found_between_other_groups_of_digits(
        before in "([0-9]{1,6}[ -]){0,3}",
        number in card_number(),
        after in "([ -][0-9]{1,6}){0,3}",
    ) {
        let number: String = number.iter().map(|digit| spelt(*digit, false)).collect();
        // Groups of five digits cannot make a UUID.
        let grouped: Vec<_> = number.as_bytes().chunks(5).map(|group| String::from_utf8_lossy(group)).collect();
        let text = format!("{before}{}{after}", grouped.join(" "));
        prop_assert!(card::in_json(text.as_bytes()), "{text}");
    }

    #[test]
    fn a_uuid_never_looks_like_one(
        prefix in "(txn_|rfnd_|order-|\"|\\\\n|[a-z]{0,4}[ :/._-])?",
        uuid in "[0-9]{8}-[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{12}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
        suffix in "([\" :/._-][a-z]{0,4})?",
    ) {
        let text = format!("{prefix}{uuid}{suffix}");
        prop_assert!(!card::in_json(text.as_bytes()), "{text}");
        prop_assert!(!card::in_url(text.as_bytes()) || text.contains('\\'), "{text}");
    }

    #[test]
    fn a_number_with_a_wrong_check_digit_passes(mut digits in card_number(), off in 1_u8..10) {
        if let Some(last) = digits.last_mut() {
            *last = (*last + off) % 10;
        }
        let text: String = digits.iter().map(|digit| spelt(*digit, false)).collect();
        prop_assert!(!card::in_json(text.as_bytes()), "{text}");
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in vec(any::<u8>(), 0..200)) {
        let text = [&bytes, b"\x00\" 4242424242424242".as_slice()].concat();
        prop_assert!(card::in_json(&text));
        prop_assert!(card::in_url(&text) || bytes.contains(&b'%'));
    }
}
