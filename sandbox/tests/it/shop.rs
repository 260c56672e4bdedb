//! The demonstration shop: its page, and its server in front of a gateway.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use provider_sandbox::Config;
use reqwest::Method;
use tokio::net::TcpListener;

use crate::support::{HttpResponse, TestSandbox, Value, json};

/// What arrived at the gateway: path, `Authorization`, `Idempotency-Key` and body.
type ReceivedRequests = Arc<Mutex<Vec<(String, String, String, Value)>>>;

async fn answer(
    State(arrived): State<ReceivedRequests>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> impl IntoResponse {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let body = serde_json::from_str(&body).unwrap_or_default();
    let request = (uri.path().to_owned(), header("authorization"), header("idempotency-key"), body);
    arrived.lock().unwrap().push(request);
    (StatusCode::PAYMENT_REQUIRED, Json(json!({ "success": false })))
}

/// A gateway that keeps what it gets and says 402.
async fn gateway() -> (String, ReceivedRequests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let arrived = ReceivedRequests::default();
    let router = Router::new().fallback(answer).with_state(Arc::clone(&arrived));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, arrived)
}

#[tokio::test]
async fn the_page_and_everything_it_loads_are_there() {
    let sandbox = TestSandbox::new().await;
    let page = sandbox.visit(Method::GET, "/_sandbox/checkout").await;
    assert_eq!(page.status, 200);
    let script = sandbox.visit(Method::GET, "/_sandbox/checkout/checkout.js").await;
    let sources = [page.text, script.text].concat();
    let loaded: Vec<_> =
        sources.split(['"', '\'']).filter(|part| part.starts_with("/_sandbox/checkout/")).collect();
    assert!(loaded.len() >= 7, "{loaded:?}");
    for path in loaded {
        assert_eq!(sandbox.visit(Method::GET, path).await.status, 200, "{path}");
    }
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/checkout/other.js").await.status, 404);
}

#[tokio::test]
async fn the_shops_server_charges_with_its_own_key_and_the_pages_idempotency_key() {
    let (url, arrived) = gateway().await;
    let gateway_key = "test-key".to_owned();
    let sandbox = TestSandbox::with(|config| Config { gateway_url: url, gateway_key, ..config }).await;
    let charge = json!({ "amount": 10.0, "currency": "USD" });
    let send = async |key: Option<&str>| {
        let request = sandbox.http.post(sandbox.url("/_sandbox/shop/pay")).json(&charge);
        let request = key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
        HttpResponse::of(request).await.status
    };
    assert_eq!(send(Some("order-1")).await, 402, "the gateway's answer is passed on");
    assert_eq!(send(None).await, 400);
    let arrived = arrived.lock().unwrap().clone();
    let key = "Bearer test-key".to_owned();
    assert_eq!(arrived, [("/payments/charge".to_owned(), key, "order-1".to_owned(), charge)]);
}

#[tokio::test]
async fn what_a_foreign_page_can_send_unasked_is_not_passed_on() {
    let (url, arrived) = gateway().await;
    let sandbox = TestSandbox::with(|config| Config { gateway_url: url, ..config }).await;
    for path in ["pay", "tickets"] {
        let request = sandbox.http.post(sandbox.url(&format!("/_sandbox/shop/{path}")));
        let request = request.header("Idempotency-Key", "k").header("Content-Type", "text/plain");
        assert_eq!(HttpResponse::of(request.body("{}")).await.status, 400, "{path}");
    }
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/shop/payments/..%2Fevents").await.status, 404);
    assert_eq!(arrived.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_gateway_that_is_away_is_said_to_be() {
    let sandbox =
        TestSandbox::with(|config| Config { gateway_url: "http://127.0.0.1:9".to_owned(), ..config }).await;
    let request = sandbox.http.post(sandbox.url("/_sandbox/shop/tickets")).json(&json!({}));
    let answer = HttpResponse::of(request).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (502, &json!("GATEWAY_UNAVAILABLE")));
}

#[tokio::test]
async fn the_live_page_watches_the_sandboxes_own_gateway() {
    let gateway_url = "http://127.0.0.1:9080/\"><b>".to_owned();
    let sandbox = TestSandbox::with(|config| Config { gateway_url, ..config }).await;
    let page = sandbox.visit(Method::GET, "/_sandbox/live").await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("data-gateway=\"http://127.0.0.1:9080/&quot;&gt;&lt;b&gt;\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains(":8080"), "no other gateway is named");
}
