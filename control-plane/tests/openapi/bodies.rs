//! Random charges: whatever is sent, the description and the edge agree on whether it is one.

use std::sync::LazyLock;

use edge_core::request::ChargeRequest;
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::schema::{component, validator};

fn field(name: &str) -> BoxedStrategy<Value> {
    let text = |pattern: &'static str| pattern.prop_map(Value::from).boxed();
    match name {
        "provider" => prop_oneof![Just(json!("stripe")), Just(json!("paypal"))].boxed(),
        "amount" => {
            prop_oneof![any::<i64>().prop_map(Value::from), (1..2_000_000_000_000_u64).prop_map(Value::from)]
                .boxed()
        }
        "currency" => prop_oneof![Just(json!("EUR")), text("[A-Z]{3}"), text("[a-z]{2,4}")].boxed(),
        "paymentMethodId" => prop_oneof![
            text("(pm|ctoken|tok)_[A-Za-z0-9_-]{0,104}"),
            text("(card:)?[A-Za-z0-9_-]{0,66}"),
            text("[A-Z0-9]{17}"),
            text("\\PC{0,8}")
        ]
        .boxed(),
        "wallet" => {
            prop_oneof![Just(json!("google_pay")), Just(json!("apple_pay")), text("[a-z_]{0,10}")].boxed()
        }
        "verification" => {
            prop_oneof![Just(json!("always")), Just(json!("when_required")), text("[a-z_]{0,13}")].boxed()
        }
        "capture" => prop_oneof![Just(json!("automatic")), Just(json!("manual")), text("[a-z]{0,9}")].boxed(),
        "description" | "customerReference" => prop_oneof![text("\\PC{0,140}"), text(".{0,20}")].boxed(),
        "metadata" => {
            let key = prop_oneof!["[A-Za-z0-9_.-]{0,42}", "\\PC{0,3}"];
            let value = prop_oneof![9 => text("\\PC{0,30}"), 1 => text("x{495,505}"), 1 => Just(json!(1))];
            let pairs = prop::collection::btree_map(key, value, 0..44);
            pairs.prop_map(|pairs| Value::Object(pairs.into_iter().collect())).boxed()
        }
        "returnUrl" => text("(https?|ftp)://[!-~]{0,12}"),
        "expiresIn" => (-2..90_000_i64).prop_map(Value::from).boxed(),
        _ => Just(Value::Null).boxed(),
    }
}

/// Any of the documented fields, the first three nearly always.
fn charge() -> impl Strategy<Value = Value> {
    let names = component("ChargeRequest")["properties"].as_object().unwrap().keys();
    let fields = names.map(|name| {
        let is_required = ["provider", "amount", "currency"].contains(&name.as_str());
        let value = prop::option::weighted(if is_required { 0.98 } else { 0.4 }, field(name));
        value.prop_map(move |value| value.map(|value| (name.clone(), value)))
    });
    let fields = fields.collect::<Vec<_>>();
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
}

static CHARGE: LazyLock<Validator> = LazyLock::new(|| validator(component("ChargeRequest")));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_body_is_valid_by_the_description_if_and_only_if_the_edge_takes_it(body in charge()) {
        let documented = CHARGE.is_valid(&body);
        prop_assert_eq!(documented, ChargeRequest::parse(body.to_string().as_bytes()).is_ok(), "{}", body);
    }
}
