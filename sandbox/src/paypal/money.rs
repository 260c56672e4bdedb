//! PayPal's amounts: decimal strings, in the currencies PayPal supports
//! (developer.paypal.com/api/rest/reference/currency-codes).

use iso_currency::Currency;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    body::Text,
    errors::{PaypalError, Result},
};
use crate::money::{Money, iso_exponent, rescale};

const SUPPORTED: [&str; 24] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR",
    "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
];

/// The forint and the Taiwan dollar have decimals in ISO 4217, but not at PayPal.
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

/// `999999999999999.99` is PayPal's maximum.
const WHOLE_DIGITS_MAX: usize = 15;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoneyRequest {
    currency_code: Text<3>,
    value: Text<32>,
}

impl MoneyRequest {
    pub(crate) fn new(currency_code: Text<3>, value: Text<32>) -> Self {
        Self { currency_code, value }
    }

    /// The amount, if it is positive and has exactly the currency's decimals; `field` is its position in the body.
    pub(crate) fn read(&self, field: &str) -> Result<Money> {
        let money = self.read_signed(field)?;
        if money.minor < 1 {
            return PaypalError::unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE")
                .at(format!("{field}/value"))
                .refuse();
        }
        Ok(money)
    }

    /// As [`Self::read`], for a part of an amount, which may be zero.
    pub(crate) fn read_part(&self, field: &str) -> Result<Money> {
        let money = self.read_signed(field)?;
        if money.minor < 0 {
            return PaypalError::unprocessable("CANNOT_BE_NEGATIVE").at(format!("{field}/value")).refuse();
        }
        Ok(money)
    }

    fn read_signed(&self, field: &str) -> Result<Money> {
        let code = self.currency_code.to_string();
        let known = SUPPORTED.contains(&code.as_str()).then(|| Currency::from_code(&code)).flatten();
        let Some(currency) = known else {
            return PaypalError::unprocessable("INVALID_CURRENCY_CODE")
                .at(format!("{field}/currency_code"))
                .refuse();
        };
        match parse(&self.value.to_string(), decimals(currency)) {
            Ok(amount) => match rescale(amount, decimals(currency), iso_exponent(currency)) {
                Some(minor) => Ok(Money { minor, currency }),
                None => {
                    PaypalError::unprocessable("MAX_VALUE_EXCEEDED").at(format!("{field}/value")).refuse()
                }
            },
            Err(Malformed::Syntax) => {
                let description = "The value of a field does not conform to the expected format.";
                PaypalError::invalid("INVALID_PARAMETER_SYNTAX", format!("{field}/value"), description)
                    .refuse()
            }
            Err(Malformed::Issue(issue)) => {
                PaypalError::unprocessable(issue).at(format!("{field}/value")).refuse()
            }
        }
    }
}

fn decimals(currency: Currency) -> u32 {
    if WITHOUT_DECIMALS.contains(&currency.code()) { 0 } else { 2 }
}

#[derive(Debug, PartialEq, Eq)]
enum Malformed {
    Syntax,
    Issue(&'static str),
}

/// Parses `-?digits` or `-?digits?.digits` into units of the last allowed decimal.
fn parse(value: &str, decimals: u32) -> std::result::Result<i64, Malformed> {
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return Err(Malformed::Syntax),
        Some((whole, fraction)) => (whole, Some(fraction)),
        None if unsigned.is_empty() => return Err(Malformed::Syntax),
        None => (unsigned, None),
    };
    if !whole.bytes().chain(fraction.unwrap_or_default().bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Syntax);
    }
    let fraction = match (fraction, decimals) {
        (Some(_), 0) => return Err(Malformed::Issue("DECIMALS_NOT_SUPPORTED")),
        (Some(fraction), 2) if fraction.len() > 2 => return Err(Malformed::Issue("DECIMAL_PRECISION")),
        (fraction, _) => fraction.unwrap_or_default(),
    };
    let whole = whole.trim_start_matches('0');
    if whole.len() > WHOLE_DIGITS_MAX {
        return Err(Malformed::Issue("MAX_VALUE_EXCEEDED"));
    }
    let width = usize::try_from(decimals).unwrap_or_default();
    let digits = format!("0{whole}{fraction:0<width$}");
    let amount: i64 = digits.parse().map_err(|_| Malformed::Syntax)?;
    Ok(if value.starts_with('-') { -amount } else { amount })
}

/// `{"currency_code":"USD","value":"49.99"}`
pub(crate) fn view(money: Money) -> Value {
    json!({ "currency_code": money.currency.code(), "value": format(money) })
}

/// `49.99`
pub(crate) fn format(money: Money) -> String {
    let decimals = decimals(money.currency);
    // Every amount was parsed with these decimals, so this divides without a remainder.
    let amount = rescale(money.minor, iso_exponent(money.currency), decimals).unwrap_or(money.minor);
    if decimals == 0 { amount.to_string() } else { format!("{}.{:02}", amount / 100, amount % 100) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(code: &str, value: &str) -> std::result::Result<Money, Value> {
        let request = format!(r#"{{"currency_code":"{code}","value":"{value}"}}"#);
        let request: MoneyRequest = serde_json::from_str(&request).unwrap();
        request.read("/amount").map_err(|error| json!(*error)["details"][0]["issue"].clone())
    }

    #[test]
    fn amounts_reach_the_ledger_in_iso_minor_units() {
        assert_eq!(money("USD", "49.99").unwrap().minor, 4999);
        assert_eq!(money("USD", "49.9").unwrap().minor, 4990);
        assert_eq!(money("USD", ".5").unwrap().minor, 50);
        assert_eq!(money("JPY", "499").unwrap().minor, 499);
        assert_eq!(money("HUF", "499").unwrap().minor, 49_900);
        assert_eq!(money("TWD", "0499").unwrap().minor, 49_900);
    }

    #[test]
    fn invalid_amounts_are_rejected_with_paypals_issue() {
        for (code, value, issue) in [
            ("JPY", "499.00", "DECIMALS_NOT_SUPPORTED"),
            ("HUF", "499.0", "DECIMALS_NOT_SUPPORTED"),
            ("USD", "49.999", "DECIMAL_PRECISION"),
            ("USD", "0.00", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("USD", "-1.00", "CANNOT_BE_ZERO_OR_NEGATIVE"),
            ("USD", "1000000000000000.00", "MAX_VALUE_EXCEEDED"),
            ("KWD", "1.00", "INVALID_CURRENCY_CODE"),
            ("usd", "1.00", "INVALID_CURRENCY_CODE"),
            ("USD", "1e2", "INVALID_PARAMETER_SYNTAX"),
            ("USD", "1.", "INVALID_PARAMETER_SYNTAX"),
            ("USD", "-", "INVALID_PARAMETER_SYNTAX"),
            ("USD", "1,00", "INVALID_PARAMETER_SYNTAX"),
        ] {
            assert_eq!(money(code, value), Err(json!(issue)), "{code} {value}");
        }
    }

    proptest! {
        #[test]
        fn a_formatted_amount_parses_back_unchanged(minor in 1_i64..99_999_999, index in 0..SUPPORTED.len()) {
            let currency = Currency::from_code(SUPPORTED[index]).unwrap();
            let step = if SUPPORTED[index] == "JPY" || decimals(currency) == 2 { 1 } else { 100 };
            let shown = format(Money { minor: minor * step, currency });
            prop_assert_eq!(money(SUPPORTED[index], &shown).unwrap().minor, minor * step);
        }

        #[test]
        fn any_value_is_parsed_or_rejected_without_a_panic(value in "[-.0-9a-z]{1,32}") {
            let _ = money("USD", &value);
        }
    }
}
