//! `/graphql` behind the edge.

use axum::http::StatusCode;
use edge_core::attestation::{AttestedKey, Statement};
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Api, read};

const PAYMENT: &str = "id status provider amount currency capture amountCaptured amountRefunded paymentMethodId \
    paymentMethod { kind wallet brand last4 } description customerReference metadata { key value } \
    nextAction { type url orderId } failure { code declineCode message } \
    cancelReason providerReference createdAt updatedAt";
const REFUND: &str =
    "id status amount currency failure { code declineCode message } providerReference createdAt updatedAt";

impl Api {
    async fn graphql(&self, query: &str, variables: &Value) -> (StatusCode, Value) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.demo("POST", "/graphql", &body).await
    }

    /// Under an idempotency key, as the edge forwards it.
    async fn mutate(&self, key: &str, query: &str, variables: &Value) -> (StatusCode, Value) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let client = ClientId::parse("demo").unwrap();
        let parsed = Key::parse([key.as_bytes()]).unwrap();
        let scope = Scope::new(&client, "POST", "/graphql", &parsed);
        let fingerprint = Fingerprint::new("POST", "/graphql", "", b"application/json", body.as_bytes());
        let key = AttestedKey { scope, fingerprint, fence: None };
        let statement =
            Statement { client: Some(client), key: Some(key), ..Statement::anonymous("req-1".to_owned()) };
        read(self.send(self.vouched_for(&statement, "POST", "/graphql", &body)).await).await
    }
}

const CHARGE: &str = "mutation($input: ChargePaymentInput!) {
    chargePayment(input: $input) { transactionId payment { status amount } userErrors { code declineCode } } }";

fn charge() -> Value {
    json!({ "input": {
        "provider": "STRIPE", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
    } })
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn a_mutation_charges_once_under_its_key() {
    let api = Api::start().await;
    let (status, first) = api.mutate("a", CHARGE, &charge()).await;
    assert_eq!(status, StatusCode::OK);
    let charged = &first["data"]["chargePayment"];
    assert_eq!(charged["payment"], json!({ "status": "COMPLETED", "amount": 4999 }), "{first}");
    assert_eq!(charged["userErrors"], json!([]));
    assert_eq!(api.mutate("a", CHARGE, &charge()).await.1["data"], first["data"]);
    assert_eq!(api.test.provider.calls.lock().unwrap().len(), 1);
    let (_, reused) = api.mutate("a", CHARGE, &json!({ "input": { "provider": "STRIPE" } })).await;
    assert_eq!(code(&reused), "INVALID_REQUEST", "a variable is missing: {reused}");
    let mut other = charge();
    other["input"]["amount"] = 1.into();
    assert_eq!(code(&api.mutate("a", CHARGE, &other).await.1), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn what_is_not_one_mutation_under_a_key_executes_nothing() {
    let api = Api::start().await;
    let one = "chargePayment(input: $input) { transactionId }";
    let head = "mutation($input: ChargePaymentInput!)";
    assert_eq!(code(&api.graphql(CHARGE, &charge()).await.1), "IDEMPOTENCY_KEY_REQUIRED");
    for query in [
        format!("{head} {{ a: {one} b: {one} }}"),
        format!("{head} {{ ...f }} fragment f on Mutation {{ {one} }}"),
        format!("mutation A($input: ChargePaymentInput!) {{ {one} }} mutation B {{ __typename }}"),
        "{ viewer { client } }".to_owned(),
        format!("{head} {{ nothing }}"),
    ] {
        assert_eq!(code(&api.mutate("k", &query, &charge()).await.1), "INVALID_REQUEST", "{query}");
    }
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
    let (_, charged) = api.mutate("k", CHARGE, &charge()).await;
    assert_eq!(
        charged["data"]["chargePayment"]["payment"]["status"], "COMPLETED",
        "the key is free: {charged}"
    );
}

#[tokio::test]
async fn input_is_refused_as_over_rest_with_the_field_at_fault() {
    let api = Api::start().await;
    for (field, value, param) in [
        ("currency", json!("usd"), "currency"),
        ("amount", json!(0), "amount"),
        ("expiresIn", json!(-1), "expiresIn"),
        ("wallet", json!("APPLE_PAY"), "wallet"),
        ("verification", json!("ALWAYS"), "verification"),
        ("returnUrl", json!("https://other.example/"), "returnUrl"),
        ("metadata", json!([{ "key": "a", "value": "1" }, { "key": "a", "value": "2" }]), "metadata"),
    ] {
        let mut input = charge();
        input["input"][field] = value;
        let (_, answer) = api.mutate("bad", CHARGE, &input).await;
        assert_eq!(code(&answer), "INVALID_REQUEST", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["param"], param, "{answer}");
    }
    let refund = "mutation($id: ID!, $amount: MinorUnits) {
        refundPayment(input: { paymentId: $id, amount: $amount }) { refundId } }";
    let id = api.charged().await;
    let (_, answer) = api.mutate("null", refund, &json!({ "id": id, "amount": null })).await;
    assert_eq!(answer["errors"][0]["extensions"]["param"], "amount", "null is not all of it: {answer}");
}

#[tokio::test]
async fn costly_queries_are_refused_before_anything_is_read() {
    let api = Api::start().await;
    let aliases = |n: usize| -> String {
        (0..n).map(|n| format!("a{n}: payments(first: 100) {{ edges {{ node {{ id }} }} }} ")).collect()
    };
    let deep = "payment { refunds { edges { node { ".repeat(5) + "id" + &" } } } }".repeat(5);
    for query in [
        format!("{{ {} }}", aliases(100)),
        format!("{{ {} }}", aliases(400)),
        format!("{{ node(id: \"a\") {{ ... on Refund {{ {deep} }} }} }}"),
        format!("{{ a(b: {}{}) }}", "[".repeat(500), "]".repeat(500)),
        "{ ...f } fragment f on Query { ...f }".to_owned(),
    ] {
        let (status, answer) = api.graphql(&query, &json!({})).await;
        assert_eq!((status, code(&answer)), (StatusCode::OK, "INVALID_REQUEST"), "{answer}");
        assert!(answer.get("data").is_none(), "{answer}");
    }
    let (_, answer) = api.graphql("{ payments { edges { node { id } } } }", &json!({})).await;
    assert_eq!(answer["extensions"]["cost"], json!({ "requested": 70, "limit": 5_000 }), "{answer}");
}

#[tokio::test]
async fn another_clients_payment_is_null() {
    let api = Api::start().await;
    let id = api.charged().await;
    let body =
        json!({ "query": format!("{{ node(id: \"{id}\") {{ id }} payment(id: \"{id}\") {{ id }} }}") });
    let request = api.attested("other", "POST", "/graphql", &body.to_string());
    let (_, answer) = read(api.send(request).await).await;
    assert_eq!(answer["data"], json!({ "node": null, "payment": null }));
}

#[tokio::test]
async fn lists_are_pages_that_continue_behind_a_cursor() {
    let api = Api::start().await;
    for _ in 0..3 {
        api.charged().await;
    }
    let query = "query($after: String) { payments(first: 2, after: $after) {
        pageInfo { hasNextPage endCursor } edges { cursor node { id } } } }";
    let (_, first) = api.graphql(query, &json!({})).await;
    let first = &first["data"]["payments"];
    assert_eq!(first["pageInfo"]["hasNextPage"], true, "{first}");
    let (_, second) = api.graphql(query, &json!({ "after": first["pageInfo"]["endCursor"] })).await;
    let second = &second["data"]["payments"];
    assert_eq!(second["edges"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    let (_, events) = api
        .graphql("{ events(first: 2) { pageInfo { endCursor } edges { node { id type } } } }", &json!({}))
        .await;
    let events = &events["data"]["events"];
    assert_eq!(events["edges"][0]["node"]["type"], "payment.created", "{events}");
    assert_eq!(events["edges"][1]["node"]["id"], events["pageInfo"]["endCursor"]);
    for first in [0, 101, -1] {
        let (_, answer) = api
            .graphql(&format!("{{ payments(first: {first}) {{ edges {{ cursor }} }} }}"), &json!({}))
            .await;
        assert_eq!(
            (code(&answer), &answer["errors"][0]["extensions"]["param"]),
            ("INVALID_REQUEST", &json!("first"))
        );
    }
}

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

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema.graphql");
    let served = control_plane::http::Graphql::sdl();
    if std::env::var_os("WRITE_SCHEMA").is_some() {
        std::fs::write(path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(served.lines()).find(|(committed, served)| committed != served);
    assert_eq!(differs, None, "write it with WRITE_SCHEMA=1");
    assert!(committed == served, "write it with WRITE_SCHEMA=1");
}
