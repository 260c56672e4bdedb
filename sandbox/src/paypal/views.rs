//! Common parts of PayPal's responses.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// RFC 3339 in whole seconds, as PayPal writes times.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 with milliseconds, as PayPal writes the times of disputes.
pub(crate) fn fine_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(crate) fn link(href: &str, rel: &str, method: &str) -> Value {
    json!({ "href": href, "rel": rel, "method": method })
}

/// PayPal leaves out absent values instead of showing `null`.
pub(crate) fn without_nulls(mut view: Value) -> Value {
    if let Value::Object(fields) = &mut view {
        let kept: Map<_, _> =
            std::mem::take(fields).into_iter().filter(|(_, value)| !value.is_null()).collect();
        *fields = kept;
    }
    view
}

/// As [`without_nulls`], at every depth.
pub(crate) fn without_inner_nulls(view: Value) -> Value {
    match view {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_inner_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_inner_nulls).collect(),
        other => other,
    }
}

/// The part shown under `Prefer: return=minimal`.
pub(crate) fn minimal(view: &Value) -> Value {
    without_nulls(json!({ "id": view.get("id"), "status": view.get("status"), "links": view.get("links") }))
}
