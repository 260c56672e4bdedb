//! Request bodies.

use serde_json::{Map, Value};

/// A JSON object of the fields that are set; PayPal takes no `null` for the others.
pub(super) fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}
