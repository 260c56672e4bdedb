//! The bytes of a record in the tree: a JSON object in its canonical form (RFC 8785). They are fixed for ever: another
//! form needs another `v`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::hash::Hash;

/// The form of the bytes.
const VERSION: u8 = 1;

/// A transition of a payment or a refund, column by column as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition<'a> {
    pub payment: &'a str,
    pub refund: Option<&'a str>,
    /// The version of the refund if there is one, else of the payment.
    pub version: i64,
    pub from: Option<&'a str>,
    pub to: &'a str,
    /// Microseconds since 1970.
    pub at: i64,
    /// The owner of the payment.
    pub client: &'a str,
    /// What caused it: a request's id, or `webhook …`, `operator …`, `follow up`.
    pub by: &'a str,
    /// JSON, as the text that is stored.
    pub detail: &'a str,
}

/// What an operator did, column by column as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    /// Microseconds since 1970.
    pub at: i64,
    /// The operator's name.
    pub by: &'a str,
    /// From where.
    pub origin: &'a str,
    /// The command, like `payments resolve`.
    pub action: &'a str,
    /// What it was done to; empty if to nothing in particular.
    pub object: &'a str,
    pub outcome: &'a str,
    /// JSON, as the text that is stored.
    pub detail: &'a str,
}

impl Transition<'_> {
    #[must_use]
    pub fn bytes(&self) -> String {
        let mut fields = BTreeMap::from([
            ("at", self.at.into()),
            ("by", self.by.into()),
            ("client", self.client.into()),
            ("detail", self.detail.into()),
            ("kind", "transition".into()),
            ("payment", self.payment.into()),
            ("to", self.to.into()),
            ("v", VERSION.into()),
            ("version", self.version.into()),
        ]);
        fields.extend(self.refund.map(|refund| ("refund", refund.into())));
        fields.extend(self.from.map(|from| ("from", from.into())));
        canonical(&fields)
    }

    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of_leaf(self.bytes().as_bytes())
    }
}

impl Action<'_> {
    #[must_use]
    pub fn bytes(&self) -> String {
        canonical(&BTreeMap::from([
            ("action", self.action.into()),
            ("at", self.at.into()),
            ("by", self.by.into()),
            ("detail", self.detail.into()),
            ("kind", "action".into()),
            ("object", self.object.into()),
            ("origin", self.origin.into()),
            ("outcome", self.outcome.into()),
            ("v", VERSION.into()),
        ]))
    }

    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of_leaf(self.bytes().as_bytes())
    }
}

/// The fields in the order of their names, as RFC 8785 requires; it escapes strings as `serde_json` does. It reads
/// numbers as IEEE 754 does, which is exact below 2^53: microseconds are until the year 2255.
fn canonical(fields: &BTreeMap<&'static str, Value>) -> String {
    // Text and integers can be written in any case.
    serde_json::to_string(fields).unwrap_or_default()
}
