//! Amounts in the ledger: integers in the currency's ISO 4217 minor unit.

use std::fmt;

use iso_currency::Currency;
use serde::{Serialize, Serializer, ser::SerializeStruct};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Money {
    /// ISO 4217 minor units.
    pub(crate) minor: i64,
    pub(crate) currency: Currency,
}

/// Serializes as `"amount": 4999, "currency": "USD"`, to be flattened into its parent.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Money", 2)?;
        fields.serialize_field("amount", &self.minor)?;
        fields.serialize_field("currency", self.currency.code())?;
        fields.end()
    }
}

/// As a payer reads it: `49.99 EUR`, `4999 JPY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        let (decimals, code) = (iso_exponent(self.currency), self.currency.code());
        let (whole, fraction) = (minor / 10_u64.pow(decimals), minor % 10_u64.pow(decimals));
        match usize::try_from(decimals).unwrap_or_default() {
            0 => write!(f, "{sign}{whole} {code}"),
            width => write!(f, "{sign}{whole}.{fraction:0width$} {code}"),
        }
    }
}

/// Decimals of the currency in ISO 4217; 2 for the few units of account without defined decimals.
pub(crate) fn iso_exponent(currency: Currency) -> u32 {
    currency.exponent().map_or(2, u32::from)
}

/// Converts an amount counted with `from` decimals into one counted with `to` decimals.
/// `None` if that would lose a fraction or overflow.
pub(crate) fn rescale(amount: i64, from: u32, to: u32) -> Option<i64> {
    if to >= from {
        return amount.checked_mul(10_i64.checked_pow(to - from)?);
    }
    let divisor = 10_i64.checked_pow(from - to)?;
    (amount % divisor == 0).then_some(amount / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_down_never_drops_a_fraction() {
        assert_eq!(rescale(50_000, 2, 0), Some(500));
        assert_eq!(rescale(50_050, 2, 0), None);
        assert_eq!(rescale(499, 0, 2), Some(49_900));
        assert_eq!(rescale(i64::MAX, 0, 2), None);
    }

    #[test]
    fn an_amount_is_shown_with_the_decimals_of_its_currency() {
        for (minor, currency, shown) in [
            (4999, Currency::EUR, "49.99 EUR"),
            (5, Currency::EUR, "0.05 EUR"),
            (-4905, Currency::EUR, "-49.05 EUR"),
            (4999, Currency::JPY, "4999 JPY"),
            (4999, Currency::KWD, "4.999 KWD"),
        ] {
            assert_eq!(Money { minor, currency }.to_string(), shown);
        }
    }
}
