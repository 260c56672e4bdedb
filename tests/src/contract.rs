//! The published description of the API. Every API response in a test is checked against it: the status is documented
//! for the operation, the error code for the status, and each header and body field.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::HttpResponse;

/// Headers that any HTTP server may add.
const STANDARD_HEADERS: [&str; 6] =
    ["connection", "content-length", "content-type", "date", "server", "transfer-encoding"];

static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::read(&control_plane::http::openapi_document()));

/// Checks the response to a request against the description; paths outside the API are ignored.
///
/// # Panics
/// If the response does not conform.
pub(crate) fn check(method: &str, target: &str, answer: &HttpResponse) {
    let path = target.split('?').next().unwrap_or_default();
    let is_of_the_api = ["/payments", "/refunds", "/events/tickets", "/webhooks/", "/openapi.json"];
    if is_of_the_api.iter().any(|prefix| path.starts_with(prefix)) {
        let fault = CONTRACT.check(method, path, answer);
        if let Err(fault) = fault {
            panic!(
                "not as described: {method} {target} is answered {}: {fault}\n{}",
                answer.status,
                answer.text()
            );
        }
    }
}

struct Contract {
    /// By path template, then by method, which is case-sensitive (RFC 9110, section 9.1).
    operations: BTreeMap<String, BTreeMap<String, Operation>>,
    /// The response to a request that is not an operation of the description.
    error: Validator,
}

/// The responses by status.
type Operation = BTreeMap<u16, Response>;

struct Response {
    body: Validator,
    /// The allowed error codes; none for a success.
    codes: Vec<String>,
    /// By name in lower case.
    headers: BTreeMap<String, Header>,
}

struct Header {
    required: bool,
    /// A number if the schema says so, else text.
    is_integer: bool,
    schema: Validator,
}

impl Contract {
    fn read(document: &Value) -> Self {
        let read = |operation: &Value| {
            let responses = operation["responses"].as_object().expect("an operation has responses");
            let response = |(status, response): (&String, &Value)| {
                (parsed(status), Response::read(resolved(response, document), document))
            };
            responses.iter().map(response).collect::<Operation>()
        };
        let methods = |methods: &Value| {
            let methods = methods.as_object().expect("a path has methods");
            methods.iter().map(|(method, operation)| (method.to_uppercase(), read(operation))).collect()
        };
        let paths = document["paths"].as_object().expect("the description has paths");
        Self {
            operations: paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect(),
            error: validator(&document["components"]["schemas"]["ErrorBody"], document),
        }
    }

    fn check(&self, method: &str, path: &str, answer: &HttpResponse) -> Result<(), String> {
        // A template also matches what a literal path matches.
        let literal = self.operations.get_key_value(path);
        let found = literal.or_else(|| self.operations.iter().find(|(template, _)| fits(template, path)));
        match found.and_then(|(_, methods)| methods.get(method)) {
            Some(operation) => {
                let response = operation.get(&answer.status).ok_or("a status that is not described")?;
                response.check(answer)
            }
            None if answer.status < 400 => Err("an operation that is not described".to_owned()),
            None if method == "HEAD" => Ok(()),
            None => valid(&self.error, &parsed_body(answer)?),
        }
    }
}

impl Response {
    fn read(response: &Value, document: &Value) -> Self {
        let content = &response["content"]["application/json"];
        let codes = content["examples"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
        let headers = response["headers"].as_object().into_iter().flatten();
        let header = |(name, header): (&String, &Value)| {
            let header = resolved(header, document);
            let schema = Header {
                required: header["required"] == true,
                is_integer: header["schema"]["type"] == "integer",
                schema: validator(&header["schema"], document),
            };
            (name.to_lowercase(), schema)
        };
        Self { body: validator(&content["schema"], document), codes, headers: headers.map(header).collect() }
    }

    fn check(&self, answer: &HttpResponse) -> Result<(), String> {
        if answer.header("content-type") != Some("application/json") {
            return Err(format!("content-type {:?}", answer.header("content-type")));
        }
        let body = parsed_body(answer)?;
        valid(&self.body, &body)?;
        if answer.status >= 400 {
            let code = body["error"]["code"].as_str().unwrap_or_default();
            if !self.codes.iter().any(|known| known == code) {
                return Err(format!("the code {code} is not described for this status"));
            }
        }
        for (name, header) in &self.headers {
            match answer.header(name) {
                Some(text) => {
                    let number = text.parse::<u64>().ok().filter(|_| header.is_integer);
                    valid(&header.schema, &number.map_or_else(|| text.into(), Value::from))
                        .map_err(|fault| format!("the header {name}: {fault}"))?;
                }
                None if header.required => return Err(format!("the header {name} is missing")),
                None => {}
            }
        }
        let described = |name: &str| self.headers.contains_key(name) || STANDARD_HEADERS.contains(&name);
        match answer.headers.keys().find(|name| !described(name.as_str())) {
            Some(name) => Err(format!("the header {name} is not described")),
            None => Ok(()),
        }
    }
}

fn parsed(status: &str) -> u16 {
    status.parse().expect("a response has a status")
}

fn parsed_body(answer: &HttpResponse) -> Result<Value, String> {
    serde_json::from_slice(&answer.body).map_err(|error| format!("no JSON: {error}"))
}

fn valid(validator: &Validator, value: &Value) -> Result<(), String> {
    let faults = validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path()));
    let faults: Vec<_> = faults.collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// Whether a path matches a template like `/payments/{id}/events`.
fn fits(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted.starts_with('{') || wanted == given => {}
            _ => return false,
        }
    }
}

fn resolved<'d>(node: &'d Value, document: &'d Value) -> &'d Value {
    match node["$ref"].as_str() {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"))
        }
        None => node,
    }
}

fn validator(schema: &Value, document: &Value) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&closed(schema, document)).expect("a schema of the description")
}

/// The schema without references, with no additional fields allowed in any object. The published one allows fields of
/// later releases.
fn closed(schema: &Value, document: &Value) -> Value {
    let mut schema = opened(schema, document);
    if let Some(fields) = schema.as_object_mut()
        && (fields.contains_key("properties") || fields.contains_key("allOf"))
        && !fields.contains_key("additionalProperties")
    {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
    schema
}

/// The schema without references; its subschemas are closed, itself it is not.
fn opened(schema: &Value, document: &Value) -> Value {
    let schema = resolved(schema, document);
    let Some(fields) = schema.as_object() else { return schema.clone() };
    let each = |value: &Value, read: fn(&Value, &Value) -> Value| match value {
        Value::Array(items) => items.iter().map(|item| read(item, document)).collect(),
        other => read(other, document),
    };
    let field = |(name, value): (&String, &Value)| {
        let value = match name.as_str() {
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties.map(|(name, value)| (name.clone(), closed(value, document))).collect()
            }
            "items" | "oneOf" | "anyOf" => each(value, closed),
            "allOf" => each(value, opened),
            _ => value.clone(),
        };
        (name.clone(), value)
    };
    fields.iter().map(field).collect::<Map<_, _>>().into()
}
