//! Identifiers: a type prefix and a UUIDv7 (RFC 9562), which sorts by time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not an identifier of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `{prefix}` followed by a UUID")]
pub struct InvalidId {
    prefix: &'static str,
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            #[must_use]
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The creation time, to the millisecond.
            #[must_use]
            pub fn made_at(self) -> Option<Timestamp> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { prefix: Self::PREFIX };
                let uuid = text.strip_prefix(Self::PREFIX).ok_or(invalid)?;
                // Accept only the canonical form, so that an id has one spelling everywhere.
                let id = Uuid::try_parse(uuid).map(Self).map_err(|_| invalid)?;
                if id.to_string() == text { Ok(id) } else { Err(invalid) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

prefixed_id!(
    /// A payment, as clients know it (`transactionId`).
    PaymentId,
    "txn_",
    "^txn_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
);
prefixed_id!(
    /// A refund, as clients know it (`refundId`).
    RefundId,
    "rfnd_",
    "^rfnd_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
);
prefixed_id!(
    /// One attempt at one operation at a provider. The provider's idempotency key derives from it, so it is stored
    /// before the call and stays the same across repeats of the call.
    AttemptId,
    "att_",
    "^att_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_written() {
        let id = PaymentId::new(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_value::<PaymentId>(serde_json::to_value(id).unwrap()).unwrap(), id);
    }

    #[test]
    fn ids_sort_by_time() {
        let early = PaymentId::new(Timestamp::from_second(1).unwrap(), [255; 10]);
        let late = PaymentId::new(Timestamp::from_second(2).unwrap(), [0; 10]);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn other_spellings_and_kinds_are_refused() {
        let id = PaymentId::new(Timestamp::UNIX_EPOCH, [171; 10]).to_string();
        let other = [id.to_uppercase(), id.replace("txn_", "rfnd_"), id.replace('-', ""), String::new()];
        for text in other {
            assert!(text.parse::<PaymentId>().is_err(), "{text}");
        }
    }
}
