//! The issuer of a card number, by its first digits and its length.
//!
//! A number has 13 to 19 digits, and its last digit makes it pass the Luhn check (ISO/IEC 7812-1, annex B). One random
//! row of digits in ten passes it, so the check alone would reject thousands of legitimate values: timestamps, database
//! ids, order numbers. The issuer's range distinguishes them.
//!
//! Sources: ISO/IEC 7812; the networks' published ranges as collected in Wikipedia, "Payment card number" (table of
//! issuer identification numbers), and in `credit-card-type` (github.com/braintree/credit-card-type,
//! `src/lib/card-types.ts`); Mastercard's 2-series (222100 to 272099, issued since 2017).
//!
//! Every range has two sets of lengths:
//!
//! - **common**: what the network issues in relevant numbers. Such a row of digits is rejected wherever it is.
//! - **rare**: what the standard allows and is hardly ever issued. Detected only in the groups that are printed on a
//!   card (4-4-4-4-3, 6-13), or where it is published for tests ([`super::published`]). Why each is rare:
//!   - *Visa, 13 digits*: not issued since the 1990s. They begin with 4 like the EAN-13 of Germany (400 to 440) and
//!     Japan (45, 49), like Shopify's ids of 13 digits and German telephone numbers without a plus (49 …).
//!   - *Visa, 18 and 19 digits* (V PAY), *Discover, JCB, Mir, Maestro, 17 to 19*: snowflakes (X, Discord, Instagram,
//!     Mastodon, Sonyflake) are rows of 17 to 19 digits of any beginning; one in 28 would be refused.
//!   - *UnionPay, 14, 15, 17 and 18 digits*: few banks, few cards. Those of 16 and 19 digits are common: nearly all
//!     Chinese debit cards have 19, and no generator of ids is at 62… × 10¹⁷ (X is at 21…, Discord at 15…, what
//!     counts milliseconds since 1970 at 75…, TikTok at 77…).
//!   - *Diners, 14 digits from 38 and 39*: since 2009 such numbers have 16 digits (Discover's list of its ranges).
//!   - *UATP* (15 digits from 1): airlines' own accounts, and the form of Facebook's ids.
//!
//! Nothing begins with 1 or 0 here, so epoch times of every unit (13 digits for milliseconds, 16 for micro-, 19 for
//! nanoseconds, all beginning with 1 until the year 2033) and numbers after a date (2026…) never match.
//!
//! What is left: a random row of 16 digits is refused in one of 28 cases, one of 15 digits in one of 500, one of 14 in
//! one of 600, since it looks like a card number. So are IMEISVs from 3528 to 3589 (16 digits, no check digit)
//! and GTIN-14 from 36 in one case of ten each.
//!
//! UnionPay: its cards pass the Luhn check too, but for some that banks issued before they joined. Without the check
//! one random row in a hundred of 16 digits would be rejected, so numbers without it are detected only where a field's
//! name ([`super::names`]) or the list of test numbers has them.

/// Digits of the shortest card number.
pub(super) const SHORTEST: usize = 13;
/// Digits of the longest card number.
pub(super) const LONGEST: usize = 19;

/// The result of checking first digits and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Length {
    Rare,
    Common,
}

/// Whether these digits can be a card number: an issuer has numbers with these first digits and this length, and the
/// check digit is valid.
pub(super) fn number(digits: &[u8]) -> Option<Length> {
    let bit = 1_u32.checked_shl(u32::try_from(digits.len()).ok()?)?;
    let prefix = digits.get(..6)?.iter().fold(0, |prefix, digit| prefix * 10 + u32::from(*digit));
    let issuer = RANGES.iter().filter(|range| (range.first..=range.last).contains(&prefix));
    let length = issuer.filter_map(|range| match bit {
        _ if range.common & bit != 0 => Some(Length::Common),
        _ if range.rare & bit != 0 => Some(Length::Rare),
        _ => None,
    });
    length.max().filter(|_| luhn(digits))
}

/// Whether the digits pass the Luhn check.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| match u32::from(*digit) {
            digit if i % 2 == 0 => digit,
            digit if digit > 4 => digit * 2 - 9,
            digit => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

struct Range {
    /// The first six digits, from and to.
    first: u32,
    last: u32,
    /// One bit for each length.
    common: u32,
    rare: u32,
}

const fn range(first: u32, last: u32, common: u32, rare: u32) -> Range {
    Range { first, last, common, rare }
}

const L13: u32 = 1 << 13;
const L14: u32 = 1 << 14;
const L15: u32 = 1 << 15;
const L16: u32 = 1 << 16;
const L17: u32 = 1 << 17;
const L18: u32 = 1 << 18;
const L19: u32 = 1 << 19;

#[rustfmt::skip]
const RANGES: &[Range] = &[
    // UATP
    range(100_000, 199_999, 0, L15),
    // Mir, Borica
    range(220_000, 220_599, L16, L17 | L18 | L19),
    // Mastercard
    range(222_100, 272_099, L16, 0),
    range(510_000, 559_999, L16, 0),
    // Diners Club: Carte Blanche; International; those that Discover gave it
    range(300_000, 305_999, L14 | L16, L19),
    range(309_500, 309_599, L14 | L16, L19),
    range(360_000, 369_999, L14 | L16, L19),
    range(380_000, 399_999, L16, L14 | L19),
    // JCB, LankaPay (3571 11), RuPay (353, 356); JCB within Discover's network
    range(308_800, 309_499, L16, L19),
    range(352_800, 358_999, L16, L17 | L18 | L19),
    // American Express
    range(340_000, 349_999, L15, 0),
    range(370_000, 379_999, L15, 0),
    // Visa, with Dankort, Elo, Bancontact and V PAY under its numbers
    range(400_000, 499_999, L16, L13 | L18 | L19),
    // Maestro (5018, 5020, 5038, 56 to 58), Dankort (5019), Verve (5060, 5061, 5078, 5079), Elo (5041, 5066, 5067,
    // 509), Aura (5078), RuPay (508), Meeza (5078)
    range(500_000, 509_999, L16, L18 | L19),
    range(560_000, 589_999, L16, L18 | L19),
    // RuPay (60), Hipercard (606282), Cabal (6042), Discover (6011), UkrCard (6040)
    range(600_000, 609_999, L16, L19),
    // UnionPay
    range(620_000, 629_999, L16 | L19, L14 | L15 | L17 | L18),
    // Maestro, Elo (636297, 636368), InterPayment (636), InstaPayment and Hiper (637 to 639)
    range(630_000, 639_999, L16, L18 | L19),
    // Discover (644 to 649, 65), with Elo, RuPay (652, 653), Troy and BC Card under its numbers
    range(644_000, 659_999, L16, L18 | L19),
    // Maestro (6759, 6761 to 6763), Bancontact (6703), Solo (6767)
    range(670_000, 679_999, L16, L18 | L19),
    // UnionPay and RuPay
    range(810_000, 829_999, L16, L13 | L17 | L18 | L19),
    // UzCard; Troy; Humo. Not Korea's of 94: they pass no Luhn check, and the shipments of USPS begin so
    range(860_000, 860_099, L16, 0),
    range(979_200, 979_299, L16, 0),
    range(986_000, 986_099, L16, 0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn of(text: &str) -> Option<Length> {
        number(&text.bytes().map(|byte| byte - b'0').collect::<Vec<_>>())
    }

    fn with_last(number: &str, last: u8) -> String {
        format!("{}{last}", &number[..number.len() - 1])
    }

    #[test]
    fn numbers_of_every_network_are_detected() {
        for number in [
            "4242424242424242",
            "5555555555554444",
            "2223003122003222",
            "2720989999999955",
            "378282246310005",
            "341111111111111",
            "6011111111111117",
            "6445644564456445",
            "30569309025904",
            "36227206271667",
            "3056930009020004",
            "3566002020360505",
            "6200000000000005",
            "6205500000000000004",
            "8171999927660000",
            "6759649826438453",
            "6304000000000000",
            "5018000000000009",
            "2200000000000004",
            "6062828888666688",
            "5066991111111118",
            "9792030000000000",
            "5061460410120223",
            "6703444444444449",
            "6521111111111117",
            "8600000000000007",
        ] {
            // Not all of them are real: of their last digits one fits.
            let common = (0..10).filter(|last| of(&with_last(number, *last)) == Some(Length::Common));
            assert_eq!(common.count(), 1, "{number}");
        }
    }

    #[test]
    fn a_rare_length_is_rare() {
        for number in
            ["4222222222222", "4013250000000000006", "62123456789002", "38520000023237", "135410014004955"]
        {
            assert_eq!(of(number), Some(Length::Rare), "{number}");
        }
    }

    #[test]
    fn nobody_issues_the_numbers_of_clocks_and_calendars() {
        for number in [
            "1795822832009",
            "1795822832000009",
            "1795822832000000007",
            "2026112700000000",
            "0000000000000000",
        ] {
            for last in 0..10 {
                assert_ne!(of(&with_last(number, last)), Some(Length::Common), "{number}");
            }
        }
    }

    #[test]
    fn a_wrong_last_digit_is_no_number() {
        assert_eq!(of("4242424242424241"), None);
        assert_eq!(of("42424242424242"), None);
        assert_eq!(of("42"), None);
    }
}
