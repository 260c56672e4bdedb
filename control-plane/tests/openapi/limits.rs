//! Every field of a request at and just past each documented limit: what the description takes is what the edge
//! takes.

use std::collections::BTreeSet;

use edge_core::request::{CaptureRequest, ChargeRequest, InvalidRequest, RefundRequest, TicketRequest};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::schema::{component, resolved, validator};

/// How the edge reads a body: why it refuses it.
type Parse = fn(&[u8]) -> Result<(), InvalidRequest>;

const TXN: &str = "txn_01890000-0000-7000-8000-000000000000";

/// A request's schema, how the edge reads it, and bodies that both take.
fn requests() -> [(&'static str, Parse, Vec<Value>); 4] {
    let charge = |provider: &str, method: &str| json!({ "provider": provider, "amount": 4999, "currency": "USD", "paymentMethodId": method });
    [
        (
            "ChargeRequest",
            |body| ChargeRequest::parse(body).map(drop),
            vec![
                charge("stripe", "pm_card_visa"),
                charge("paypal", "card:vault-ok"),
                charge("paypal", "B-1"),
                charge("stripe", "ctoken_1"),
                json!({ "provider": "paypal", "amount": 4999, "currency": "USD", "wallet": "google_pay" }),
            ],
        ),
        (
            "RefundRequest",
            |body| RefundRequest::parse(body).map(drop),
            vec![json!({ "transactionId": TXN, "amount": 1 })],
        ),
        (
            "CaptureRequest",
            |body| CaptureRequest::parse(body).map(drop),
            vec![json!({}), json!({ "amount": 1 })],
        ),
        (
            "TicketRequest",
            |body| TicketRequest::parse(body).map(drop),
            vec![json!({ "payment": TXN, "expiresIn": 300 })],
        ),
    ]
}

/// Every number that a schema holds as a limit, those in its patterns included.
fn limits(node: &'static Value, found: &mut BTreeSet<u64>) {
    match node {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("$ref", _) => limits(resolved(node), found),
                    ("pattern", Value::String(pattern)) => {
                        let numbers = pattern
                            .split(|c: char| !c.is_ascii_digit())
                            .filter_map(|n| n.parse::<u64>().ok());
                        found.extend(numbers);
                    }
                    (_, Value::Number(number)) => found.extend(number.as_u64()),
                    (_, value) => limits(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| limits(item, found)),
        _ => {}
    }
}

/// Words that some field takes, and what is close to them.
const TEXTS: &[&str] = &[
    "stripe",
    "paypal",
    "Stripe",
    "apple_pay",
    "google_pay",
    "always",
    "when_required",
    "5O190127TN364715T",
    "automatic",
    "manual",
    "Manual",
    "USD",
    "usd",
    "XAU",
    "ZZZ",
    "EURO",
    TXN,
    "pm_",
    "pm_a-b",
    "B-1",
    "a b",
    "a\nb",
    "a\u{7f}b",
    "a\u{9f}b",
    "a\u{a0}b",
    "\u{0}",
    "card:",
    "5",
    "ftp://shop.example",
    "https://",
    "https:///path",
    "https://?q",
    "https://#f",
    "https://shop.example/a b",
    "HTTPS://shop.example",
    "https://shop.example/ü",
    "http://127.0.0.1:9/return",
    "https://u@shop.example/",
    "https://shop.example",
    "https://shop.example/return?a=b#c",
];

/// Values at, below and above each limit, whatever it limits; and values of every kind.
fn probes(limits: &BTreeSet<u64>) -> Vec<Value> {
    let around: BTreeSet<u64> = limits.iter().flat_map(|n| [n.saturating_sub(1), *n, n + 1]).collect();
    let mut probes: Vec<Value> =
        [json!(null), json!(true), json!([]), json!({}), json!(-1), json!(1.5), json!("")].into();
    probes.extend(around.iter().map(|n| json!(n)));
    probes.push(json!(u64::MAX));
    for length in around.iter().filter_map(|n| usize::try_from(*n).ok()).filter(|n| *n <= 10_000) {
        let (text, pairs) = ("a".repeat(length), length.min(100));
        probes.push(json!(text));
        probes.push(json!("é".repeat(length)));
        for prefix in
            ["pm_", "ctoken_", "tok_", "card:", "card:pm_", "https://", "http://", "https://shop.example/"]
        {
            probes.push(json!(format!("{prefix}{text}")));
        }
        // As long in all.
        probes.push(json!(format!("https://{}", "a".repeat(length.saturating_sub(8)))));
        probes.push((0..pairs).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>().into());
        probes.push(json!({ "key": text }));
        probes.push(json!({ "key": "é".repeat(length) }));
        probes.push(Value::Object(Map::from_iter([(text, json!("v"))])));
    }
    probes.extend(TEXTS.iter().map(|text| Value::from(*text)));
    probes.extend([json!(TXN.to_uppercase()), json!(format!("{TXN}0")), json!(TXN.replace("txn", "rfnd"))]);
    probes.extend([
        json!({ "key": null }),
        json!({ "key": 5 }),
        json!({ "bad key": "v" }),
        json!({ "": "v" }),
    ]);
    probes
}

/// Whether both take the body.
fn agree(name: &str, schema: &Validator, parse: Parse, body: &Value) -> bool {
    let documented = schema.is_valid(body);
    assert_eq!(
        documented,
        parse(body.to_string().as_bytes()).is_ok(),
        "the description of {name} says {documented}: {body}"
    );
    documented
}

#[test]
fn a_value_at_or_past_a_documented_limit_is_judged_as_documented() {
    for (name, parse, bodies) in requests() {
        let (schema, described) = (validator(component(name)), component(name));
        let mut found = BTreeSet::new();
        limits(described, &mut found);
        let probes = probes(&found);
        for field in described["properties"].as_object().unwrap().keys() {
            let mut seen = BTreeSet::new();
            for body in &bodies {
                assert!(agree(name, &schema, parse, body), "{body}");
                for probe in &probes {
                    let mut probed = body.clone();
                    probed[field] = probe.clone();
                    seen.insert(agree(name, &schema, parse, &probed));
                }
            }
            assert_eq!(seen, BTreeSet::from([false, true]), "no probe tells what {field} of {name} takes");
        }
    }
}

#[test]
fn exactly_the_fields_that_the_edge_reads_are_documented() {
    for (name, parse, _) in requests() {
        let message = parse(br#"{"more":1}"#).unwrap_err().message;
        let (_, fields) = message.split_once("its fields are ").unwrap();
        let documented = component(name)["properties"].as_object().unwrap().keys().map(String::as_str);
        assert_eq!(fields.split(", ").collect::<BTreeSet<_>>(), documented.collect(), "{name}");
    }
}

#[test]
fn a_body_without_a_field_or_with_another_is_judged_as_documented() {
    for (name, parse, bodies) in requests() {
        let schema = validator(component(name));
        for body in bodies {
            for field in component(name)["properties"].as_object().unwrap().keys() {
                let mut without = body.clone();
                without.as_object_mut().unwrap().remove(field);
                agree(name, &schema, parse, &without);
            }
            let mut with = body.clone();
            with["more"] = json!(1);
            assert!(!agree(name, &schema, parse, &with));
        }
        for other in [json!([]), json!(null), json!("text"), json!(5)] {
            assert!(!agree(name, &schema, parse, &other));
        }
    }
}

#[test]
fn a_currency_is_documented_if_and_only_if_it_can_be_charged() {
    let documented = component("Currency")["enum"].as_array().unwrap();
    assert!(documented.len() > 100);
    let letters = || 'A'..='Z';
    for (a, b, c) in letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| (a, b, c)))) {
        let code = String::from_iter([a, b, c]);
        let body = json!({ "provider": "paypal", "amount": 1, "currency": code });
        let accepted = ChargeRequest::parse(body.to_string().as_bytes()).is_ok();
        assert_eq!(documented.contains(&json!(code)), accepted, "{code}");
    }
}
