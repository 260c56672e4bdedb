//! Stripe's units and limits of each currency (docs.stripe.com/currencies).

use edge_core::money::{Amount, Currency, Money};
use payments::model::provider::Unacceptable;

use crate::decimals::rescale;

/// "Up to eight digits" is the rule of the API reference (docs.stripe.com/api/payment_intents/create), and of
/// docs.stripe.com/currencies for payment methods other than cards.
const EIGHT_DIGITS: u64 = 99_999_999;

/// Currencies with a higher limit by docs.stripe.com/currencies ("Maximum charge amounts"), in Stripe's units. Twelve
/// digits are its rule for every method in IDR and for card payments in the others, whose eight digits are worth too
/// little to pay with. Only Stripe knows the kind of a payment method: it refuses an amount that is too large for it
/// with `amount_too_large`.
const LARGER: [(u64, &[&str]); 3] = [
    (
        999_999_999_999,
        &["CDF", "COP", "HUF", "IDR", "KHR", "LAK", "LBP", "MMK", "MNT", "NGN", "TZS", "UZS", "VND"],
    ),
    (9_999_999_999, &["JPY"]),
    (999_999_999, &["INR"]),
];

fn units_max(currency: Currency) -> u64 {
    let larger = LARGER.iter().find(|(_, codes)| codes.contains(&currency.code()));
    larger.map_or(EIGHT_DIGITS, |(max, _)| *max)
}

const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

/// `money` in Stripe's units, exactly.
///
/// # Errors
/// Returns an error if Stripe does not take the currency, cannot express the amount, or does not take so large an
/// amount.
pub(super) fn in_stripe_units(money: Money) -> Result<u64, Unacceptable> {
    let Money { amount, currency } = money;
    let counting = counting(currency)?;
    rescale(amount.minor(), currency.exponent(), counting.decimals)
        .filter(|units| units % counting.step == 0)
        .ok_or_else(|| indivisible(currency, counting))
        .and_then(
            |units| if units <= units_max(currency) { Ok(units) } else { Err(too_large(currency, counting)) },
        )
}

/// Converts Stripe's `units`; `None` if they cannot be one of our amounts.
pub(super) fn from_stripe_units(units: u64, code: &str) -> Option<Money> {
    let currency = Currency::from_code(&code.to_ascii_uppercase())?;
    let counting = counting(currency).ok()?;
    let amount = Amount::new(rescale(units, counting.decimals, currency.exponent())?)?;
    Some(Money { amount, currency })
}

#[derive(Clone, Copy)]
struct Counting {
    decimals: u32,
    /// Stripe's unit may be finer than the amounts it accepts, which are multiples of this.
    step: u64,
}

fn counting(currency: Currency) -> Result<Counting, Unacceptable> {
    let plain = |decimals| Ok(Counting { decimals, step: 1 });
    match (currency.code(), currency.exponent()) {
        // Listed as zero-decimal and, in the table of special cases, as two-decimal: a guess could be wrong
        // by a factor of 100.
        ("UGX", _) => Err(unsupported("UGX cannot be charged: how Stripe counts it is not certain")),
        // No decimals, but sent with two: 5 ISK is 500.
        ("ISK", _) => plain(2),
        (code, _) if ZERO_DECIMAL.contains(&code) => plain(0),
        (_, 2) => plain(2),
        // "5.124 KWD must be rounded to 5120 or 5130."
        (_, 3) => Ok(Counting { decimals: 3, step: 10 }),
        (code, _) => Err(unsupported(format!("{code} is not a currency Stripe takes"))),
    }
}

fn unsupported(message: impl Into<String>) -> Unacceptable {
    Unacceptable { param: "currency", message: message.into() }
}

fn indivisible(currency: Currency, counting: Counting) -> Unacceptable {
    let step = counting.step * 10_u64.pow(currency.exponent().saturating_sub(counting.decimals));
    let message = format!("for Stripe, an amount in {currency} must be a multiple of {step}");
    Unacceptable { param: "amount", message }
}

fn too_large(currency: Currency, counting: Counting) -> Unacceptable {
    let units = units_max(currency) / 10_u64.pow(counting.decimals.saturating_sub(currency.exponent()));
    let max = units * 10_u64.pow(currency.exponent().saturating_sub(counting.decimals));
    Unacceptable { param: "amount", message: format!("for Stripe, an amount in {currency} is at most {max}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn units(minor: u64, code: &str) -> Result<u64, Unacceptable> {
        let currency = Currency::from_code(code).unwrap();
        in_stripe_units(Money { amount: Amount::new(minor).unwrap(), currency })
    }

    fn refused(minor: u64, code: &str) -> (&'static str, String) {
        let Unacceptable { param, message } = units(minor, code).unwrap_err();
        (param, message)
    }

    #[test]
    fn most_currencies_are_counted_alike() {
        assert_eq!(units(4_999, "USD"), Ok(4_999));
        assert_eq!(units(500, "JPY"), Ok(500));
        assert_eq!(units(49_900, "HUF"), Ok(49_900));
        assert_eq!(units(5_120, "KWD"), Ok(5_120));
    }

    #[test]
    fn iceland_has_no_decimals_but_stripe_wants_two() {
        assert_eq!(units(5, "ISK"), Ok(500));
        assert_eq!(units(999_999, "ISK"), Ok(99_999_900));
        assert_eq!(
            refused(1_000_000, "ISK"),
            ("amount", "for Stripe, an amount in ISK is at most 999999".to_owned())
        );
    }

    #[test]
    fn each_currency_has_the_limit_that_stripe_documents() {
        for (code, max) in [
            ("IDR", 999_999_999_999),
            ("HUF", 999_999_999_999),
            ("VND", 999_999_999_999),
            ("JPY", 9_999_999_999),
            ("INR", 999_999_999),
            ("USD", 99_999_999),
            ("KRW", 99_999_999),
            ("ISK", 999_999),
            ("MGA", 9_999_999_900),
        ] {
            assert!(units(max, code).is_ok(), "{code}");
            if max < Amount::MAX {
                let message = format!("for Stripe, an amount in {code} is at most {max}");
                assert_eq!(refused(max + 100, code), ("amount", message));
            }
        }
    }

    #[test]
    fn what_stripe_cannot_express_is_refused_and_says_what_would_be_right() {
        assert_eq!(
            refused(5_124, "KWD"),
            ("amount", "for Stripe, an amount in KWD must be a multiple of 10".to_owned())
        );
        assert_eq!(units(500, "MGA"), Ok(5));
        assert_eq!(
            refused(501, "MGA"),
            ("amount", "for Stripe, an amount in MGA must be a multiple of 100".to_owned())
        );
        assert_eq!(refused(100, "UGX").0, "currency");
        assert_eq!(refused(100, "CLF").0, "currency");
    }

    fn currencies() -> impl Strategy<Value = Currency> {
        "[A-Z]{3}".prop_filter_map("a currency", |code| Currency::from_code(&code))
    }

    proptest! {
        #[test]
        fn an_accepted_amount_is_worth_exactly_as_much(minor in 1_u64..=Amount::MAX, currency in currencies()) {
            let money = Money { amount: Amount::new(minor).unwrap(), currency };
            if let Ok(units) = in_stripe_units(money) {
                let decimals = counting(currency).unwrap().decimals;
                prop_assert_eq!(
                    u128::from(units) * 10_u128.pow(currency.exponent()),
                    u128::from(minor) * 10_u128.pow(decimals)
                );
                prop_assert!((1..=units_max(currency)).contains(&units));
                let code = currency.code().to_ascii_lowercase();
                prop_assert_eq!(from_stripe_units(units, &code), Some(money));
            }
        }
    }
}
