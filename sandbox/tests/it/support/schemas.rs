//! The providers' published response schemas, from the folder `GATEWAY_SHARED` (default: `../shared` beside the
//! repository). If it is absent, responses are not checked against them, which is reported once.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use jsonschema::Validator;
use serde_json::{Value, json};

static VALIDATORS: LazyLock<Option<HashMap<&'static str, Validator>>> = LazyLock::new(|| {
    let Some(folder) = folder() else {
        let why =
            "SKIPPED: holding answers against the published contracts: GATEWAY_SHARED does not lead to them";
        // Bypasses the test harness, which hides the output of passing tests.
        io::stderr().write_all(format!("{why}\n").as_bytes()).unwrap();
        return None;
    };
    let stripe = folder.join("stripe/response-schemas.json");
    let orders = folder.join("paypal/checkout_orders_v2.schemas.json");
    let payments = folder.join("paypal/payments_payment_v2.schemas.json");
    let places = [
        (&stripe, "payment_intent"),
        (&stripe, "charge"),
        (&stripe, "refund"),
        (&stripe, "dispute"),
        (&stripe, "event"),
        (&stripe, "payment_method"),
        (&stripe, "error"),
        (&orders, "order"),
        (&payments, "authorization-2"),
        (&payments, "capture-2"),
        (&payments, "error_400"),
        (&payments, "error_401"),
        (&payments, "error_403"),
        (&payments, "error_404"),
        (&payments, "error_409"),
        (&payments, "error_422"),
        (&payments, "error_500"),
    ];
    let mut validators: HashMap<_, _> = places.map(|(file, name)| (name, compile(file, name))).into();
    // Both files define a refund; PayPal's must not take the name of Stripe's.
    validators.insert("paypal_refund", compile(&payments, "refund"));
    Some(validators)
});

pub(crate) fn folder() -> Option<PathBuf> {
    let shared = match std::env::var_os("GATEWAY_SHARED") {
        Some(shared) => PathBuf::from(shared),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    Some(shared.join("contracts")).filter(|folder| folder.is_dir())
}

fn compile(file: &Path, name: &str) -> Validator {
    let document: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": document["$defs"],
        "$ref": format!("#/$defs/{name}"),
    });
    jsonschema::validator_for(&schema).unwrap()
}

fn check(name: &str, body: &Value) {
    let Some(validators) = &*VALIDATORS else { return };
    let errors: Vec<String> = validators[name]
        .iter_errors(body)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "not a {name} as published: {errors:#?}\n{body:#}");
}

pub(crate) fn check_stripe(body: &Value) {
    match body["object"].as_str() {
        // With an object expanded in it, it is no longer what the schema without expansions says.
        Some("payment_intent") if body["latest_charge"].is_object() => {}
        // The schema without expansions lacks the polymorphic object.
        Some("event") => {
            check("event", body);
            check_stripe(&body["data"]["object"]);
        }
        // Not among the schemas at hand.
        Some("confirmation_token" | "payment_method_domain" | "token") => {}
        Some("list") => body["data"].as_array().unwrap().iter().for_each(check_stripe),
        Some(object) => check(object, body),
        None if !body["error"].is_null() => check("error", body),
        None => {}
    }
}

pub(crate) fn check_paypal(body: &Value) {
    if let Some(name) = body["name"].as_str() {
        match name {
            "INVALID_REQUEST" => check("error_400", body),
            "AUTHENTICATION_FAILURE" => check("error_401", body),
            "NOT_AUTHORIZED" => check("error_403", body),
            "RESOURCE_NOT_FOUND" => check("error_404", body),
            "RESOURCE_CONFLICT" => check("error_409", body),
            "UNPROCESSABLE_ENTITY" => check("error_422", body),
            "INTERNAL_SERVER_ERROR" => check("error_500", body),
            _ => {}
        }
        return;
    }
    let own = body["links"][0]["href"].as_str().unwrap_or_default();
    match own.rsplit('/').nth(1) {
        Some("orders") => check("order", body),
        Some("authorizations") => check("authorization-2", body),
        Some("captures") => check("capture-2", body),
        Some("refunds") => check("paypal_refund", body),
        _ => {}
    }
}
