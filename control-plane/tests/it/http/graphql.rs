//! `/graphql` behind the edge.

mod parity;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use edge_core::attestation::{AttestedKey, Statement};
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use serde_json::{Value, json};

use super::{Api, read};

const PAYMENT: &str = "id status provider amount currency capture amountCaptured amountRefunded paymentMethodId \
    paymentMethod { kind wallet brand last4 } description customerReference metadata { key value } \
    nextAction { type url clientSecret orderId } failure { code declineCode message } \
    cancelReason providerReference createdAt updatedAt";
const REFUND: &str =
    "id status amount currency failure { code declineCode message } providerReference createdAt updatedAt";

impl Api {
    async fn graphql(&self, query: &str, variables: &Value) -> (StatusCode, Value) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.demo("POST", "/graphql", &body).await
    }

    /// Under an idempotency key, as the edge forwards it once its cache has lost the key: what is answered, and whether
    /// that is called the first response.
    async fn repeat(&self, key: &str, query: &str, variables: &Value) -> (Value, bool) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let response = self.send(self.mutation(key, &body)).await;
        let is_replay = response.headers().contains_key("idempotency-replayed");
        (read(response).await.1, is_replay)
    }

    /// Under an idempotency key, as the edge forwards it.
    async fn mutate(&self, key: &str, query: &str, variables: &Value) -> (StatusCode, Value) {
        self.mutate_by(key, &json!({ "query": query, "variables": variables }).to_string()).await
    }

    async fn mutate_by(&self, key: &str, body: &str) -> (StatusCode, Value) {
        read(self.send(self.mutation(key, body)).await).await
    }

    fn mutation(&self, key: &str, body: &str) -> Request<Body> {
        let client = ClientId::parse("demo").unwrap();
        let parsed = Key::parse([key.as_bytes()]).unwrap();
        let scope = Scope::new(&client, "POST", "/graphql", &parsed);
        let fingerprint = Fingerprint::new("POST", "/graphql", "", b"application/json", body.as_bytes());
        let key = AttestedKey { scope, fingerprint, fence: None };
        let statement =
            Statement { client: Some(client), key: Some(key), ..Statement::anonymous("req-1".to_owned()) };
        self.vouched_for(&statement, "POST", "/graphql", body)
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
async fn a_repeat_is_called_a_replay_only_if_it_is_the_first_response_byte_for_byte() {
    let api = Api::start().await;
    let outcome = "mutation($input: ChargePaymentInput!) {
        chargePayment(input: $input) { transactionId userErrors { code } } }";
    let (first, is_replay) = api.repeat("a", outcome, &charge()).await;
    assert!(!is_replay);
    assert_eq!(api.repeat("a", outcome, &charge()).await, (first, true));
    let present = "mutation($input: ChargePaymentInput!) {
        chargePayment(input: $input) { transactionId payment { amountRefunded } } }";
    let (first, _) = api.repeat("b", present, &charge()).await;
    let id = first["data"]["chargePayment"]["transactionId"].as_str().unwrap();
    let refund = json!({ "transactionId": id, "amount": 100 }).to_string();
    assert_eq!(api.demo("POST", "/payments/refund", &refund).await.0, StatusCode::OK);
    let (again, is_replay) = api.repeat("b", present, &charge()).await;
    assert_eq!(again["data"]["chargePayment"]["payment"]["amountRefunded"], 100, "as it is now: {again}");
    assert!(!is_replay, "it is another response");
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
        format!("{head} {{ chargePayment(input: $input) @skip(if: true) {{ transactionId }} }}"),
        format!("{head} {{ chargePayment(input: $input) @include(if: true) {{ transactionId }} }}"),
        format!("{head} {{ chargePayment(input: $input) {{ ... @defer {{ transactionId }} }} }}"),
        format!("{head} {{ __typename {one} }}"),
        "mutation { __typename }".to_owned(),
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
async fn a_text_that_is_null_in_a_charge_is_left_out() {
    let api = Api::start().await;
    let mut input = charge();
    for field in ["description", "metadata", "returnUrl", "customerReference"] {
        input["input"][field] = Value::Null;
    }
    let (_, charged) = api.mutate("k", CHARGE, &input).await;
    assert_eq!(charged["data"]["chargePayment"]["payment"]["status"], "COMPLETED", "{charged}");
}

#[tokio::test]
async fn a_choice_that_is_null_in_a_charge_is_refused_instead_of_made_by_default() {
    let api = Api::start().await;
    let terms = r#"provider: STRIPE, amount: 4999, currency: "USD", paymentMethodId: "pm_card_visa""#;
    for (field, kind) in [
        ("capture", "CaptureMode"),
        ("wallet", "Wallet"),
        ("verification", "Verification"),
        ("expiresIn", "Int"),
    ] {
        let mut whole = charge();
        whole["input"][field] = Value::Null;
        let literal =
            format!("mutation {{ chargePayment(input: {{ {terms}, {field}: null }}) {{ transactionId }} }}");
        let variable = format!(
            "mutation($v: {kind}) {{ chargePayment(input: {{ {terms}, {field}: $v }}) {{ transactionId }} }}"
        );
        for (query, variables) in [
            (CHARGE, whole),
            (literal.as_str(), json!({})),
            (variable.as_str(), json!({ "v": null })),
            (variable.as_str(), json!({})),
        ] {
            let (_, answer) = api.mutate("null", query, &variables).await;
            assert_eq!(code(&answer), "INVALID_REQUEST", "{query} {variables}: {answer}");
            assert_eq!(answer["errors"][0]["extensions"]["param"], field, "{query} {variables}: {answer}");
        }
    }
    assert!(api.test.provider.calls.lock().unwrap().is_empty(), "no money moved");
    let held = format!(
        "mutation($v: CaptureMode = MANUAL) {{ chargePayment(input: {{ {terms}, capture: $v }}) {{ payment {{ capture }} }} }}"
    );
    let (_, answer) = api.mutate("null", &held, &json!({})).await;
    assert_eq!(answer["data"]["chargePayment"]["payment"]["capture"], "MANUAL", "the key is free: {answer}");
}

#[tokio::test]
async fn a_malformed_payment_id_is_a_fault_of_the_input_and_an_unknown_one_is_not_found() {
    let api = Api::start().await;
    let unknown = "txn_01890000-0000-7000-8000-000000000000";
    for mutation in ["refundPayment", "capturePayment", "cancelPayment"] {
        let ask = |id: &str| {
            format!("mutation {{ {mutation}(input: {{ paymentId: \"{id}\" }}) {{ __typename }} }}")
        };
        for id in ["txn_zz", "", &unknown.replace("txn", "rfnd"), &unknown.replace("89", "8A")] {
            let (_, answer) = api.mutate(mutation, &ask(id), &json!({})).await;
            assert_eq!(code(&answer), "INVALID_REQUEST", "{mutation} {id}: {answer}");
            assert_eq!(answer["errors"][0]["extensions"]["param"], "paymentId", "{mutation} {id}: {answer}");
            let message = answer["errors"][0]["message"].as_str().unwrap();
            assert!(message.contains("`txn_` followed by a UUID"), "{message}");
        }
        let (_, answer) = api.mutate(mutation, &ask(unknown), &json!({})).await;
        assert_eq!(code(&answer), "TRANSACTION_NOT_FOUND", "{mutation}: {answer}");
    }
}

#[tokio::test]
async fn a_name_given_twice_executes_nothing() {
    let api = Api::start().await;
    let fields = r#""provider":"STRIPE","amount":100,"currency":"USD","paymentMethodId":"pm_card_visa""#;
    for (variables, param) in [
        (format!(r#"{{"input":{{{fields},"amount":999999}}}}"#), "amount"),
        (format!(r#"{{"input":{{{fields},"am\u006funt":999999}}}}"#), "amount"),
        (format!(r#"{{"input":{{{fields}}},"input":{{{fields}}}}}"#), "input"),
    ] {
        let body = format!(r#"{{"query":{},"variables":{variables}}}"#, json!(CHARGE));
        let (status, answer) = api.mutate_by("twice", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert_eq!(answer["error"]["code"], "INVALID_REQUEST", "{answer}");
        assert_eq!(answer["error"]["param"], param, "{answer}");
    }
    let fields = r#"provider: STRIPE, amount: 100, currency: "USD", paymentMethodId: "pm_card_visa""#;
    for (arguments, param) in [
        (format!("input: {{ {fields}, amount: 4999 }}"), "amount"),
        (format!("input: {{ {fields} }}, input: {{ {fields} }}"), "input"),
        (format!(r#"input: {{ {fields}, metadata: [{{ key: "a", key: "b", value: "1" }}] }}"#), "key"),
    ] {
        let query = format!("mutation {{ chargePayment({arguments}) {{ transactionId }} }}");
        let (_, answer) = api.mutate("twice", &query, &json!({})).await;
        assert_eq!(code(&answer), "INVALID_REQUEST", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["param"], param, "{answer}");
    }
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn variables_that_cannot_be_read_are_told_with_their_own_fault() {
    let api = Api::start().await;
    let body = r#"{"query":"{ __typename }","variables":{"a":"\ud800"}}"#;
    let (_, answer) = api.demo("POST", "/graphql", body).await;
    assert_eq!(answer["error"]["param"], "variables", "{answer}");
    assert!(answer["error"]["message"].as_str().is_some_and(|said| said.contains("hex escape")), "{answer}");
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
    let nested = "payment { refunds(first: 1) { nodes { ".repeat(7) + "id" + &" } } }".repeat(7);
    let payments: String = (0..180).map(|n| format!("a{n}: payment(id: \"txn_{n}\") {{ id }} ")).collect();
    let repeated = "payment(id: \"txn_1\") { id } ".repeat(180);
    for (query, limit) in [
        (format!("{{ {payments} }}"), "180 aliases"),
        (format!("{{ {repeated} }}"), "179 repeated fields"),
        (format!("{{ {} }}", aliases(20)), "costs more than 5000"),
        (format!("{{ refund(id: \"a\") {{ {nested} }} }}"), "more than 16 nested fields"),
    ] {
        let (_, answer) = api.graphql(&query, &json!({})).await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().is_some_and(|said| said.contains(limit)), "{answer}");
        assert_eq!((code(&answer), &error["extensions"]["param"]), ("INVALID_REQUEST", &json!("query")));
    }
    let (_, answer) = api.graphql("{ payments { edges { node { id } } } }", &json!({})).await;
    assert_eq!(answer["extensions"]["cost"], json!({ "requested": 70, "limit": 5_000 }), "{answer}");
}

#[tokio::test]
async fn an_operation_whose_fields_are_all_skipped_has_an_empty_result() {
    let api = Api::start().await;
    let skipped = "query($if: Boolean!) { viewer @skip(if: $if) { client } }";
    let (_, answer) = api.graphql(skipped, &json!({ "if": true })).await;
    assert_eq!((&answer["data"], answer.get("errors")), (&json!({}), None), "{answer}");
    let (_, answer) = api.graphql(skipped, &json!({ "if": false })).await;
    assert_eq!(answer["data"], json!({ "viewer": { "client": "demo" } }));
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
    // Other events follow after the last edge.
    let query = "{ events(types: [\"payment.processing\"]) { pageInfo { endCursor } edges { cursor } } }";
    let (_, some) = api.graphql(query, &json!({})).await;
    let some = &some["data"]["events"];
    assert_eq!(some["edges"][2]["cursor"], some["pageInfo"]["endCursor"], "{some}");
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

#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.graphql");
    let served = control_plane::http::Graphql::sdl();
    if std::env::var_os("WRITE_SCHEMA").is_some() {
        std::fs::write(path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let differs = committed.lines().zip(served.lines()).find(|(committed, served)| committed != served);
    assert_eq!(differs, None, "write it with WRITE_SCHEMA=1");
    assert!(committed == served, "write it with WRITE_SCHEMA=1");
}
