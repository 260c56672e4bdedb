//! What Envoy says of itself: to load balancers, to scrapers, and at its admin interface.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::{Gateway, HttpResponse, OwnGateway, shared, until};
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How many connections the listener of metrics takes.
const STATS_CONNECTIONS: usize = 32;

async fn asked(gateway: &Gateway<'_>, method: Method, base: &str, path: &str) -> HttpResponse {
    HttpResponse::of(gateway.http.request(method, format!("{base}{path}"))).await
}

/// What a load balancer gets, which has no key.
async fn probed(gateway: &Gateway<'_>) -> HttpResponse {
    asked(gateway, Method::GET, &gateway.stack().gateway_url(), "/healthz").await
}

/// Whether Envoy has closed a connection on which nothing is asked: it has nothing to say there.
async fn is_closed(connection: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(50), connection.read(&mut [0; 1])).await.is_ok()
}

async fn is_charged(gateway: &Gateway<'_>) -> HttpResponse {
    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    let response = gateway.charge(&charge).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    response
}

#[tokio::test]
async fn the_listener_of_metrics_gives_them_and_whether_envoy_is_ready_and_nothing_else() {
    let gateway = shared().await;
    let stats = gateway.stack().stats_url();
    let metrics = asked(&gateway, Method::GET, &stats, "/stats/prometheus").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().lines().any(|line| line.starts_with("envoy_server_live")), "{}", metrics.text());
    assert_eq!(asked(&gateway, Method::GET, &stats, "/ready").await.status, 200);
    for (method, path) in [
        (Method::POST, "/stats/prometheus"),
        (Method::POST, "/ready"),
        (Method::GET, "/"),
        (Method::GET, "/stats"),
        (Method::GET, "/stats/prometheus/"),
        (Method::GET, "/config_dump"),
        (Method::POST, "/quitquitquit"),
        (Method::POST, "/healthcheck/fail"),
        (Method::POST, "/drain_listeners"),
        (Method::GET, "/healthz"),
    ] {
        let answer = asked(&gateway, method.clone(), &stats, path).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
    }
    let with_a_body = gateway.http.get(format!("{stats}/stats/prometheus")).body(vec![b'a'; 4_096]);
    assert_eq!(HttpResponse::of(with_a_body).await.status, 413);
}

#[tokio::test]
async fn the_listener_of_metrics_takes_a_few_connections_and_closes_the_others() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let stats = own.stack.stats_url();
    let address = stats.trim_start_matches("http://");
    let mut connections = Vec::new();
    for _ in 0..STATS_CONNECTIONS + 8 {
        connections.push(TcpStream::connect(address).await.unwrap());
    }
    let mut count_closed = async || {
        let closed = join_all(connections.iter_mut().map(is_closed)).await;
        closed.into_iter().filter(|closed| *closed).count()
    };
    while count_closed().await < 8 {}
    sleep(Duration::from_secs(1)).await;
    assert_eq!(count_closed().await, 8);
    drop(connections);
    until("metrics again", async || {
        let metrics = HttpResponse::try_of(gateway.http.get(format!("{stats}/stats/prometheus"))).await;
        metrics.ok().filter(|metrics| metrics.status == 200)
    })
    .await;
}

#[tokio::test]
async fn the_admin_interface_refuses_what_shows_the_configuration_or_ends_envoy() {
    let gateway = shared().await;
    let admin = gateway.stack().admin_url();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/help"),
        (Method::GET, "/config_dump"),
        (Method::GET, "/config_dump?resource=static_listeners"),
        (Method::GET, "/certs"),
        (Method::GET, "/clusters"),
        (Method::GET, "/server_info"),
        (Method::POST, "/quitquitquit"),
        (Method::POST, "/logging?level=trace"),
        (Method::POST, "/runtime_modify?a=1"),
        (Method::POST, "/reset_counters"),
        (Method::POST, "/stats/recentlookups/enable"),
    ] {
        let answer = asked(&gateway, method.clone(), &admin, path).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    for path in ["/ready", "/stats", "/stats?filter=^server.live$", "/stats/prometheus?usedonly"] {
        assert_eq!(asked(&gateway, Method::GET, &admin, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_balancer_is_told_to_go_elsewhere_while_charges_still_go_through() {
    let own = OwnGateway::start(&[]).await;
    let (gateway, url) = (own.gateway(), own.stack.gateway_url());
    let asked_before = gateway.control_plane_requests().await;
    assert_eq!(probed(&gateway).await.status, 200);
    assert_eq!(asked(&gateway, Method::HEAD, &url, "/healthz").await.status, 200);
    for (method, path) in
        [(Method::POST, "/healthz"), (Method::GET, "/healthz/"), (Method::GET, "/healthz?a")]
    {
        asked(&gateway, method, &url, path).await.refuses(401, "UNAUTHENTICATED");
    }
    assert_eq!(gateway.control_plane_requests().await, asked_before, "the control plane was asked");

    let admin = own.stack.admin_url();
    assert_eq!(asked(&gateway, Method::POST, &admin, "/healthcheck/fail").await.status, 200);
    probed(&gateway).await.refuses(503, "GATEWAY_UNAVAILABLE");
    assert_eq!(asked(&gateway, Method::GET, &own.stack.stats_url(), "/ready").await.status, 503);
    let charged = is_charged(&gateway).await;
    assert!(
        !charged.headers.keys().any(|name| name.as_str().starts_with("x-envoy-")),
        "{:?}",
        charged.headers
    );

    assert_eq!(asked(&gateway, Method::POST, &admin, "/healthcheck/ok").await.status, 200);
    assert_eq!(probed(&gateway).await.status, 200);
}

#[tokio::test]
async fn a_balancer_is_answered_while_its_address_is_over_its_limit() {
    let own = OwnGateway::start(&[("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "5")]).await;
    let (gateway, url) = (own.gateway(), own.stack.gateway_url());
    let mut refused = 0;
    for _ in 0..200 {
        let answer = asked(&gateway, Method::GET, &url, "/payments").await;
        refused += u32::from(answer.status == 429);
        assert_eq!(probed(&gateway).await.status, 200);
    }
    assert!(refused > 0, "the limit does not hold");
}

#[tokio::test]
async fn probes_of_balancers_do_not_fill_the_access_log() {
    let gateway = shared().await;
    for _ in 0..200 {
        assert_eq!(probed(&gateway).await.status, 200);
    }
    // All before it have been written.
    let charged = is_charged(&gateway).await;
    gateway.access_log_line(&charged).await;
    let lines = gateway.access_log_lines();
    // Whatever else succeeds has a route.
    let probes = lines.iter().filter(|line| line["status"] == 200 && line["route"].is_null());
    assert!(probes.count() < 50);
}
