//! The limit on concurrent requests of one client.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::join_all;
use gateway_tests::{Gateway, HttpResponse, OwnGateway, http2, until};
use h2::SendStream;
use h2::client::ResponseFuture;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::charge;

const MAX: usize = 10;
const SETTINGS: [(&str, &str); 3] = [
    ("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "10"),
    ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
    ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
];

/// All at once over one connection, each under its own key.
async fn charges_over_http2(gateway: &Gateway<'_>, number: usize) -> Vec<HttpResponse> {
    let body = Bytes::from(charge(1_100).to_string());
    let requests = (0..number).map(|_| (http2::post("/payments/charge"), body.clone()));
    http2::send_together(gateway.address(), requests.collect()).await
}

async fn charges_over_http1(gateway: &Gateway<'_>, number: usize) -> Vec<HttpResponse> {
    join_all((0..number).map(|_| async {
        let request = gateway.raw_charge().body(charge(1_100).to_string());
        gateway.send_raw(&request).await
    }))
    .await
}

fn statuses(responses: &[HttpResponse]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for response in responses {
        *counts.entry(response.status).or_default() += 1;
        if response.status == 429 {
            let error = response.refuses(429, "RATE_LIMITED");
            assert_eq!((&error["retryable"], response.header("retry-after")), (&json!(true), Some("1")));
        }
    }
    counts
}

#[tokio::test]
async fn a_client_with_as_many_requests_in_flight_as_it_may_is_refused_and_another_is_not() {
    let own = OwnGateway::start(&SETTINGS).await;
    let gateway = own.gateway();
    let slow = json!({ "provider": "stripe", "operation": "charge", "fault": "latency", "delayMs": 1500 });
    gateway.sandbox.fault(&slow).await;
    let other = gateway.as_demo_2();
    let (first, second) = (charge(1_101), charge(1_102));
    let expected = BTreeMap::from([(200, MAX), (429, 30 - MAX)]);

    let (responses, others) = tokio::join!(charges_over_http2(&gateway, 30), other.charge(&first));
    assert_eq!(statuses(&responses), expected);
    others.succeeds(200, &json!({ "status": "completed" }));

    let (responses, others) = tokio::join!(charges_over_http1(&gateway, 30), other.charge(&second));
    assert_eq!(statuses(&responses), expected);
    others.succeeds(200, &json!({ "status": "completed" }));

    // Rejected requests were not executed.
    assert_eq!(gateway.sandbox.all_effects().await.len(), 2 * MAX + 2);
    assert_eq!(gateway.edge_count("rate_limited").await, 2 * (30 - MAX as u64));
}

/// Requests whose body has not arrived.
async fn held_over_http1(gateway: &Gateway<'_>) -> Vec<TcpStream> {
    let request = gateway.raw_charge().body(charge(1_103).to_string());
    join_all((0..MAX).map(|_| request.begin(gateway.address()))).await
}

/// The same on one connection; each stream is reset when dropped.
async fn held_over_http2(
    to: SocketAddr,
) -> (Vec<(ResponseFuture, SendStream<Bytes>)>, JoinHandle<Result<(), h2::Error>>) {
    let (client, connection) = h2::client::handshake(TcpStream::connect(to).await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut streams = Vec::new();
    for _ in 0..MAX {
        let mut client = client.clone().ready().await.unwrap();
        streams.push(client.send_request(http2::post("/payments/charge"), false).unwrap());
    }
    (streams, connection)
}

/// The client is at its limit.
async fn is_full(gateway: &Gateway<'_>) {
    gateway.wait_for_in_flight(MAX as u64).await;
    gateway.get("/payments?limit=1").await.refuses(429, "RATE_LIMITED");
}

/// The client has none in flight: it can use its whole limit at once.
async fn is_free(gateway: &Gateway<'_>) {
    until("a client without any", async || {
        let responses = charges_over_http2(gateway, MAX).await;
        (statuses(&responses) == BTreeMap::from([(200, MAX)])).then_some(())
    })
    .await;
    // A response arrives slightly before Envoy forgets its request.
    gateway.wait_for_in_flight(0).await;
}

#[tokio::test]
async fn requests_that_are_reset_left_or_refused_do_not_count_any_more() {
    let own = OwnGateway::start(&SETTINGS).await;
    let gateway = own.gateway();
    for _ in 0..3 {
        // Each stream is reset, and the connection stays.
        let (streams, connection) = held_over_http2(gateway.address()).await;
        is_full(&gateway).await;
        drop(streams);
        is_free(&gateway).await;
        connection.abort();

        // The connection ends with the streams on it.
        let (_streams, connection) = held_over_http2(gateway.address()).await;
        is_full(&gateway).await;
        connection.abort();
        is_free(&gateway).await;

        let held = held_over_http1(&gateway).await;
        is_full(&gateway).await;
        for connection in &held {
            connection.set_zero_linger().unwrap();
        }
        drop(held);
        is_free(&gateway).await;
    }
    // Rejected by the filter at the head and at the body, by Envoy, and by the control plane.
    for _ in 0..2 * MAX {
        gateway.get("/payments?limit=0").await.refuses(400, "INVALID_REQUEST");
        gateway.post("/payments/charge", "{").await.refuses(400, "INVALID_REQUEST");
        gateway.post("/payments/charge", "x".repeat(70_000)).await.refuses(413, "PAYLOAD_TOO_LARGE");
        gateway
            .get("/payments/txn_01890000-0000-7000-8000-000000000000")
            .await
            .refuses(404, "TRANSACTION_NOT_FOUND");
    }
    is_free(&gateway).await;
    assert_eq!(gateway.filter_reloads().await, 0);
}
