//! Schemas of the description, to be asked.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(control_plane::http::openapi_document);

/// The named component.
pub(crate) fn component(name: &str) -> &'static Value {
    &DOCUMENT["components"]["schemas"][name]
}

/// What a reference refers to.
pub(crate) fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => node,
    }
}

/// The schema as a judge, formats included.
pub(crate) fn validator(schema: &Value) -> Validator {
    // The references of the description point into it.
    let whole = json!({ "components": DOCUMENT["components"], "allOf": [schema] });
    jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
}

/// All operations: path, method, description.
pub(crate) fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    methods.collect()
}

/// A parameter of an operation.
pub(crate) fn parameter(path: &str, method: &str, name: &str) -> &'static Value {
    let parameters = DOCUMENT["paths"][path][method]["parameters"].as_array().unwrap();
    parameters.iter().map(resolved).find(|parameter| parameter["name"] == name).unwrap()
}
