//! The error responses of the filter.

use gateway_tests::http1::Request;
use gateway_tests::{HttpResponse, fresh_key, http2, rejecting, shared};
use reqwest::{Method, RequestBuilder};

const TXN: &str = "txn_01a208c0-8b0a-7f79-8faa-ca2c29f93c7b";
const RFND: &str = "rfnd_01a208c0-8b0a-7f79-8faa-ca2c29f93c7b";
const CHARGE: &str =
    r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;

#[tokio::test]
async fn a_path_that_is_no_operation_is_not_found() {
    let gateway = rejecting().await;
    for path in
        ["/payments/", "/payments/charge/", "/refunds", "/refunds/", "/refunds/1", &format!("/refunds/{TXN}")]
    {
        let response = gateway.get(path).await;
        assert!([404, 405].contains(&response.status), "{path}: {}", response.text());
    }
    for path in
        [format!("/payments/{TXN}/refund"), format!("/payments/{TXN}/events/1"), "/refunds/1/2".to_owned()]
    {
        gateway.get(&path).await.refuses(404, "NOT_FOUND");
        gateway.post(&path, "{}").await.refuses(404, "NOT_FOUND");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn an_id_that_no_payment_can_have_is_an_unknown_transaction() {
    let gateway = rejecting().await;
    for id in
        ["1", "txn_1", &TXN.to_uppercase(), &TXN.replace("txn", "rfnd"), &format!("{TXN}0"), "txn_%2e%2e"]
    {
        gateway.get(&format!("/payments/{id}")).await.refuses(404, "TRANSACTION_NOT_FOUND");
        gateway.post(&format!("/payments/{id}/capture"), "").await.refuses(404, "TRANSACTION_NOT_FOUND");
        gateway.post(&format!("/payments/{id}/cancel"), "").await.refuses(404, "TRANSACTION_NOT_FOUND");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn another_method_on_a_known_path_is_refused_and_the_right_one_named() {
    let gateway = rejecting().await;
    let posts = [
        "/payments/charge",
        "/payments/refund",
        &format!("/payments/{TXN}/capture"),
        &format!("/payments/{TXN}/cancel"),
    ];
    let gets = [
        "/payments",
        &format!("/payments/{TXN}"),
        &format!("/payments/{TXN}/events"),
        &format!("/refunds/{RFND}"),
        "/openapi.json",
    ];
    let paths = posts.map(|path| (path, "POST")).into_iter().chain(gets.map(|path| (path, "GET")));
    for (path, allowed) in paths {
        for method in
            ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].iter().filter(|method| **method != allowed)
        {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let response = HttpResponse::of(gateway.request(method.clone(), path)).await;
            response.refuses(405, "METHOD_NOT_ALLOWED");
            assert_eq!(response.header("allow"), Some(allowed), "{method} {path}");
        }
        let head = HttpResponse::of(gateway.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.header("allow")), (405, Some(allowed)), "HEAD {path}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_an_unsupported_media_type() {
    let gateway = rejecting().await;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=latin1"),
        Some("application/json, text/plain"),
        Some("application/json-patch+json"),
        Some("multipart/form-data; boundary=x"),
        Some("application/grpc"),
        Some("application/grpc+json"),
        Some("application/grpc-web"),
    ] {
        let request = gateway.request(Method::POST, "/payments/charge").body(CHARGE);
        let request =
            content_type.into_iter().fold(request, |request, value| request.header("content-type", value));
        HttpResponse::of(request).await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for encoding in ["gzip", "identity", "br"] {
        let request =
            gateway.request(Method::POST, "/payments/charge").header("content-type", "application/json");
        let request = request.header("content-encoding", encoding).body(CHARGE);
        HttpResponse::of(request).await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    gateway.nothing_reached_the_control_plane().await;
}

/// Left alone, Envoy would answer 200 and put the rest into headers.
#[tokio::test]
async fn a_request_that_says_it_is_grpc_is_refused_whatever_it_asks_for() {
    let gateway = rejecting().await;
    let grpc_as = async |request: RequestBuilder, content_type: &[u8]| {
        let response = HttpResponse::of(request.header("content-type", content_type)).await;
        assert_eq!(response.header("cache-control"), Some("no-store"), "{:?}", response.headers);
        for name in ["grpc-status", "grpc-message", "x-edge-status"] {
            assert_eq!(response.header(name), None, "{:?}", response.headers);
        }
        response
    };
    let grpc = async |request: RequestBuilder| grpc_as(request, b"application/grpc").await;
    // As Envoy reads them, bytes that are no text included.
    for content_type in [
        &b"application/grpc+json"[..],
        b"application/grpc+\xff",
        b"application/grpc+a\xe9b",
        b"application/grpc;a=b",
    ] {
        let charge = gateway.request(Method::POST, "/payments/charge").body(CHARGE);
        grpc_as(charge, content_type).await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let cancel = format!("/payments/{TXN}/cancel");
    for (method, path) in [
        (Method::POST, "/payments/charge"),
        (Method::POST, cancel.as_str()),
        (Method::GET, "/payments"),
        (Method::POST, "/webhooks/stripe"),
        (Method::POST, "/nowhere"),
    ] {
        let refused = grpc(gateway.request(method, path).body(CHARGE)).await;
        refused.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let stranger = gateway.http.post(format!("{}/payments/charge", gateway.stack().gateway_url()));
    grpc(stranger.body(CHARGE)).await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    let head = grpc(gateway.request(Method::HEAD, "/payments/charge")).await;
    assert_eq!((head.status, head.body.len()), (415, 0));

    let mut over_http2 = http2::post("/payments/charge");
    over_http2.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let refused = http2::send(gateway.address(), over_http2, &[CHARGE.as_bytes()], None).await;
    refused.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    gateway.nothing_reached_the_control_plane().await;
}

/// Given by any of them: control plane, filter, or Envoy before and after the filter.
#[tokio::test]
async fn no_answer_is_kept_by_a_cache() {
    let gateway = shared().await;
    let key = fresh_key();
    let charge = serde_json::from_str(CHARGE).unwrap();
    let stranger = gateway.http.get(format!("{}/payments", gateway.stack().gateway_url()));
    for (response, status) in [
        (gateway.charge_under(&key, &charge).await, 200),
        (gateway.charge_under(&key, &charge).await, 200),
        (gateway.get("/payments?limit=1").await, 200),
        (gateway.get(&format!("/payments/{TXN}")).await, 404),
        (gateway.get("/payments?limit=0").await, 400),
        (gateway.get("/nowhere").await, 404),
        (HttpResponse::of(stranger).await, 401),
        (gateway.send_raw(&gateway.raw_charge().header("bad name", "1")).await, 400),
        (gateway.send_raw(&gateway.raw_charge().header("content-length", "300000")).await, 413),
    ] {
        assert_eq!(response.status, status, "{}", response.text());
        assert_eq!(response.header("cache-control"), Some("no-store"), "{status}: {}", response.text());
    }
}

#[tokio::test]
async fn a_path_has_one_spelling() {
    let gateway = rejecting().await;
    // Envoy normalizes dots and slashes before anything is decided: the result is treated like any other path.
    for (path, status) in [
        ("/payments/%2e%2e/readyz", 404),
        ("/payments/../readyz", 404),
        ("/payments/..%2freadyz", 400),
        ("/payments%2fcharge", 400),
        ("/PAYMENTS/charge", 404),
        ("/payments/charge;v=1", 404),
    ] {
        let request = Request::new("GET", path).header("authorization", "Bearer demo-key");
        let response = gateway.send_raw(&request).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        assert_eq!(response.json()["success"], false, "{path}");
    }
    gateway.nothing_reached_the_control_plane().await;
}
