//! A limit that several Envoys share through a rate limit service.

use std::fs;
use std::time::{Duration, Instant};

use gateway_tests::rate_limit_service::{Behaviour, RateLimitService};
use gateway_tests::{HttpResponse, OwnGateway};
use local_stack::{Authority, Issued};
use reqwest::Client;
use serde_json::json;
use test_services::{RedisServer, ServerTls};
use tokio::time::sleep;

use super::charge;

const BUDGET: u32 = 12;

/// The responses to reads that are sent to the Envoys in turn.
async fn reads(edges: &[String], http: &Client, key: &str, number: usize) -> Vec<HttpResponse> {
    let mut responses = Vec::new();
    for n in 0..number {
        let url = format!("{}/payments?limit=1", edges[n % edges.len()]);
        responses.push(HttpResponse::of(http.get(url).bearer_auth(key)).await);
    }
    responses
}

fn passed(responses: &[HttpResponse]) -> usize {
    responses.iter().filter(|response| response.status == 200).count()
}

#[tokio::test]
async fn two_envoys_share_the_limit_of_a_service_and_do_without_it_when_it_is_away() {
    let service = RateLimitService::start().await;
    let address = service.address().to_string();
    let own = OwnGateway::start(&[("GATEWAY_RATE_LIMIT_SERVICE", &address)]).await;
    let second = own.stack.second_edge().await.unwrap();
    let gateway = own.gateway();
    let edges = [own.stack.gateway_url(), second.gateway_url()];

    service.set(Behaviour::Budget(BUDGET));
    let responses = reads(&edges, &gateway.http, "demo-key", 30).await;
    assert_eq!(passed(&responses), BUDGET as usize);
    for refused in &responses[BUDGET as usize..] {
        assert_eq!(refused.refuses(429, "RATE_LIMITED")["retryable"], true);
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
    }
    // Another client has its own budget, and requests without a key are not counted.
    assert_eq!(passed(&reads(&edges, &gateway.http, "demo-key-2", 10).await), 10);
    let anonymous = reads(&edges, &gateway.http, "nobody's", 10).await;
    assert!(anonymous.iter().all(|response| response.status == 401));
    assert_eq!((service.asked("demo"), service.asked("demo-2")), (30, 10));

    // A hanging service delays a few requests by twenty milliseconds, and fails none.
    service.set(Behaviour::Silent);
    let begin = Instant::now();
    assert_eq!(passed(&reads(&edges, &gateway.http, "demo-key", 40).await), 40);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    gateway.charge(&charge(1_200)).await.succeeds(200, &json!({ "status": "completed" }));
    assert!(gateway.envoy_count("cluster.control_plane.ratelimit.error").await > 0);

    // A service that is back is used again.
    service.set(Behaviour::Budget(0));
    gateway_tests::until("a service that is asked again", async || {
        sleep(Duration::from_millis(200)).await;
        (reads(&edges, &gateway.http, "demo-key", 1).await[0].status == 429).then_some(())
    })
    .await;

    drop(service);
    gateway_tests::until("requests without the service", async || {
        (passed(&reads(&edges, &gateway.http, "demo-key", 20).await) == 20).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_the_service_the_limits_of_each_envoy_hold() {
    let service = RateLimitService::start().await;
    let address = service.address().to_string();
    let settings = [("GATEWAY_RATE_LIMIT_SERVICE", &*address), ("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "5")];
    let own = OwnGateway::start(&settings).await;
    drop(service);
    let gateway = own.gateway();
    let reads = futures_util::future::join_all((0..60).map(|_| gateway.get("/payments?limit=1"))).await;
    assert!(reads.iter().any(|response| response.status == 429), "nothing is turned away");
    assert!(passed(&reads) > 0, "nothing passes");
}

/// Redis stands in: all that matters is its TLS, and what is no rate limit service refuses nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_service_of_another_name_or_of_tls_1_2_gets_no_connection() {
    const HANDSHAKES: &str = "cluster.rate_limit_service.ssl.handshake";
    let (authority, folder) = (Authority::new().unwrap(), tempfile::tempdir().unwrap());
    let authorities = folder.path().join("ca.pem");
    fs::write(&authorities, authority.pem()).unwrap();
    for (name, version, count) in [
        ("127.0.0.1", "TLSv1.3", HANDSHAKES),
        ("limits.example", "TLSv1.3", "cluster.rate_limit_service.ssl.fail_verify_san"),
        ("127.0.0.1", "TLSv1.2", "cluster.rate_limit_service.ssl.connection_error"),
    ] {
        let Issued { certificate, private_key } = authority.issue(&[name]).unwrap();
        let tls = ServerTls { certificate, private_key, authority: authority.pem().to_owned() };
        let options = ["--tls-auth-clients", "no", "--tls-protocols", version];
        let Some(server) = RedisServer::own_encrypted(&tls, &options).await else { return };
        let address = format!("127.0.0.1:{}", server.port());
        let settings = [
            ("GATEWAY_RATE_LIMIT_SERVICE", &*address),
            ("GATEWAY_RATE_LIMIT_SERVICE_CA", authorities.to_str().unwrap()),
        ];
        let own = OwnGateway::start(&settings).await;
        let gateway = own.gateway();
        gateway_tests::until(count, async || {
            assert_eq!(gateway.get("/payments?limit=1").await.status, 200);
            (gateway.envoy_count(count).await > 0).then_some(())
        })
        .await;
        let is_right = count == HANDSHAKES;
        assert_eq!(gateway.envoy_count(HANDSHAKES).await > 0, is_right, "{name} {version}");
    }
}
