//! The error responses of Envoy without the filter, in the gateway's format.

use std::time::Duration;

use gateway_tests::http1::Request;
use gateway_tests::{OwnGateway, rejecting, until};
use rustix::process::Signal;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How many control planes Envoy considers healthy.
const HEALTHY: &str = "cluster.control_plane.membership_healthy";

#[tokio::test]
async fn without_a_known_key_every_request_is_unauthenticated() {
    let gateway = rejecting().await;
    let paths =
        ["/payments", "/payments/charge", "/payments/txn_01890000-0000-7000-8000-000000000000", "/refunds/1"];
    for path in paths {
        for key in [
            None,
            Some(""),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer wrong"),
            Some("Bearer DEMO-KEY"),
            Some("Bearer demo-key,demo-key-2"),
            Some("Basic ZGVtby1rZXk6"),
            Some("demo"),
        ] {
            let request = Request::new("GET", path);
            let request = key.into_iter().fold(request, |request, key| request.header("authorization", key));
            let response = gateway.send_raw(&request).await;
            assert_eq!(response.status, 401, "{key:?} {path}: {}", response.text());
            response.refuses(401, "UNAUTHENTICATED");
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found() {
    let gateway = rejecting().await;
    for path in ["/", "/nowhere", "/paymentsx", "/webhooks/nobody", "/openapi.jsonx", "/.env"] {
        gateway.get(path).await.refuses(404, "NOT_FOUND");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let gateway = rejecting().await;
    for request in [
        gateway.raw_charge().header("bad name", "1").body("{}"),
        gateway.raw_charge().header("x-long", "a".repeat(20_000)).body("{}"),
        Request::new("GET", "http//nowhere"),
        Request::new("CONNECT", "gateway:443"),
        Request::new("BREW", "/payments"),
        Request::new("OPTIONS", "*"),
        Request::new("GET", "payments"),
    ] {
        let response = gateway.send_raw(&request).await;
        assert!((400..500).contains(&response.status), "{}", response.text());
        // Before there is a head there is no request id.
        assert_eq!(response.json()["success"], false);
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn an_older_version_of_http_is_refused_as_the_description_says() {
    let gateway = rejecting().await;
    for (method, path) in [("GET", "/payments"), ("POST", "/payments/charge"), ("POST", "/webhooks/stripe")] {
        let request = Request::new(method, path).header("authorization", "Bearer demo-key").in_http_1_0();
        let response = gateway.send_raw(&request).await;
        let body = response.json();
        assert_eq!((response.status, &body["error"]["code"]), (426, &json!("INVALID_REQUEST")), "{body}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn another_protocol_is_a_bad_request_with_and_without_a_key() {
    let gateway = rejecting().await;
    for protocol in ["websocket", "TLS/1.0", "foo"] {
        for key in ["Bearer demo-key", "Bearer nobody"] {
            let request = Request::new("GET", "/payments").header("authorization", key);
            let request = request.header("connection", "upgrade").header("upgrade", protocol);
            gateway.send_raw(&request).await.refuses(400, "INVALID_REQUEST");
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}

/// It has no end to wait for: what is not decided at its head hangs until a timeout.
#[tokio::test]
async fn a_handshake_that_can_open_no_socket_is_refused_at_its_head() {
    let gateway = rejecting().await;
    let begun = Instant::now();
    for (method, path, protocol, status, code) in [
        ("POST", "/events/socket", "websocket", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/graphql/socket", "websocket", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/events/socket", "foo", 400, "INVALID_REQUEST"),
        ("GET", "/graphql", "websocket", 400, "INVALID_REQUEST"),
    ] {
        let request = Request::new(method, path).header("authorization", "Bearer demo-key");
        let request = request.header("connection", "upgrade").header("upgrade", protocol);
        gateway.send_raw(&request).await.refuses(status, code);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    gateway.nothing_reached_the_control_plane().await;
}

/// Clients whose HTTP/2 connection offers it would open sockets there, and Envoy takes none so.
#[tokio::test]
async fn extended_connect_is_not_offered_so_that_sockets_are_opened_over_http1() {
    let gateway = rejecting().await;
    let stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = http::Request::get("http://gateway/healthz").version(http::Version::HTTP_2);
    let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    // Settings come before answers.
    assert_eq!(answer.await.unwrap().status(), 200);
    assert!(!client.is_extended_connect_protocol_enabled());
    connection.abort();
}

#[tokio::test]
async fn more_requests_than_allowed_are_turned_away_and_reach_nobody() {
    let own = OwnGateway::start(&[("GATEWAY_REQUESTS_PER_SECOND", "2")]).await;
    let gateway = own.gateway();
    let asked_before = gateway.control_plane_requests().await;
    let (mut passed, mut turned_away) = (0, 0);
    while turned_away < 3 {
        let response = gateway.get("/payments").await;
        match response.status {
            200 => passed += 1,
            _ => {
                assert_eq!(response.refuses(429, "RATE_LIMITED")["retryable"], true);
                turned_away += 1;
            }
        }
        assert!(passed < 100, "nothing is turned away");
    }
    assert_eq!(gateway.control_plane_requests().await, asked_before + passed);
}

#[tokio::test]
async fn without_the_control_plane_a_charge_is_answered_503_and_nothing_happens() {
    let mut own = OwnGateway::start(&[]).await;
    own.gateway().terminate("control-plane");
    let end = own.end_of_a_part().await;
    assert!(end.starts_with("control-plane") && end.contains("exit status: 0"), "{end}");
    let gateway = own.gateway();
    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    for response in [gateway.charge(&charge).await, gateway.get("/payments").await] {
        let error = response.refuses(503, "GATEWAY_UNAVAILABLE");
        assert_eq!(error["retryable"], true);
    }
    // The edge needs nobody for its own answers.
    gateway.get("/payments?limit=0").await.refuses(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_charge_that_no_control_plane_was_fit_to_take_is_answered_503() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.signal("control-plane", Signal::STOP);
    until("the end of its health", async || (gateway.envoy_count(HEALTHY).await == 0).then_some(())).await;
    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    for response in [gateway.charge(&charge).await, gateway.get("/payments").await] {
        response.refuses(503, "GATEWAY_UNAVAILABLE");
    }
    gateway.signal("control-plane", Signal::CONT);
    until("its health", async || (gateway.envoy_count(HEALTHY).await == 1).then_some(())).await;
    // On a busy machine a health check that was in flight may fail once more.
    until("a charge", async || (gateway.charge(&charge).await.status == 200).then_some(())).await;
}
