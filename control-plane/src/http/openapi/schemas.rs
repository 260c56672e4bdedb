//! What the types' own descriptions cannot say.

use serde_json::{Value, json};

/// Takes `null` out of every schema: for a type that may be absent the generator writes that it may be null, and no
/// answer has a null and no request may have one. What can be absent is what is not `required`.
pub(super) fn without_null(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = fields.get_mut("oneOf") {
                choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    fields.remove("oneOf");
                    fields.extend(only);
                }
            }
            fields.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

/// Stripe needs a payment method, and each provider's ids have a form of their own
/// ([`edge_core::request::PaymentMethodId`]).
pub(super) fn judge_payment_methods_by_provider(document: &mut Value) {
    let Some(charge) = document.pointer_mut("/components/schemas/ChargeRequest") else { return };
    let Some(charge) = charge.as_object_mut() else { return };
    let form = |pattern: &str| {
        json!({
            "properties": { "paymentMethodId": { "pattern": pattern } },
            // Which fields there may be is said beside it; linters would close this part, too.
            "unevaluatedProperties": true,
        })
    };
    let mut stripe = form("^pm_[A-Za-z0-9_]{1,100}$");
    stripe.as_object_mut().into_iter().for_each(|then| {
        then.insert("required".to_owned(), json!(["paymentMethodId"]));
    });
    charge.insert("if".to_owned(), json!({ "properties": { "provider": { "const": "stripe" } } }));
    charge.insert("then".to_owned(), stripe);
    charge.insert("else".to_owned(), form("^(?:card:)?[A-Za-z0-9_-]{1,64}$"));
}
