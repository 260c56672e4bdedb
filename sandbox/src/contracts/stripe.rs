//! Stripe's OpenAPI document: the request bodies, for which it allows no unknown parameters.

use std::{collections::HashMap, io, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::documents::{read_json, unusable};
use crate::stripe::{
    errors::{Result, StripeError},
    form::{Form, Node},
};

const FILE: &str = "stripe/openapi-2023-08-16-trimmed.json";

/// Documented parameters that the contract lacks: some are newer, the others were removed together with trimmed
/// descriptions.
const ADDITIONS: [(&str, &str); 5] = [
    ("/v1/payment_intents", "confirmation_token"),
    ("/v1/payment_intents/{intent}/confirm", "confirmation_token"),
    ("/v1/payment_intents", "description"),
    ("/v1/payment_intents/{intent}", "description"),
    ("/v1/payment_intents/{intent}/capture", "final_capture"),
];

pub(crate) struct StripeContract {
    requests: HashMap<String, RequestSchema>,
}

struct RequestSchema {
    schema: Value,
    validator: Validator,
}

impl StripeContract {
    pub(crate) fn load(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut document = read_json(&path)?;
        let Some(Value::Object(paths)) = document.get_mut("paths").map(Value::take) else {
            return Err(unusable(&path, "has no paths"));
        };
        let mut requests = HashMap::new();
        for (name, mut operations) in paths {
            let schema = "/post/requestBody/content/application~1x-www-form-urlencoded/schema";
            if let Some(schema) = operations.pointer_mut(schema).map(Value::take) {
                let validator = jsonschema::validator_for(&schema)
                    .map_err(|error| unusable(&path, &error.to_string()))?;
                requests.insert(name, RequestSchema { schema, validator });
            }
        }
        Ok(Self { requests })
    }

    /// Checks a request body against the contract of its path.
    pub(crate) fn check_request(&self, path: &str, form: &Form) -> Result<()> {
        let Some(contract) = self.requests.get(path) else { return Ok(()) };
        let known = form.fields.iter().filter(|(name, _)| !ADDITIONS.contains(&(path, name.as_str())));
        let body = typed_fields(known, &contract.schema);
        match contract.validator.iter_errors(&body).next() {
            None => Ok(()),
            Some(error) => {
                let param = error.instance_path().to_string().replacen('/', "", 1).replace('/', ".");
                let message = format!("Stripe's published contract refuses this request: {}", error.masked());
                StripeError::invalid(message).param(param).refuse()
            }
        }
    }
}

/// A form holds only text; the schema defines the type of each value.
fn typed(node: &Node, schema: &Value) -> Value {
    if let Some(alternatives) = schema.get("anyOf").and_then(Value::as_array) {
        let fitting = alternatives.iter().map(|alternative| (typed(node, alternative), alternative));
        let mut fitting = fitting.filter(|(value, alternative)| is_of_type(value, alternative));
        return fitting.next().map_or_else(|| untyped(node), |(value, _)| value);
    }
    match (node, schema.get("type").and_then(Value::as_str)) {
        (Node::Text(text), Some("integer")) => {
            text.parse().map_or_else(|_| untyped(node), |it: i64| json!(it))
        }
        (Node::Text(text), Some("boolean")) => {
            text.parse().map_or_else(|_| untyped(node), |it: bool| json!(it))
        }
        (Node::List(_) | Node::Hash(_), Some("array")) => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            let items = node.clone().into_items();
            items.map_or_else(|| untyped(node), |items| items.iter().map(|node| typed(node, item)).collect())
        }
        (Node::Hash(fields), Some("object")) => typed_fields(fields.iter(), schema),
        _ => untyped(node),
    }
}

fn typed_fields<'a>(fields: impl Iterator<Item = &'a (String, Node)>, schema: &Value) -> Value {
    let others = schema.get("additionalProperties").unwrap_or(&Value::Null);
    let value_of = |(name, node): &(String, Node)| {
        let schema = schema.get("properties").and_then(|properties| properties.get(name)).unwrap_or(others);
        (name.clone(), typed(node, schema))
    };
    Value::Object(fields.map(value_of).collect::<Map<_, _>>())
}

fn is_of_type(value: &Value, schema: &Value) -> bool {
    let fits = match schema.get("type").and_then(Value::as_str) {
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("string") => value.is_string(),
        _ => true,
    };
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|choices| choices.contains(value));
    fits && listed
}

fn untyped(node: &Node) -> Value {
    match node {
        Node::Text(text) => json!(text),
        Node::List(items) => items.iter().map(untyped).collect(),
        Node::Hash(fields) => fields.iter().map(|(name, node)| (name.clone(), untyped(node))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_converted_to_the_type_in_its_schema() {
        let schema = json!({
            "properties": {
                "amount": { "type": "integer" },
                "confirm": { "type": "boolean" },
                "off_session": { "anyOf": [{ "type": "boolean" }, { "type": "string", "enum": ["one_off"] }] },
                "expand": { "type": "array", "items": { "type": "string" } },
                "metadata": { "anyOf": [
                    { "type": "object", "additionalProperties": { "type": "string" } },
                    { "type": "string", "enum": [""] },
                ] },
            },
        });
        let form =
            Form::parse(b"amount=5&confirm=true&off_session=one_off&expand[0]=x&metadata[a]=1").unwrap();
        let expected = json!({
            "amount": 5, "confirm": true, "off_session": "one_off", "expand": ["x"], "metadata": { "a": "1" },
        });
        assert_eq!(typed_fields(form.fields.iter(), &schema), expected);
    }
}
