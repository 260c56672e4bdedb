//! Amounts in the ledger: integers in the currency's ISO 4217 minor unit.

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
}
