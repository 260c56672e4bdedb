//! Values that GraphQL's own scalars cannot carry.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use jiff::Timestamp;

/// An amount in the currency's minor unit, a whole number: cents for USD. Up to 999999999999, more than an Int holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MinorUnits(pub(super) u64);

#[Scalar]
impl ScalarType for MinorUnits {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        number.map(Self).ok_or_else(|| InputValueError::custom("must be a whole number of minor units"))
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

/// An instant of RFC 3339, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DateTime(pub(super) Timestamp);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let instant = match &value {
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        instant.map(Self).ok_or_else(|| InputValueError::custom("must be an RFC 3339 instant"))
    }

    fn to_value(&self) -> Value {
        Value::from(self.0.to_string())
    }
}
