//! Schema adjustments that the types' own descriptions cannot express.

use edge_core::described::payment_method;
use edge_core::provider::Provider;
use serde_json::{Value, json};

/// Removes `null` from every schema: the generator marks optional fields as nullable, but answers contain no nulls and
/// requests must not. Optional fields are those that are not `required`.
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

/// Makes the payment method required for Stripe, and adds each provider's id pattern
/// ([`edge_core::request::PaymentMethodId`]) and what goes with a wallet.
pub(super) fn judge_payment_methods_by_provider(document: &mut Value) {
    let Some(charge) = document.pointer_mut("/components/schemas/ChargeRequest") else { return };
    let Some(charge) = charge.as_object_mut() else { return };
    let form = |provider: Provider| {
        json!({
            "properties": { "paymentMethodId": { "pattern": format!("^{}$", payment_method(provider)) } },
            // The enclosing schema closes the object; linters would demand that this part be closed, too.
            "unevaluatedProperties": true,
        })
    };
    let mut stripe = form(Provider::Stripe);
    if let Some(then) = stripe.as_object_mut() {
        then.insert("required".to_owned(), json!(["paymentMethodId"]));
        if let Some(properties) = then.get_mut("properties").and_then(Value::as_object_mut) {
            // PayPal's alone.
            properties.extend(["wallet", "verification"].map(|name| (name.to_owned(), json!(false))));
        }
    }
    charge.insert("if".to_owned(), json!({ "properties": { "provider": { "const": "stripe" } } }));
    charge.insert("then".to_owned(), stripe);
    let mut paypal = form(Provider::Paypal);
    if let Some(other) = paypal.as_object_mut() {
        let rules = json!({
            "wallet": {
                "properties": { "paymentMethodId": { "pattern": "^[A-Z0-9]{17}$" } },
                "unevaluatedProperties": true,
            },
            "verification": {
                "required": ["wallet"],
                "properties": { "wallet": { "const": "google_pay" }, "paymentMethodId": false },
                "unevaluatedProperties": true,
            },
        });
        other.insert("dependentSchemas".to_owned(), rules);
    }
    charge.insert("else".to_owned(), paypal);
}
