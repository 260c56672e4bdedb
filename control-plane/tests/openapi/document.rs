//! What holds for the description as a whole.

use std::collections::BTreeSet;

use edge_core::error::ErrorCode;
use serde_json::Value;

use crate::schema::{DOCUMENT, component, operations, resolved, validator};

#[test]
fn the_description_is_as_published() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let published = std::fs::read_to_string(file).unwrap();
    // As `control-plane openapi` prints it. Not assert_eq, which would print both.
    assert!(published == format!("{:#}\n", *DOCUMENT), "docs/openapi.json is out of date: `make clients`");
}

#[test]
fn every_operation_has_an_id_of_its_own_that_speaks() {
    let ids: Vec<_> =
        operations().iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    let expected = BTreeSet::from([
        "cancelPayment",
        "capturePayment",
        "createCharge",
        "createEventTicket",
        "createRefund",
        "getApiDescription",
        "getPayment",
        "getRefund",
        "getWalletConfig",
        "listEvents",
        "listPaymentEvents",
        "listPayments",
        "provePaymentEvents",
        "receivePaypalWebhook",
        "receiveStripeWebhook",
    ]);
    assert_eq!(ids.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(ids.len(), expected.len());
}

#[test]
fn every_summary_is_short_enough_for_a_menu() {
    for (path, method, operation) in operations() {
        let summary = operation["summary"].as_str().unwrap();
        assert!(summary.chars().count() <= 60 && !summary.contains('\n'), "{method} {path}: {summary}");
    }
}

#[test]
fn every_command_asks_for_an_idempotency_key_and_nothing_else_does() {
    for (path, method, operation) in operations() {
        let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolved);
        let keys: Vec<_> = parameters.filter(|parameter| parameter["name"] == "Idempotency-Key").collect();
        let is_command = method == "post" && path.starts_with("/payments");
        assert_eq!(keys.len(), usize::from(is_command), "{method} {path}");
        assert!(keys.iter().all(|key| key["required"] == true && key["in"] == "header"), "{method} {path}");
    }
}

#[test]
fn only_webhooks_do_without_a_client_key_and_streams_take_a_ticket_instead() {
    assert_eq!(DOCUMENT["security"], serde_json::json!([{ "clientKey": [] }]));
    assert_eq!(DOCUMENT["components"]["securitySchemes"]["clientKey"]["scheme"], "bearer");
    for (path, _, operation) in operations() {
        let expected = match path {
            "/events" => Some(serde_json::json!([{ "clientKey": [] }, { "eventTicket": [] }])),
            path if path.starts_with("/webhooks/") => Some(serde_json::json!([{}])),
            _ => None,
        };
        assert_eq!(operation.get("security").cloned(), expected, "{path}");
    }
}

/// The codes that an operation can be answered with, with their statuses.
fn codes(operation: &'static Value) -> BTreeSet<(u16, String)> {
    let responses = operation["responses"].as_object().unwrap();
    let codes = responses.iter().flat_map(|(status, response)| {
        let examples = resolved(response)["content"]["application/json"]["examples"].as_object();
        let status: u16 = status.parse().unwrap();
        examples.into_iter().flat_map(|examples| examples.keys().cloned()).map(move |code| (status, code))
    });
    codes.filter(|(status, _)| *status >= 400).collect()
}

#[test]
fn every_code_is_described_with_the_status_it_comes_with() {
    let described: BTreeSet<_> =
        operations().into_iter().flat_map(|(_, _, operation)| codes(operation)).collect();
    for name in component("ErrorCode")["enum"].as_array().unwrap() {
        let code: ErrorCode = serde_json::from_value(name.clone()).unwrap();
        // No operation is asked with another method than its own.
        let expected = code != ErrorCode::MethodNotAllowed;
        assert_eq!(described.contains(&(code.status(), code.name())), expected, "{name}");
    }
}

#[test]
fn every_operation_tells_what_filter_and_envoy_answer_by_themselves() {
    for (path, _, operation) in operations() {
        let statuses: BTreeSet<_> = codes(operation).into_iter().map(|(status, _)| status).collect();
        for status in [400, 401, 408, 413, 415, 426, 429, 431, 500, 501, 503, 504] {
            assert!(statuses.contains(&status), "{status} of {path}");
        }
    }
}

#[test]
fn every_answer_names_the_request_and_is_kept_by_no_cache() {
    for (path, _, operation) in operations() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let headers = &resolved(response)["headers"];
            assert!(
                headers["x-request-id"].is_object() && headers["Cache-Control"].is_object(),
                "{status} {path}"
            );
        }
    }
}

#[test]
fn nothing_may_be_null() {
    fn look(node: &Value, place: &str) {
        match node {
            Value::Object(fields) => {
                let types = &fields.get("type").cloned().unwrap_or_default();
                assert!(types != "null" && !types.is_array(), "{place}: {types}");
                fields.iter().for_each(|(name, field)| look(field, &format!("{place}/{name}")));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, place)),
            _ => assert!(!node.is_null(), "{place}"),
        }
    }
    look(&DOCUMENT["components"], "components");
    look(&DOCUMENT["paths"], "paths");
}

#[test]
fn every_example_is_valid_by_its_schema() {
    let mut seen = 0;
    let mut check = |described: &'static Value| {
        for (_, content) in described["content"].as_object().into_iter().flatten() {
            let validator = validator(&content["schema"]);
            let named = content["examples"].as_object().into_iter().flatten();
            let examples =
                named.map(|(_, example)| &resolved(example)["value"]).chain(content.get("example"));
            for example in examples {
                seen += 1;
                assert!(validator.is_valid(example), "{example}");
            }
        }
    };
    for (_, _, operation) in operations() {
        check(&operation["requestBody"]);
        operation["responses"].as_object().unwrap().values().map(resolved).for_each(&mut check);
    }
    assert!(seen > 100, "{seen} examples");
}

#[test]
fn every_operation_has_examples_of_its_request_and_of_each_success() {
    for (path, method, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap().iter();
        let successes = responses.filter(|(status, _)| status.starts_with('2')).map(|(_, response)| response);
        let request = operation.get("requestBody");
        for described in successes.chain(request) {
            for (kind, content) in described["content"].as_object().unwrap() {
                let examples = content["examples"].as_object().map_or(0, serde_json::Map::len);
                assert!(examples > 0, "{method} {path}: {kind}");
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten().map(resolved) {
            let is_given = parameter["in"] == "path" || parameter["name"] == "Idempotency-Key";
            assert!(
                !is_given || parameter["example"].is_string(),
                "{} of {method} {path}",
                parameter["name"]
            );
        }
    }
}

/// Schemas allow fields of later releases, so that a misspelled field of an example would be valid.
#[test]
fn every_field_of_an_example_is_described() {
    fn properties(node: &'static Value, known: &mut BTreeSet<&'static str>) {
        for (name, field) in node.as_object().into_iter().flatten() {
            if name == "properties" {
                known.extend(field.as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
            }
            properties(field, known);
        }
        node.as_array().into_iter().flatten().for_each(|item| properties(item, known));
    }
    fn unknown(node: &Value, known: &BTreeSet<&str>) -> Option<String> {
        let fields = node.as_object().into_iter().flatten().filter(|(name, _)| *name != "metadata");
        let below = |value: &Value| unknown(value, known);
        let mut fields = fields.map(|(name, field)| match known.contains(name.as_str()) {
            true => below(field),
            false => Some(name.clone()),
        });
        let in_fields = fields.find_map(|found| found);
        in_fields.or_else(|| node.as_array().into_iter().flatten().find_map(below))
    }
    let mut known = BTreeSet::new();
    properties(&DOCUMENT["components"]["schemas"], &mut known);
    for (path, _, operation) in operations() {
        // What providers send is theirs to describe, and the document itself is OpenAPI.
        if path.starts_with("/webhooks/") || path == "/openapi.json" {
            continue;
        }
        let contents = operation["responses"].as_object().unwrap().values().map(resolved);
        for content in contents.chain([&operation["requestBody"]]) {
            let examples = content["content"]["application/json"]["examples"].as_object();
            for example in examples.into_iter().flatten().map(|(_, example)| &resolved(example)["value"]) {
                assert_eq!(unknown(example, &known), None, "{path}: {example}");
            }
        }
    }
}

#[test]
fn every_link_leads_to_an_operation_with_what_it_needs() {
    let mut seen = 0;
    for (_, _, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap().values().map(resolved);
        for (name, link) in responses.filter_map(|response| response["links"].as_object()).flatten() {
            let mut targets = operations().into_iter().map(|(_, _, target)| target);
            let target = targets.find(|target| target["operationId"] == link["operationId"]).unwrap();
            let parameters = target["parameters"].as_array().into_iter().flatten().map(resolved);
            let ids = parameters.filter(|parameter| parameter["in"] == "path");
            for id in ids.map(|parameter| parameter["name"].as_str().unwrap()) {
                assert!(link["parameters"][id].is_string(), "{name}");
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} links");
}
