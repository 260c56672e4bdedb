//! The gateway's own request and response headers.

use serde_json::{Map, Value, json};

use super::OperationClass;

pub(super) fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": true,
        "description": "Your own name for this one operation, e.g. a UUID; the same again when you repeat it. A string in \
                        double quotes (RFC 8941), or bare: `abc` and `\"abc\"` are the same key. Given once.",
        "example": "order-1234",
        "schema": edge_core::described::idempotency_key(),
    })
}

pub(super) fn components() -> Value {
    json!({
        "RequestId": {
            "description": "The request's name in logs, in events and in the body of an error",
            "required": true,
            "schema": { "type": "string", "minLength": 1 },
        },
        "RequestIdIfAny": {
            "description": "The request's name in logs and in the body of the error, where it came to have one",
            "schema": { "type": "string", "minLength": 1 },
        },
        "IdempotencyReplayed": {
            "description": "Given where an earlier request with the same key was answered so",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "RetryAfter": {
            "description": "Seconds after which the same request may succeed",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "RateLimitPolicy": {
            "description": "The limits that the request met: a name, `q` requests in `w` seconds \
                            (draft-ietf-httpapi-ratelimit-headers)",
            "schema": { "type": "string", "pattern": r#"^"[a-z]+";q=[0-9]+;w=1$"# },
        },
        "RateLimit": {
            "description": "What is left of them: `r` requests now, all of them after `t` seconds",
            "schema": { "type": "string", "pattern": r#"^"[a-z]+";r=[0-9]+;t=1$"# },
        },
        "Authenticate": {
            "description": "How to authenticate",
            "schema": { "type": "string", "enum": ["Bearer"] },
        },
        "CacheControl": {
            "description": "No cache may keep what carries data",
            "schema": { "type": "string", "enum": ["no-store"] },
        },
    })
}

/// The headers of an answer with this status.
pub(super) fn of(status: &str, kind: OperationClass) -> Value {
    let mut headers = Map::new();
    let mut add = |name: &str, component: &str| {
        let reference = json!({ "$ref": format!("#/components/headers/{component}") });
        headers.insert(name.to_owned(), reference);
    };
    // A malformed HTTP request may be refused before it gets an id.
    let has_id = !matches!(status, "400" | "408" | "426" | "431" | "501");
    add("x-request-id", if has_id { "RequestId" } else { "RequestIdIfAny" });
    add("Cache-Control", "CacheControl");
    // Final answers are replayed; other requests are processed again.
    if kind == OperationClass::Command
        && matches!(status, "200" | "400" | "402" | "404" | "409" | "422" | "503")
    {
        add("Idempotency-Replayed", "IdempotencyReplayed");
    }
    // Providers get these headers only when they exceed the limit.
    if kind != OperationClass::Webhook || status == "429" {
        add("RateLimit-Policy", "RateLimitPolicy");
        add("RateLimit", "RateLimit");
    }
    match status {
        "401" => add("WWW-Authenticate", "Authenticate"),
        "409" | "429" | "503" => add("Retry-After", "RetryAfter"),
        _ => {}
    }
    headers.into()
}
