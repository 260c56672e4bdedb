//! Parameters in path, query and head, at and past what is documented of them.

use edge_core::id;
use edge_core::idempotency::Key;
use edge_core::request::{EventsQuery, ListQuery, ProofQuery, WalletConfigQuery};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::schema::{parameter, validator};

const TXN: &str = "txn_01890000-0000-7000-8000-000000000000";

fn schema_of(path: &str, method: &str, name: &str) -> Validator {
    validator(&parameter(path, method, name)["schema"])
}

/// A parameter's text as its schema sees it.
fn typed(name: &str, text: &str) -> Value {
    let number = text.parse::<u64>().ok().filter(|n| name == "limit" && n.to_string() == text);
    number.map_or_else(|| json!(text), Value::from)
}

#[test]
fn a_lists_parameter_is_judged_as_documented() {
    let instants =
        ["2026-01-31T23:59:59Z", "2026-01-31T23:59:59.123456789+02:00", "2026-01-31", "yesterday", ""];
    let other_id = [TXN.to_uppercase(), format!("{TXN}0"), TXN.replace("txn", "rfnd")];
    let long = "a".repeat(128);
    let probes: [(&str, Vec<&str>); 7] = [
        ("limit", vec!["0", "1", "2", "99", "100", "101", "-1", "", "x", "1.0", "4294967296"]),
        (
            "startingAfter",
            [TXN, "", "txn_1"].into_iter().chain(other_id.iter().map(String::as_str)).collect(),
        ),
        ("provider", vec!["stripe", "paypal", "adyen", "Stripe", ""]),
        ("status", [&ListQuery::STATUSES[..], &["unknown", "", "Pending", "processing"]].concat()),
        ("createdAfter", instants.to_vec()),
        ("createdBefore", instants.to_vec()),
        ("customerReference", vec!["cust-1", "cust 1 \u{e9}", "cust\u{1}", "cust\u{85}", "", &long]),
    ];
    for (name, probes) in probes {
        let schema = schema_of("/payments", "get", name);
        let mut seen = [false, false];
        for text in probes {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish();
            let accepted = ListQuery::parse(&query).is_ok();
            assert_eq!(schema.is_valid(&typed(name, text)), accepted, "{name}={text}");
            seen[usize::from(accepted)] = true;
        }
        assert_eq!(seen, [true, true], "no probe tells what {name} takes");
    }
}

#[test]
fn a_parameter_of_the_event_log_is_judged_as_documented() {
    let types = |n: usize| vec!["payment.completed"; n].join(",");
    let probes: [(&str, Vec<String>); 4] = [
        ("limit", ["0", "1", "100", "101", "-1", "", "x"].map(str::to_owned).into()),
        ("after", ["evt_aaaaaaaaaaaaaaabaaaaaaaaaaaaaaap", "evt_1", ""].map(str::to_owned).into()),
        ("payment", vec![TXN.to_owned(), TXN.to_uppercase(), String::new()]),
        (
            "types",
            [30, 31]
                .map(types)
                .into_iter()
                .chain(
                    [
                        "",
                        "payment.",
                        "refund.processed",
                        "completed",
                        "payment.X",
                        "payment.a,",
                        "payment.a,,payment.b",
                    ]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([40, 41].map(|length| format!("refund.{}", "a".repeat(length)))),
                )
                .collect(),
        ),
    ];
    for (name, probes) in probes {
        let schema = schema_of("/events", "get", name);
        let mut seen = [false, false];
        for text in probes {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, &text).finish();
            let accepted = EventsQuery::parse(&query).is_ok();
            assert_eq!(schema.is_valid(&typed(name, &text)), accepted, "{name}={text}");
            seen[usize::from(accepted)] = true;
        }
        assert_eq!(seen, [true, true], "no probe tells what {name} takes");
    }
}

#[test]
fn a_wallets_domain_is_judged_as_documented() {
    let schema = schema_of("/wallets/config", "get", "domain");
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let mut seen = [false, false];
    for text in [
        "shop.example",
        "pay.shop-1.example",
        "shop",
        "Shop.EXAMPLE",
        "-shop.example",
        "shop-.example",
        "shop..example",
        "shop.example.",
        "shop.example..",
        "shop.",
        "shop.1.",
        "shop.0X7f",
        "shop.example:443",
        "",
        &format!("{label}.example"),
        &format!("{label}a.example"),
        &longest,
        &format!("{longest}a"),
        &format!("{longest}."),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("domain", text).finish();
        let accepted = WalletConfigQuery::parse(&query).is_ok();
        assert_eq!(schema.is_valid(&json!(text)), accepted, "{text}");
        seen[usize::from(accepted)] = true;
    }
    assert_eq!(seen, [true, true]);
}

#[test]
fn an_id_in_a_path_is_judged_as_documented() {
    for (path, method) in [
        ("/payments/{id}", "get"),
        ("/payments/{id}/events", "get"),
        ("/payments/{id}/events/proof", "get"),
        ("/payments/{id}/capture", "post"),
        ("/payments/{id}/cancel", "post"),
    ] {
        let schema = schema_of(path, method, "id");
        for text in [TXN, "txn_1", &TXN.to_uppercase(), &format!("{TXN}0"), &TXN.replace("txn", "rfnd"), ""] {
            assert_eq!(schema.is_valid(&json!(text)), id::is_transaction(text), "{path} {text}");
        }
    }
    let refund = schema_of("/refunds/{id}", "get", "id");
    for text in [TXN, &TXN.replace("txn", "rfnd")] {
        assert_eq!(refund.is_valid(&json!(text)), id::is_refund(text), "{text}");
    }
}

#[test]
fn the_place_behind_which_proofs_go_on_is_judged_as_documented() {
    let schema = schema_of("/payments/{id}/events/proof", "get", "after");
    for text in ["0", "1", "999999999999", "1000000000000", "-1", "", "x", "1.5"] {
        let number = text.parse::<f64>().map_or_else(|_| json!(text), |_| text.parse().unwrap());
        let accepted = ProofQuery::parse(&format!("after={text}")).is_ok();
        assert_eq!(schema.is_valid(&number), accepted, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_key_is_valid_by_the_description_if_and_only_if_the_edge_takes_it(
        key in prop_oneof![
            "[A-Za-z0-9_.:-]{0,300}", "[ -~]{0,20}", "\"[ -~]{0,20}\"", "\"[a-z\\\\\"]{0,6}\"", "\"[a-z]{250,260}\"",
            "\"(\\\\\\\\|\\\\\"){250,260}\"", "\\PC{0,5}",
        ]
    ) {
        // A header's value has no blanks around it (RFC 9110, section 5.5).
        let key = key.trim_matches([' ', '\t']);
        let documented = KEY.with(|schema| schema.is_valid(&json!(key)));
        prop_assert_eq!(documented, Key::parse([key.as_bytes()]).is_ok(), "{}", key);
    }
}

thread_local! {
    static KEY: Validator = schema_of("/payments/charge", "post", "Idempotency-Key");
}
