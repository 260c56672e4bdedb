//! Rows of digits whose structure shows that they are something else, although they could be card numbers.
//!
//! Each rule states its cost: the share of card numbers of the named kind that have the same structure by chance. None
//! of the published test numbers does.

use super::ranges::luhn;

/// Whether a row of digits is a date with what follows it, or a company's or a person's number that passes the Luhn
/// check by its own rules or by chance.
pub(super) fn is_something_else(digits: &[u8]) -> bool {
    match digits.len() {
        14 => starts_with_date(digits) || is_siret(digits) || is_cnpj(digits) || is_egyptian(digits),
        16 => starts_with_date(digits) || starts_with_short_date(digits),
        _ => false,
    }
}

fn at(digits: &[u8], from: usize, len: usize) -> Option<u32> {
    let part = digits.get(from..from + len)?;
    Some(part.iter().fold(0, |value, digit| value * 10 + u32::from(*digit)))
}

fn is_within(value: Option<u32>, range: std::ops::RangeInclusive<u32>) -> bool {
    value.is_some_and(|value| range.contains(&value))
}

/// Day, month and year of this or the last century, in this order: orders of 27 November (2711…) begin like
/// Mastercards. Lets through: one in 400 of Mastercard's 2-series of such a beginning.
fn starts_with_date(digits: &[u8]) -> bool {
    is_within(at(digits, 0, 2), 1..=31)
        && is_within(at(digits, 2, 2), 1..=12)
        && is_within(at(digits, 4, 2), 19..=20)
}

/// Year, month and day in two digits each, then a time of day or the zeros of a counter: orders of 2023 to 2027 begin
/// like Mastercards of the 2-series. Lets through: 0.3 % of that series.
fn starts_with_short_date(digits: &[u8]) -> bool {
    let is_date = is_within(at(digits, 0, 2), 23..=27)
        && is_within(at(digits, 2, 2), 1..=12)
        && is_within(at(digits, 4, 2), 1..=31);
    let is_time = is_within(at(digits, 6, 2), 0..=23)
        && is_within(at(digits, 8, 2), 0..=59)
        && is_within(at(digits, 10, 2), 0..=59);
    is_date && (is_time || at(digits, 6, 3) == Some(0))
}

/// A French company's place (SIRET): the company's 9 digits pass the Luhn check, and all 14 do. Its places are counted
/// from 00001. Lets through: one in 1,000 of Diners' numbers of 14 digits.
fn is_siret(digits: &[u8]) -> bool {
    digits.get(..9).is_some_and(luhn) && at(digits, 9, 2) == Some(0)
}

/// A Brazilian company (CNPJ): its branches are counted from 0001, and its last two digits are checks modulo 11. Lets
/// through: one in 100,000 of Diners' numbers of 14 digits.
fn is_cnpj(digits: &[u8]) -> bool {
    let check = |digits: &[u8]| {
        let weighted =
            digits.iter().rev().zip((2..=9).cycle()).map(|(digit, weight)| u32::from(*digit) * weight);
        match weighted.sum::<u32>() % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    };
    at(digits, 8, 3) == Some(0)
        && digits.get(..12).map(check) == at(digits, 12, 1)
        && digits.get(..13).map(check) == at(digits, 13, 1)
}

/// An Egyptian's number: 3, then the date of birth after 2000. Those born up to 2005 begin like Diners' old numbers of
/// 300 to 305. Lets through: 4 % of these, which are very rare.
fn is_egyptian(digits: &[u8]) -> bool {
    at(digits, 0, 1) == Some(3)
        && is_within(at(digits, 1, 2), 0..=5)
        && is_within(at(digits, 3, 2), 1..=12)
        && is_within(at(digits, 5, 2), 1..=31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn values(digits: &str) -> Vec<u8> {
        digits.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn numbers_of_companies_people_and_dates_are_not_card_numbers() {
        for text in [
            "36252187400036",
            "36123456000196",
            "30103151234567",
            "30052026123456",
            "2611271234560001",
            "2711202600000042",
            "2611270000012345",
        ] {
            assert!(is_something_else(&values(text)), "{text}");
        }
        for text in
            ["36227206271667", "30569309025904", "2223003122003222", "2720989999999955", "4242424242424242"]
        {
            assert!(!is_something_else(&values(text)), "{text}");
        }
    }
}
