//! Callers that disrupt their own requests do not affect anyone else's charge.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use gateway_tests::http1::Request;
use gateway_tests::{FaultyGateway, Gateway, faulty};
use serde_json::{Value, json};
use test_services::http2::{cancel, get, hello};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

const INNOCENTS: usize = 30;
/// The provider's delay: the disruption happens in the middle of it.
const CHARGE_MS: u64 = 1_200;
const KEY: &str = "Bearer demo-key-2";

fn charge(n: usize) -> Value {
    json!({ "provider": "stripe", "amount": 1_000 + n, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

/// Asserts that charges in flight during `disruption` are all answered.
async fn charges_outlive(gateway: &FaultyGateway, disruption: impl Future<Output = ()>) {
    let slow =
        json!({ "provider": "stripe", "operation": "charge", "fault": "latency", "delayMs": CHARGE_MS });
    gateway.sandbox.fault(&slow).await;
    let before = connections_lost(gateway).await;
    let charges =
        futures_util::future::join_all((0..INNOCENTS).map(async |n| gateway.charge(&charge(n)).await));
    let (responses, ()) = tokio::join!(charges, async {
        sleep(Duration::from_millis(CHARGE_MS / 3)).await;
        disruption.await;
    });
    for response in responses {
        response.succeeds(200, &json!({ "status": "completed" }));
    }
    assert_eq!(connections_lost(gateway).await, before, "a connection to the control plane was lost in use");
}

async fn connections_lost(gateway: &Gateway<'_>) -> u64 {
    gateway.envoy_count("cluster.control_plane.upstream_cx_destroy_with_active_rq").await
}

async fn connect(to: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(to).await.unwrap();
    // Who is refused may find the connection closed.
    let _ = connection.write_all(bytes).await;
    connection
}

/// `streams` requests in one write, each followed by what `then` makes of its id.
fn burst(streams: u32, path: &str, key: &str, then: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let requests = (0..streams).map(|n| 1 + 2 * n);
    let frames = requests.map(|id| [get(id, "gateway", path, &[("authorization", key)]), then(id)].concat());
    [hello(), frames.collect::<Vec<_>>().concat()].concat()
}

#[tokio::test]
async fn a_client_that_cancels_at_once_what_it_asks_ends_nobody_elses_charge() {
    let gateway = faulty().await;
    charges_outlive(&gateway, async {
        for (path, key) in
            [("/payments?limit=1", KEY), ("/openapi.json", KEY), ("/openapi.json", "Bearer nobody")]
        {
            for _ in 0..10 {
                let mut connection = connect(gateway.address(), &burst(80, path, key, cancel)).await;
                sleep(Duration::from_millis(5)).await;
                let _ = connection.shutdown().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_with_many_requests_under_way_ends_nobody_elses_charge() {
    let gateway = faulty().await;
    charges_outlive(&gateway, async {
        for (streams, pause_ms) in [(60, 0), (95, 1), (95, 3)] {
            for _ in 0..5 {
                let asked = burst(streams, "/payments?limit=1", KEY, |_| Vec::new());
                let connection = connect(gateway.address(), &asked).await;
                sleep(Duration::from_millis(pause_ms)).await;
                drop(connection);
                sleep(Duration::from_millis(20)).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn two_hundred_clients_that_reset_after_asking_end_nobody_elses_charge() {
    let gateway = faulty().await;
    let ask = format!("GET /payments?limit=1 HTTP/1.1\r\nhost: gateway\r\nauthorization: {KEY}\r\n\r\n");
    charges_outlive(&gateway, async {
        let mut asking = Vec::new();
        for _ in 0..200 {
            asking.push(connect(gateway.address(), ask.as_bytes()).await);
        }
        for connection in asking {
            connection.set_zero_linger().unwrap();
        }
    })
    .await;
}

/// More than an HTTP/2 server accepts of what it cannot parse before it closes a connection.
#[tokio::test]
async fn eleven_hundred_requests_for_a_host_that_is_none_end_nobody_elses_charge() {
    let gateway = faulty().await;
    let odd = Request::to_host("GET", "/payments?limit=1", "[").header("authorization", KEY);
    charges_outlive(&gateway, async {
        for _ in 0..50 {
            let many = (0..22).map(|_| gateway.send_raw(&odd));
            for response in futures_util::future::join_all(many).await {
                response.refuses(400, "INVALID_REQUEST");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn clients_that_stop_in_the_middle_or_say_nothing_end_nobody_elses_charge() {
    let gateway = faulty().await;
    let half_head = format!("GET /payments HTTP/1.1\r\nhost: gateway\r\nauthorization: {KEY}\r\n");
    let half_body = format!(
        "POST /payments/charge HTTP/1.1\r\nhost: gateway\r\nauthorization: {KEY}\r\nidempotency-key: slow\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"provider\""
    );
    let mut open = Vec::new();
    charges_outlive(&gateway, async {
        for _ in 0..100 {
            for half in [half_head.as_bytes(), half_body.as_bytes(), &hello(), b"PRI * HT", b""] {
                open.push(connect(gateway.address(), half).await);
            }
        }
    })
    .await;
}
