//! `/graphql` through Envoy and the filter.

mod clients;
mod socket;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, shared};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CHARGE: &str = "mutation Charge($input: ChargePaymentInput!) {
    chargePayment(input: $input) { transactionId payment { id status } userErrors { code declineCode } } }";

fn charge(method: &str) -> Value {
    let input = json!({ "provider": "STRIPE", "amount": 1234, "currency": "USD", "paymentMethodId": method });
    json!({ "query": CHARGE, "variables": { "input": input } })
}

async fn send(gateway: &Gateway<'_>, key: Option<&str>, body: &Value) -> HttpResponse {
    let mut request = gateway.request(Method::POST, "/graphql").json(body);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    HttpResponse::of(request).await
}

fn code(response: &HttpResponse) -> String {
    let body = response.json();
    let own = &body["errors"][0]["extensions"]["code"];
    own.as_str().or(body["error"]["code"].as_str()).unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn a_charge_by_mutation_happens_once_and_its_answer_is_replayed() {
    let gateway = shared().await;
    let key = fresh_key();
    let first = send(&gateway, Some(&key), &charge("pm_card_visa")).await;
    let payload = &first.json()["data"]["chargePayment"];
    assert_eq!(payload["payment"]["status"], "COMPLETED", "{}", first.text());
    let again = send(&gateway, Some(&key), &charge("pm_card_visa")).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    let id = payload["transactionId"].as_str().unwrap();
    assert_eq!(gateway.effects(id).await, ["stripe charge 1234 USD"]);
    let other = send(&gateway, Some(&key), &charge("pm_card_mastercard")).await;
    assert_eq!((other.status, code(&other).as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
}

#[tokio::test]
async fn a_decline_is_data() {
    let gateway = shared().await;
    let declined =
        send(&gateway, Some(&fresh_key()), &charge("pm_card_visa_chargeDeclinedInsufficientFunds")).await;
    assert_eq!(declined.status, 200);
    let payload = declined.json()["data"]["chargePayment"].clone();
    let error = json!({ "code": "PAYMENT_FAILED", "declineCode": "insufficient_funds" });
    assert_eq!(payload["userErrors"], json!([error]), "{}", declined.text());
    assert_eq!(payload["payment"]["status"], "FAILED");
}

#[tokio::test]
async fn a_payment_is_captured_canceled_and_refunded_by_mutations() {
    let gateway = shared().await;
    let authorize = || {
        let mut body = charge("pm_card_visa");
        body["variables"]["input"]["capture"] = "MANUAL".into();
        body
    };
    let id = |response: &HttpResponse| {
        response.json()["data"]["chargePayment"]["transactionId"].as_str().unwrap().to_owned()
    };
    let paid = id(&send(&gateway, Some(&fresh_key()), &authorize()).await);
    let capture = json!({ "query": format!(
        "mutation {{ capturePayment(input: {{ paymentId: \"{paid}\", amount: 1000 }}) {{ payment {{ status amountCaptured }} }} }}"
    ) });
    let captured = send(&gateway, Some(&fresh_key()), &capture).await.json();
    let payment = json!({ "status": "CAPTURED", "amountCaptured": 1000 });
    assert_eq!(captured["data"]["capturePayment"]["payment"], payment, "{captured}");
    let refund = json!({ "query": format!(
        "mutation {{ refundPayment(input: {{ paymentId: \"{paid}\", amount: 400 }}) {{ refundId refund {{ status payment {{ amountRefunded }} }} }} }}"
    ) });
    let refunded = send(&gateway, Some(&fresh_key()), &refund).await.json();
    let refund = json!({ "status": "PROCESSED", "payment": { "amountRefunded": 400 } });
    assert_eq!(refunded["data"]["refundPayment"]["refund"], refund, "{refunded}");
    let held = id(&send(&gateway, Some(&fresh_key()), &authorize()).await);
    let cancel = json!({ "query": format!(
        "mutation {{ cancelPayment(input: {{ paymentId: \"{held}\" }}) {{ payment {{ status }} }} }}"
    ) });
    let canceled = send(&gateway, Some(&fresh_key()), &cancel).await.json();
    assert_eq!(canceled["data"]["cancelPayment"]["payment"]["status"], "CANCELED", "{canceled}");
}

#[tokio::test]
async fn what_could_multiply_a_charge_is_refused_and_executes_nothing() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let one = "chargePayment(input: $input) { transactionId }";
    let body = |query: String| json!({ "query": query, "variables": charge("pm_card_visa")["variables"] });
    let head = "mutation($input: ChargePaymentInput!)";
    let bomb: String = (0..300).map(|n| format!("a{n}: {one} ")).collect();
    let doubling: String =
        (0..30).map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
    let reads: String = (0..300).map(|n| format!("a{n}: payments {{ nodes {{ id }} }} ")).collect();
    let deep = "payment { refunds(first: 1) { nodes { ".repeat(7) + "id" + &" } } }".repeat(7);
    for (key, query, expected) in [
        (None, format!("{{ {reads} }}"), "INVALID_REQUEST"),
        (None, format!("{{ refund(id: \"a\") {{ {deep} }} }}"), "INVALID_REQUEST"),
        (None, format!("{{ ...F0 }} {doubling} fragment F30 on Query {{ __typename }}"), "INVALID_REQUEST"),
        (None, format!("{head} {{ {one} }}"), "IDEMPOTENCY_KEY_REQUIRED"),
        (Some(fresh_key()), format!("{head} {{ a: {one} b: {one} }}"), "INVALID_REQUEST"),
        (Some(fresh_key()), format!("{head} {{ {bomb} }}"), "INVALID_REQUEST"),
        (
            Some(fresh_key()),
            format!("{head} {{ ...f }} fragment f on Mutation {{ {one} }}"),
            "INVALID_REQUEST",
        ),
        (Some(fresh_key()), "{ viewer { client } }".to_owned(), "INVALID_REQUEST"),
    ] {
        let refused = send(&gateway, key.as_deref(), &body(query)).await;
        assert_eq!(code(&refused), expected, "{}", refused.text());
        assert!(refused.json()["data"].is_null(), "{}", refused.text());
    }
    let batch =
        send(&gateway, Some(&fresh_key()), &json!([charge("pm_card_visa"), charge("pm_card_visa")])).await;
    assert_eq!((batch.status, code(&batch).as_str()), (400, "INVALID_REQUEST"));
    let got = gateway.get("/graphql").await;
    assert_eq!((got.status, code(&got).as_str()), (405, "METHOD_NOT_ALLOWED"));
    let card = json!({ "query": "{ payment(id: \"4242424242424242\") { id } }" });
    assert_eq!(code(&send(&gateway, None, &card).await), "CARD_DATA_NOT_ACCEPTED");
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", own.stack.sandbox_url());
    let summary = HttpResponse::of(gateway.http.get(ledger)).await.json();
    assert_eq!(summary["total"], 0, "{summary}");
    assert_eq!(gateway.filter_reloads().await, 0);
}

#[tokio::test]
async fn what_other_servers_take_over_post_and_this_one_does_not_is_refused() {
    let gateway = shared().await;
    let persisted =
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "0f".repeat(32) } } });
    let subscription = json!({ "query": "subscription { paymentEvents { id } }" });
    let upload =
        "--x\r\ncontent-disposition: form-data; name=\"operations\"\r\n\r\n{}\r\n--x--\r\n".to_owned();
    for (media, body, expected) in [
        ("multipart/form-data; boundary=x", upload, (415, "UNSUPPORTED_MEDIA_TYPE")),
        ("application/json", persisted.to_string(), (400, "INVALID_REQUEST")),
        ("application/json", subscription.to_string(), (400, "INVALID_REQUEST")),
    ] {
        for key in [None, Some(fresh_key())] {
            let request = gateway.request(Method::POST, "/graphql").header("content-type", media);
            let request = request.header("accept", "application/graphql-response+json");
            let request = key.iter().fold(request, |request, key| request.header("idempotency-key", key));
            let refused = HttpResponse::of(request.body(body.clone())).await;
            assert_eq!((refused.status, code(&refused).as_str()), expected, "{}", refused.text());
            assert!(refused.json()["data"].is_null(), "{}", refused.text());
        }
    }
}

#[tokio::test]
async fn where_documents_are_registered_no_other_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("charge.graphql"), CHARGE).unwrap();
    let own = OwnGateway::start(&[("GRAPHQL_DOCUMENTS", folder.path().to_str().unwrap())]).await;
    let gateway = own.gateway();
    let variables = charge("pm_card_visa")["variables"].take();
    let unknown = json!({ "documentId": "0f".repeat(32), "variables": variables });
    let changed = json!({ "query": format!("{CHARGE} "), "variables": variables });
    for body in [unknown, changed, json!({ "query": "{ viewer { client } }" })] {
        for key in [None, Some(fresh_key())] {
            let refused = send(&gateway, key.as_deref(), &body).await;
            assert_eq!(code(&refused), "INVALID_REQUEST", "{}", refused.text());
        }
    }
    let registered = json!({ "documentId": hex::encode(Sha256::digest(CHARGE)), "variables": variables });
    let keyless = send(&gateway, None, &registered).await;
    assert_eq!(code(&keyless), "IDEMPOTENCY_KEY_REQUIRED", "{}", keyless.text());
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", own.stack.sandbox_url());
    let total = async || HttpResponse::of(gateway.http.get(&ledger)).await.json()["total"].clone();
    assert_eq!(total().await, 0);
    let charged = send(&gateway, Some(&fresh_key()), &registered).await.json();
    assert_eq!(charged["data"]["chargePayment"]["payment"]["status"], "COMPLETED", "{charged}");
    assert_eq!(total().await, 1);
}

#[tokio::test]
async fn the_status_says_whether_anything_was_executed_if_the_client_knows_the_newer_type() {
    let gateway = shared().await;
    let ask = async |query: &str| {
        let request = gateway.request(Method::POST, "/graphql").json(&json!({ "query": query }));
        HttpResponse::of(request.header("accept", "application/graphql-response+json")).await
    };
    assert_eq!(ask("{ viewer { client } }").await.status, 200);
    assert_eq!(ask("{ viewer { nothing } }").await.status, 400);
    assert_eq!(ask("{").await.status, 400);
}
