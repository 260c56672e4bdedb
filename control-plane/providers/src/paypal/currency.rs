//! PayPal's units of each currency (developer.paypal.com/api/rest/reference/currency-codes).

use edge_core::money::{Amount, Currency, Money};
use payments::model::provider::Unacceptable;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::decimals::rescale;

const SUPPORTED: [&str; 24] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR",
    "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
];

/// The largest amount of an order before the decimal point, by the issue `MAX_VALUE_EXCEEDED`: "less than or equal to
/// 999999999999999.99". It exceeds this API's own limit in every currency; PayPal decides what an account may take.
const WHOLE_MAX: u64 = 999_999_999_999_999;
const _: () = assert!(Amount::MAX <= WHOLE_MAX);

/// "If you pass a decimal amount, an error occurs."
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

/// An amount as PayPal writes it: a decimal number in a string.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Sum {
    currency_code: String,
    value: String,
}

/// # Errors
/// Returns an error if PayPal does not take the currency, or cannot express the amount.
pub(super) fn sum(money: Money) -> Result<Value, Unacceptable> {
    let currency = money.currency;
    let decimals = decimals(currency)?;
    let units = rescale(money.amount.minor(), currency.exponent(), decimals).ok_or_else(|| {
        let step = 10_u64.pow(currency.exponent().saturating_sub(decimals));
        let message = format!("for PayPal, an amount in {currency} must be a multiple of {step}");
        Unacceptable { param: "amount", message }
    })?;
    Ok(json!({ "currency_code": currency.code(), "value": written(units, decimals) }))
}

fn decimals(currency: Currency) -> Result<u32, Unacceptable> {
    match currency.code() {
        code if WITHOUT_DECIMALS.contains(&code) => Ok(0),
        code if SUPPORTED.contains(&code) => Ok(2),
        code => Err(Unacceptable {
            param: "currency",
            message: format!("{code} is not a currency PayPal takes; it takes {}", SUPPORTED.join(", ")),
        }),
    }
}

fn written(units: u64, decimals: u32) -> String {
    let Some(scale) = 10_u64.checked_pow(decimals).filter(|_| decimals > 0) else { return units.to_string() };
    format!("{}.{:0width$}", units / scale, units % scale, width = decimals as usize)
}

impl Sum {
    pub(super) fn is_in(&self, currency: Currency) -> bool {
        self.currency_code == currency.code()
    }

    /// `None` if it cannot be one of our amounts.
    pub(super) fn money(&self) -> Option<Money> {
        let currency = Currency::from_code(&self.currency_code)?;
        let amount = Amount::new(minor_units(&self.value, currency)?)?;
        Some(Money { amount, currency })
    }

    /// Whether this is exactly `money`, regardless of trailing zeros.
    pub(super) fn is(&self, money: Money) -> bool {
        self.is_in(money.currency) && minor_units(&self.value, money.currency) == Some(money.amount.minor())
    }
}

/// `value` in the currency's ISO 4217 minor unit; `None` if it is not such a number.
fn minor_units(value: &str, currency: Currency) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || value.len() > 32 {
        return None;
    }
    let decimals = u32::try_from(fraction.len()).ok()?;
    rescale(format!("{whole}{fraction}").parse().ok()?, decimals, currency.exponent())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: u64, code: &str) -> Money {
        Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code(code).unwrap() }
    }

    fn value(minor: u64, code: &str) -> String {
        sum(money(minor, code)).unwrap()["value"].as_str().unwrap().to_owned()
    }

    #[test]
    fn amounts_are_written_with_the_decimals_paypal_wants() {
        assert_eq!(value(4_999, "USD"), "49.99");
        assert_eq!(value(5, "EUR"), "0.05");
        assert_eq!(value(100, "EUR"), "1.00");
        assert_eq!(value(500, "JPY"), "500");
        assert_eq!(value(49_900, "HUF"), "499");
        assert_eq!(value(100, "TWD"), "1");
        assert_eq!(value(Amount::MAX, "USD"), "9999999999.99");
        assert_eq!(value(Amount::MAX, "JPY"), "999999999999");
    }

    #[test]
    fn what_paypal_cannot_express_is_refused_and_says_what_would_be_right() {
        let refused = sum(money(49_950, "HUF")).unwrap_err();
        assert_eq!(
            (refused.param, refused.message.as_str()),
            ("amount", "for PayPal, an amount in HUF must be a multiple of 100")
        );
        let refused = sum(money(1_000, "KWD")).unwrap_err();
        assert_eq!(refused.param, "currency");
        assert!(
            refused.message.starts_with("KWD is not a currency PayPal takes; it takes AUD, "),
            "{refused:?}"
        );
    }

    #[test]
    fn other_spellings_of_a_number_are_the_same_number() {
        let sum = |value: &str| Sum { currency_code: "USD".to_owned(), value: value.to_owned() };
        for value in ["49.9", "49.90", "49.900", "049.90"] {
            assert!(sum(value).is(money(4_990, "USD")), "{value}");
        }
        for value in ["49.91", "-49.90", "49,90", "4990", "49.90 ", "4.99e1", "", ".", "+49.90", "49.9.0"] {
            assert!(!sum(value).is(money(4_990, "USD")), "{value}");
        }
        assert!(!sum("49.90").is(money(4_990, "EUR")));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_the_same_money(minor in 1_u64..=Amount::MAX, code in prop::sample::select(&SUPPORTED[..])) {
            let money = money(minor, code);
            if let Ok(written) = sum(money) {
                let read: Sum = serde_json::from_value(written).unwrap();
                prop_assert!(read.is(money));
                prop_assert_eq!(read.money(), Some(money));
            }
        }

        #[test]
        fn no_text_is_too_strange_to_be_compared(value in ".{0,40}") {
            let read = Sum { currency_code: "USD".to_owned(), value };
            let _ = read.is(money(4_999, "USD"));
        }
    }
}
