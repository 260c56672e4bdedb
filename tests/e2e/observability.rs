//! What operators and monitoring tools see.

use gateway_tests::{HttpResponse, rejecting, shared, until};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_description_of_the_api_is_for_clients() {
    let gateway = shared().await;
    let response = gateway.get("/openapi.json").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    let document = response.json();
    for path in [
        "/payments/charge",
        "/payments/refund",
        "/payments/{id}/capture",
        "/payments/{id}/cancel",
        "/payments",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    // And for operators, on the control plane's own port.
    let url = format!("{}/openapi.json", gateway.stack().control_plane_url());
    assert_eq!(HttpResponse::of(gateway.http.get(url)).await.json(), document);
}

#[tokio::test]
async fn nobody_unknown_reaches_the_control_plane() {
    let gateway = rejecting().await;
    for path in
        ["/openapi.json", "/payments", "/payments/%ff", "/refunds/%ff", "/webhooks/stripe", "/docs/x", "/"]
    {
        let url = format!("{}{path}", gateway.stack().gateway_url());
        let response = HttpResponse::of(gateway.http.get(url)).await;
        assert!((400..500).contains(&response.status), "{path}: {}", response.text());
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn invented_methods_make_no_new_time_series() {
    let gateway = shared().await;
    let url = gateway.stack().control_plane_url();
    for method in ["BREW", "WHEN", "get", "POSTPOST"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        HttpResponse::of(gateway.http.request(method, format!("{url}/payments")))
            .await
            .refuses(401, "EDGE_ATTESTATION_REQUIRED");
    }
    let metrics = HttpResponse::of(gateway.http.get(format!("{url}/metrics"))).await.text();
    assert!(metrics.contains("http_request_method=\"_OTHER\""), "{metrics}");
    for method in ["BREW", "WHEN", "\"get\"", "POSTPOST"] {
        assert!(!metrics.contains(method), "{method} in {metrics}");
    }
}

#[tokio::test]
async fn health_and_metrics_are_no_part_of_the_public_api() {
    let gateway = rejecting().await;
    // `/healthz` is Envoy's own, for load balancers.
    for path in ["/readyz", "/metrics", "/stats", "/stats/prometheus", "/ready", "/_sandbox/ledger"] {
        gateway.get(path).await.refuses(404, "NOT_FOUND");
        let url = format!("{}{path}", gateway.stack().gateway_url());
        let nobody = HttpResponse::of(gateway.http.get(url)).await;
        assert!([401, 404].contains(&nobody.status), "{path}: {}", nobody.text());
        let own = format!("{}{path}", gateway.stack().control_plane_url());
        if ["/readyz", "/metrics"].contains(&path) {
            assert_eq!(HttpResponse::of(gateway.http.get(own)).await.status, 200, "{path}");
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn the_edge_counts_each_outcome() {
    let gateway = shared().await;
    let outcomes = [
        "forwarded",
        "invalid_request",
        "card_data_not_accepted",
        "method_not_allowed",
        "transaction_not_found",
    ];
    let mut before = Vec::new();
    for outcome in outcomes {
        before.push(gateway.edge_count(outcome).await);
    }
    gateway.get("/payments?limit=1").await.succeeds(200, &json!({}));
    gateway.get("/payments?limit=0").await.refuses(400, "INVALID_REQUEST");
    gateway.get("/payments?limit=4012888888881881").await.refuses(400, "CARD_DATA_NOT_ACCEPTED");
    gateway.get("/payments/charge").await.refuses(405, "METHOD_NOT_ALLOWED");
    gateway.get("/payments/1").await.refuses(404, "TRANSACTION_NOT_FOUND");
    for (outcome, before) in outcomes.into_iter().zip(before) {
        // Other tests send requests, too.
        let now = gateway.edge_count(outcome).await;
        assert!(now > before, "{outcome} was {before} and is {now}");
    }
}

/// The names of OpenTelemetry in their Prometheus form.
#[tokio::test]
async fn the_control_plane_measures_each_operation() {
    let gateway = shared().await;
    gateway.get("/payments?limit=1").await.succeeds(200, &json!({}));
    gateway
        .get("/payments/txn_01890000-0000-7000-8000-000000000000")
        .await
        .refuses(404, "TRANSACTION_NOT_FOUND");
    let url = format!("{}/metrics", gateway.stack().control_plane_url());
    let metrics = HttpResponse::of(gateway.http.get(url)).await.text();
    for (route, status) in [("/payments", "200"), ("/payments/{id}", "404")] {
        let labels = [
            "http_request_method=\"GET\"".to_owned(),
            format!("http_route=\"{route}\""),
            format!("http_response_status_code=\"{status}\""),
        ];
        let mut counts =
            metrics.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count{"));
        assert!(
            counts.any(|line| labels.iter().all(|label| line.contains(label))),
            "{labels:?} in {metrics}"
        );
    }
}

#[tokio::test]
async fn the_access_log_says_how_a_request_ended_and_nothing_that_is_secret() {
    let gateway = shared().await;
    let charge = json!({
        "provider": "stripe", "amount": 640, "currency": "USD", "paymentMethodId": "pm_card_visa",
        "description": "not for the log",
    });
    for (response, expected) in [
        (gateway.charge(&charge).await, ("POST", 200, "forwarded")),
        (gateway.get("/payments?status=completed&limit=7").await, ("GET", 200, "forwarded")),
        (gateway.get("/payments?status=unheard-of").await, ("GET", 400, "invalid_request")),
        (
            gateway.post("/payments/charge", r#"{"not":"for the log"}"#).await,
            ("POST", 400, "invalid_request"),
        ),
        (
            HttpResponse::of(gateway.request(Method::PUT, "/payments")).await,
            ("PUT", 405, "method_not_allowed"),
        ),
    ] {
        let line = gateway.access_log_line(&response).await;
        let (method, status, outcome) = expected;
        for (field, value) in [
            ("method", json!(method)),
            ("status", json!(status)),
            ("edge_outcome", json!(outcome)),
            ("protocol", json!("HTTP/1.1")),
        ] {
            assert_eq!(line[field], value, "{field} in {line}");
        }
        if outcome == "forwarded" {
            assert_eq!(line["client"], "demo", "{line}");
        }
        let line = line.to_string();
        for secret in ["demo-key", "Bearer", "limit", "unheard", "not for the log", "pm_card_visa"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[tokio::test]
async fn a_refused_key_is_in_no_log() {
    let gateway = rejecting().await;
    let url = format!("{}/payments?limit=7", gateway.stack().gateway_url());
    let response = HttpResponse::of(gateway.http.get(url).bearer_auth("a-key-that-is-almost-right")).await;
    response.refuses(401, "UNAUTHENTICATED");
    let line = gateway.access_log_line(&response).await;
    assert_eq!((&line["status"], line.get("client")), (&json!(401), None), "{line}");
    for (path, log) in gateway.files() {
        let log = String::from_utf8_lossy(&log).into_owned();
        assert!(!log.contains("almost-right"), "{}", path.display());
    }
}

#[tokio::test]
async fn the_logs_of_the_control_plane_are_json_and_name_the_request() {
    let gateway = shared().await;
    let response = gateway.get("/payments?limit=1&provider=stripe").await;
    let id = response.header("x-request-id").unwrap();
    let log = gateway.stack().run_dir().log("control-plane");
    until("the request's line in the log", async || {
        let text = std::fs::read_to_string(&log).ok()?;
        let (whole, _) = text.rsplit_once('\n')?;
        whole.lines().find(|line| line.contains(id)).map(|line| {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            assert!(!line.to_string().contains("provider=stripe"), "{line}");
        })
    })
    .await;
}
