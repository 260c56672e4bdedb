//! The API's description (OpenAPI 3.1), generated from the handlers and completed with what holds for every operation.

mod errors;
mod examples;
mod headers;
mod links;
mod schemas;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

/// The whole document, as `GET /openapi.json` returns it.
#[must_use]
pub fn document() -> Value {
    // The description of the handlers is a tree of strings and numbers: it always serializes.
    let mut document = serde_json::to_value(super::api().into_openapi()).unwrap_or_default();
    schemas::without_null(&mut document);
    schemas::judge_payment_methods_by_provider(&mut document);
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return document };
    let mut shared = errors::Shared::default();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            complete(OperationClass::of(method, path), operation, &mut shared);
        }
    }
    let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) else {
        return document;
    };
    components.insert("headers".to_owned(), headers::components());
    components.insert("parameters".to_owned(), json!({ "IdempotencyKey": headers::idempotency_key() }));
    components.insert("examples".to_owned(), shared.examples.into());
    components.insert("responses".to_owned(), shared.responses.into());
    document
}

/// The kinds of operations, which share parameters, errors and headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OperationClass {
    /// A change under an idempotency key.
    Command,
    /// Changes nothing.
    Query,
    /// A provider's webhook.
    Webhook,
}

impl OperationClass {
    fn of(method: &str, path: &str) -> Self {
        match method {
            "post" if path.starts_with("/webhooks/") => Self::Webhook,
            // A ticket changes nothing, so it takes no key.
            "post" if path.starts_with("/payments/") => Self::Command,
            _ => Self::Query,
        }
    }
}

/// Adds the idempotency key, the refusals, the headers of the answers, examples and links.
fn complete(kind: OperationClass, operation: &mut Value, shared: &mut errors::Shared) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(operation) = operation.as_object_mut() else { return };
    if kind == OperationClass::Command {
        let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
        let key = json!({ "$ref": "#/components/parameters/IdempotencyKey" });
        parameters.as_array_mut().into_iter().for_each(|parameters| parameters.push(key.clone()));
    }
    let responses = operation.entry("responses").or_insert_with(|| Map::new().into());
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in &mut *responses {
        let headers = headers::of(status, kind);
        response.as_object_mut().into_iter().for_each(|response| {
            response.insert("headers".to_owned(), headers.clone());
        });
    }
    responses.extend(errors::of(kind, &id, shared));
    examples::add(&id, operation);
    links::add(&id, operation);
}

pub(super) fn base() -> utoipa::openapi::OpenApi {
    let mut base = Base::openapi();
    base.servers = Some(vec![
        utoipa::openapi::ServerBuilder::new()
            .url("/")
            .description(Some("The gateway that gives this document"))
            .build(),
        utoipa::openapi::ServerBuilder::new()
            .url("http://127.0.0.1:8080")
            .description(Some("A gateway on this machine, as `make run` starts it"))
            .build(),
    ]);
    base
}

/// Get this description.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getApiDescription", tag = "description",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object)),
)]
pub(super) async fn serve() -> impl IntoResponse {
    static JSON: LazyLock<String> = LazyLock::new(|| document().to_string());
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str())
}

const ABOUT: &str = "\
One API over Stripe and PayPal.

**Money.** Amounts are integers in the currency's minor unit (cents for USD, yen for JPY), written without fraction \
or exponent.

**Once.** Each `POST` under `/payments` needs an `Idempotency-Key` of your own. Sent again, the same request gets the \
first answer again, with `Idempotency-Replayed: true`, and nothing happens twice.

**Strict.** A body is one JSON object in UTF-8 with each field at most once. `null` is no value: a field without one \
is left out, in requests and in answers.

**Errors** have one shape, whether the edge or the control plane answers. Another method on a path of this document is answered 405 \
`METHOD_NOT_ALLOWED` with `Allow`, any other path 404 `NOT_FOUND`. What is not HTTP may be refused before it has a \
request id.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Payment gateway",
        description = ABOUT,
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "payments", description = "Charge, capture, cancel, refund, and what became of it"),
        (name = "events", description = "Every transition, as a list and as a stream"),
        (name = "refunds", description = "What became of a refund"),
        (name = "webhooks", description = "For the providers: signed by them, verified at the edge"),
        (name = "description", description = "This document"),
    ),
    // Referenced only by parts that are added later.
    components(schemas(edge_core::error::ErrorBody)),
    modifiers(&ClientKey),
    security(("clientKey" = [])),
)]
struct Base;

struct ClientKey;

impl utoipa::Modify for ClientKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The client's key"));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("clientKey", SecurityScheme::Http(bearer.build()));
        let ticket = ApiKeyValue::with_description(
            edge_core::ticket::PARAMETER,
            "For streams in browsers: a ticket of `POST /events/tickets`",
        );
        components.add_security_scheme("eventTicket", SecurityScheme::ApiKey(ApiKey::Query(ticket)));
    }
}
