//! REST and GraphQL say the same of a payment.

use proptest::prelude::*;

use super::*;

/// What GraphQL must say where REST says this.
fn expected(rest: &Value, id: &str) -> serde_json::Map<String, Value> {
    let upper = |value: &Value| value.as_str().map_or(Value::Null, |text| text.to_uppercase().into());
    let mut fields = rest.as_object().unwrap().clone();
    for name in ["success", "refunds", "disputes"] {
        fields.remove(name);
    }
    let own = fields.remove(id).unwrap();
    fields.insert("id".to_owned(), own);
    for name in ["status", "provider", "capture", "cancelReason"] {
        if let Some(value) = fields.get_mut(name) {
            *value = upper(value);
        }
    }
    if let Some(action) = fields.get_mut("nextAction") {
        action["type"] = upper(&action["type"]);
    }
    let metadata = fields.remove("metadata").unwrap_or_else(|| json!({}));
    let entries =
        metadata.as_object().unwrap().iter().map(|(key, value)| json!({ "key": key, "value": value }));
    if id == "transactionId" {
        fields.insert("metadata".to_owned(), entries.collect());
    } else {
        fields.remove("transactionId");
    }
    fields
}

/// Without what is null: REST leaves it out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), without_nulls(v)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Capture(Option<u64>),
    Refund(Option<u64>),
    Cancel,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = || prop::option::of(1_u64..200);
    let step =
        prop_oneof![amount().prop_map(Step::Capture), amount().prop_map(Step::Refund), Just(Step::Cancel)];
    prop::collection::vec(step, 0..5)
}

fn body(amount: Option<u64>) -> Value {
    amount.map_or_else(|| json!({}), |amount| json!({ "amount": amount }))
}

async fn both_say_the_same(charge: &Value, steps: &[Step]) {
    let api = Api::start().await;
    let (_, answer) = api.demo("POST", "/payments/charge", &charge.to_string()).await;
    let id = answer["transactionId"].as_str().unwrap().to_owned();
    for step in steps {
        let (path, mut body) = match step {
            Step::Capture(amount) => (format!("/payments/{id}/capture"), body(*amount)),
            Step::Cancel => (format!("/payments/{id}/cancel"), json!({})),
            Step::Refund(amount) => ("/payments/refund".to_owned(), body(*amount)),
        };
        if path.ends_with("refund") {
            body["transactionId"] = id.clone().into();
        }
        // Many are refused.
        api.demo("POST", &path, &body.to_string()).await;
    }
    let (_, rest) = api.demo("GET", &format!("/payments/{id}"), "").await;
    let query = format!(
        "{{ payment(id: \"{id}\") {{ {PAYMENT} refunds(first: 100) {{ edges {{ node {{ {REFUND} }} }} }} }} }}"
    );
    let (_, answer) = api.graphql(&query, &json!({})).await;
    let mut payment = answer["data"]["payment"].clone();
    let refunds = payment.as_object_mut().unwrap().remove("refunds").unwrap();
    assert_eq!(without_nulls(&payment), Value::from(expected(&rest, "transactionId")));
    let refunds: Vec<_> =
        refunds["edges"].as_array().unwrap().iter().map(|edge| without_nulls(&edge["node"])).collect();
    let told: Vec<Value> =
        rest["refunds"].as_array().unwrap().iter().map(|one| expected(one, "refundId").into()).collect();
    assert_eq!(refunds, told);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn rest_and_graphql_say_the_same_of_a_payment(
        amount in 1_u64..200,
        is_manual in any::<bool>(),
        description in prop::option::of("[a-z ]{1,20}"),
        metadata in prop::collection::btree_map("[a-z]{1,8}", "[a-z0-9 ]{1,20}", 0..4),
        steps in steps(),
    ) {
        let mut charge = json!({
            "provider": "stripe", "amount": amount, "currency": "EUR", "paymentMethodId": "pm_card_visa",
            "capture": if is_manual { "manual" } else { "automatic" }, "metadata": metadata,
        });
        if let Some(description) = description {
            charge["description"] = description.into();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(both_say_the_same(&charge, &steps));
    }
}
