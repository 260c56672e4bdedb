//! Access control: nobody can impersonate the edge or another client, or reach another client's payments.

use std::time::{SystemTime, UNIX_EPOCH};

use edge_core::attestation::{self, Keys, Statement};
use edge_core::client::ClientId;
use gateway_tests::{Gateway, HttpResponse, http2, shared, without_webhooks};
use http::HeaderName;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

const CHARGE: &str =
    r#"{"provider":"stripe","amount":860,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const COPIED: &str =
    r#"{"provider":"stripe","amount":861,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const SOME_TXN: &str = "txn_01890000-0000-7000-8000-000000000000";
const SOME_RFND: &str = "rfnd_01890000-0000-7000-8000-000000000000";

/// Headers that callers might use to impersonate the edge.
const SPOOFS: [&[(&str, &str)]; 8] = [
    &[("x-client-id", "demo-2")],
    &[("X-Client-Id", "demo-2"), ("X-CLIENT-ID", "demo-2")],
    &[("X-Client-ID", "")],
    &[("x-edge-attestation", "v=1;kid=k1;t=1;rid=a;client=demo-2;mac=00")],
    &[("X-Edge-Attestation", "v=1"), ("x-edge-attestation", "v=1")],
    &[("x-edge-client", "demo-2"), ("X-EDGE-Outcome", "forwarded"), ("x-edge-", "1")],
    &[("x-request-id", "chosen"), ("x-envoy-retry-on", "5xx"), ("x-envoy-original-path", "/metrics")],
    &[
        ("x-forwarded-for", "127.0.0.1"),
        ("x-envoy-internal", "true"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
    ],
];

#[tokio::test]
async fn headers_that_are_the_edges_own_change_nothing_when_a_caller_sends_them() {
    let gateway = shared().await;
    for spoof in SPOOFS {
        let request = gateway.raw_charge();
        let request = spoof.iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = gateway.send_raw(&request.body(CHARGE)).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        assert_ne!(response.header("x-request-id"), Some("chosen"));
        let transaction = response.transaction_id();
        let path = format!("/payments/{transaction}");
        assert_eq!(gateway.payment(&transaction).await["status"], "completed", "{spoof:?}");
        gateway.as_demo_2().get(&path).await.refuses(404, "TRANSACTION_NOT_FOUND");
        let events = gateway.events(&transaction).await;
        assert!(events.iter().all(|event| event["client"] == "demo"), "{spoof:?}: {events:?}");
    }
}

#[tokio::test]
async fn the_edges_own_headers_change_nothing_over_http_2_either() {
    let gateway = shared().await;
    for spoof in SPOOFS {
        let mut request = http2::post("/payments/charge");
        for (name, value) in spoof {
            request.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let response = http2::send(gateway.address(), request, &[CHARGE.as_bytes()], None).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        assert_eq!(gateway.payment(&response.transaction_id()).await["status"], "completed", "{spoof:?}");
    }
}

#[tokio::test]
async fn two_keys_are_no_key() {
    let gateway = shared().await;
    for second in ["Bearer demo-key-2", "Bearer demo-key", "Bearer wrong"] {
        let request = gateway.raw_charge().header("Authorization", second).body(CHARGE);
        gateway.send_raw(&request).await.refuses(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_client_id_without_a_key_is_not_authenticated() {
    let gateway = shared().await;
    for spoof in SPOOFS {
        let url = format!("{}/payments", gateway.stack().gateway_url());
        let request = gateway.http.get(url);
        let request = spoof.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        HttpResponse::of(request).await.refuses(401, "UNAUTHENTICATED");
    }
}

/// Every operation of the API, as requests to the control plane's own port.
fn every_operation() -> Vec<(Method, String, &'static str)> {
    let payment = format!("/payments/{SOME_TXN}");
    vec![
        (Method::POST, "/payments/charge".to_owned(), CHARGE),
        (
            Method::POST,
            "/payments/refund".to_owned(),
            r#"{"transactionId":"txn_01890000-0000-7000-8000-000000000000"}"#,
        ),
        (Method::POST, format!("{payment}/capture"), ""),
        (Method::POST, format!("{payment}/cancel"), ""),
        (Method::GET, payment.clone(), ""),
        (Method::GET, format!("{payment}/events"), ""),
        (Method::GET, "/events".to_owned(), ""),
        (Method::GET, "/events?ticket=evtk_aaaa".to_owned(), ""),
        (
            Method::POST,
            "/events/tickets".to_owned(),
            r#"{"payment":"txn_01890000-0000-7000-8000-000000000000"}"#,
        ),
        (Method::GET, "/payments".to_owned(), ""),
        (Method::GET, "/payments?limit=1".to_owned(), ""),
        (Method::GET, format!("/refunds/{SOME_RFND}"), ""),
        (Method::GET, "/no/such/path".to_owned(), ""),
        (Method::DELETE, payment, ""),
    ]
}

fn past_the_edge(gateway: &Gateway<'_>, method: &Method, path: &str, body: &'static str) -> RequestBuilder {
    let url = format!("{}{path}", gateway.stack().control_plane_url());
    let request = gateway.http.request(method.clone(), url).bearer_auth("demo-key");
    request.header("content-type", "application/json").header("x-request-id", "past-the-edge").body(body)
}

/// An attestation like those of this gateway's edge.
fn attest(gateway: &Gateway<'_>, method: &str, path: &str, body: &str, age_s: u64) -> String {
    let keys = Keys::parse(gateway.stack().setting("EDGE_ATTESTATION_KEYS").unwrap()).unwrap();
    let claims =
        Statement { client: ClientId::parse("demo"), ..Statement::anonymous("past-the-edge".to_owned()) };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    keys.sign(&attestation::Request::new(method, path, body.as_bytes()), &claims, now_s - age_s)
}

#[tokio::test]
async fn requests_that_bypass_the_edge_get_401_on_every_path() {
    let gateway = shared().await;
    for (method, path, body) in every_operation() {
        let plain = || past_the_edge(&gateway, &method, &path, body);
        HttpResponse::of(plain()).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
        let as_client = plain().header("x-client-id", "demo");
        HttpResponse::of(as_client).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
        for forged in ["", "v=1", "v=1;kid=k1;t=1;rid=a;client=demo;mac=00"] {
            let forged = plain().header("x-edge-attestation", forged);
            HttpResponse::of(forged).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
        }
    }
}

#[tokio::test]
async fn an_attestation_does_not_serve_for_another_request() {
    let gateway = shared().await;
    let list = attest(&gateway, "GET", "/payments", "", 0);
    let good = past_the_edge(&gateway, &Method::GET, "/payments", "").header("x-edge-attestation", &list);
    // The attestation itself is valid: what follows is rejected for its use.
    HttpResponse::of(good).await.succeeds(200, &json!({}));
    for (method, path, body) in every_operation().into_iter().filter(|(_, path, _)| path != "/payments") {
        let replayed = past_the_edge(&gateway, &method, &path, body).header("x-edge-attestation", &list);
        HttpResponse::of(replayed).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
    }
    let cheap = attest(&gateway, "POST", "/payments/charge", &CHARGE.replace("860", "1"), 0);
    let other_body = past_the_edge(&gateway, &Method::POST, "/payments/charge", CHARGE);
    let other_body = other_body.header("x-edge-attestation", cheap);
    HttpResponse::of(other_body).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
}

/// As the edge attests a charge without an idempotency key, where keys are not required.
#[tokio::test]
async fn a_copied_charge_without_a_key_is_made_once() {
    let gateway = shared().await;
    let attestation = attest(&gateway, "POST", "/payments/charge", COPIED, 0);
    let send = || {
        let request = past_the_edge(&gateway, &Method::POST, "/payments/charge", COPIED);
        HttpResponse::of(request.header("x-edge-attestation", &attestation))
    };
    send().await.succeeds(200, &json!({ "status": "completed" }));
    send().await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
}

#[tokio::test]
async fn an_attestation_that_is_old_or_comes_twice_is_refused() {
    let gateway = shared().await;
    let ask = || past_the_edge(&gateway, &Method::GET, "/payments", "");
    let old = ask().header("x-edge-attestation", attest(&gateway, "GET", "/payments", "", 90));
    HttpResponse::of(old).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
    let good = attest(&gateway, "GET", "/payments", "", 0);
    let twice = ask().header("x-edge-attestation", &good).header("x-edge-attestation", &good);
    HttpResponse::of(twice).await.refuses(401, "EDGE_ATTESTATION_REQUIRED");
}

#[tokio::test]
async fn a_client_can_neither_see_nor_touch_anothers_payment() {
    let gateway = shared().await;
    let stranger = gateway.as_demo_2();
    let held = json!({
        "provider": "stripe", "amount": 870, "currency": "USD", "paymentMethodId": "pm_card_visa", "capture": "manual",
    });
    let held = gateway.charge(&held).await.transaction_id();
    let done = gateway.post("/payments/charge", CHARGE).await.transaction_id();
    let refund = gateway.refund(&done, Some(10)).await.at("/refundId");

    for transaction in [&held, &done] {
        let path = format!("/payments/{transaction}");
        for response in [
            stranger.get(&path).await,
            stranger.get(&format!("{path}/events")).await,
            stranger.refund(transaction, Some(1)).await,
            stranger.refund(transaction, None).await,
            stranger.capture(transaction, None).await,
            stranger.cancel(transaction).await,
        ] {
            response.refuses(404, "TRANSACTION_NOT_FOUND");
        }
        let list = stranger.get("/payments?limit=100").await.text();
        assert!(!list.contains(transaction.as_str()));
        let behind = stranger.get(&format!("/payments?startingAfter={transaction}")).await.text();
        assert!(!behind.contains("\"amount\":870") && !behind.contains("\"amount\":860"), "{behind}");
    }
    stranger.get(&format!("/refunds/{refund}")).await.refuses(404, "NOT_FOUND");

    assert_eq!(gateway.payment(&held).await["status"], "authorized");
    assert_eq!(gateway.effects(&held).await, ["stripe authorize 870 USD"]);
    assert_eq!(gateway.effects(&done).await, ["stripe charge 860 USD", "stripe refund 10 USD"]);
}

#[tokio::test]
async fn a_client_cannot_resubmit_the_order_of_anothers_payer() {
    // No event of the provider resumes the payment before the client does.
    let gateway = without_webhooks().await;
    let order = json!({ "provider": "paypal", "amount": 880, "currency": "USD", "returnUrl": "https://shop.example" });
    let response = gateway.charge(&order).await;
    let (transaction, page) = (response.transaction_id(), response.at("/nextAction/url"));
    gateway.sandbox.decide(&page, "approve").await;
    let mut brought = order.clone();
    brought["paymentMethodId"] = json!(page.split_once("token=").unwrap().1);
    let error = gateway.as_demo_2().charge(&brought).await.refuses(400, "INVALID_REQUEST");
    assert_eq!(error["param"], "paymentMethodId");
    assert!(!error.to_string().contains(&transaction), "{error}");
    gateway
        .charge(&brought)
        .await
        .succeeds(200, &json!({ "transactionId": transaction, "status": "completed" }));
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 880 USD"]);
}
