//! Money: an integer count of a currency's minor units, never a fraction.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in the currency's minor unit (cents for USD, yen for JPY), 1 to 999,999,999,999.
///
/// The upper bound is the most that Stripe takes in any currency: twelve digits (docs.stripe.com/currencies). PayPal
/// counts up to fifteen digits before the decimal point; the bound stays below that so that no amount has the 13
/// digits of a card number. Each provider's adapter refuses what is above its own limit for the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Amount(u64);

impl Amount {
    pub const MAX: u64 = 999_999_999_999;

    #[must_use]
    pub fn new(minor: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&minor).then_some(Self(minor))
    }

    #[must_use]
    pub const fn minor(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(input)?).ok_or_else(|| {
            de::Error::custom("must be an integer from 1 to 999999999999, in the currency's minor unit")
        })
    }
}

/// An ISO 4217 currency that payments can be made in, written as its upper-case code.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// `None` for what is not an ISO 4217 code in capitals, or has no minor unit (gold, test codes).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).filter(|c| c.exponent().is_some()).map(Self)
    }

    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimal digits the minor unit stands for: 2 for USD, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

/// The codes themselves, so that a generated client cannot send another.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{Object, Type};
        let letters = || 'A'..='Z';
        let words = letters().flat_map(|a| letters().map(move |b| (a, b)));
        let words = words.flat_map(|(a, b)| letters().map(move |c| String::from_iter([a, b, c])));
        let codes = words.filter(|word| Self::from_code(word).is_some());
        let currency = Object::builder()
            .schema_type(Type::String)
            .description(Some("An ISO 4217 currency that has a minor unit"))
            .examples(["USD"])
            .enum_values(Some(codes));
        utoipa::openapi::RefOr::T(currency.into())
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Currency {}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Code;
        impl de::Visitor<'_> for Code {
            type Value = Currency;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 currency code in capitals")
            }
            fn visit_str<E: de::Error>(self, code: &str) -> Result<Currency, E> {
                Currency::from_code(code)
                    .ok_or_else(|| E::custom("must be an ISO 4217 currency code in capitals, e.g. USD"))
            }
        }
        input.deserialize_str(Code)
    }
}

/// An amount together with what it is an amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    pub amount: Amount,
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn amounts_run_from_1_to_twelve_digits() {
        assert_eq!(Amount::new(0), None);
        assert_eq!(Amount::new(1).map(Amount::minor), Some(1));
        assert_eq!(Amount::new(999_999_999_999).map(Amount::minor), Some(999_999_999_999));
        assert_eq!(Amount::new(1_000_000_000_000), None);
        assert_eq!(Amount::new(u64::MAX), None);
    }

    #[test]
    fn amounts_that_are_not_plain_integers_are_refused() {
        for text in ["1.0", "1e2", "-0", "-1", "\"5\"", "18446744073709551616", "null", "0"] {
            assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn currencies_know_their_decimals() {
        for (code, exponent) in [("USD", 2), ("JPY", 0), ("KWD", 3), ("HUF", 2), ("ISK", 0), ("TWD", 2)] {
            assert_eq!(Currency::from_code(code).map(Currency::exponent), Some(exponent), "{code}");
        }
    }

    #[test]
    fn what_is_no_payable_currency_is_refused() {
        for code in ["usd", "US", "USDX", "ZZZ", "", "XAU", "XTS", "XXX"] {
            assert!(Currency::from_code(code).is_none(), "{code}");
        }
    }
}
