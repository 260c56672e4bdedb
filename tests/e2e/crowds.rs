//! Thousands of requests wait in the filter for the same thing: each is answered, the filter survives, and others are
//! not affected.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::join_all;
use gateway_tests::http1::Request;
use gateway_tests::{Gateway, HttpResponse, OwnGateway, http2};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use test_services::{RedisServer, Signal};

use crate::webhooks::{forged_paypal, to_paypals_door};

/// Many times what one callback may resume: about 290 overflowed the stack of V8.
const CROWD: usize = 2_000;
/// Envoy's limit per connection.
const STREAMS: usize = 100;

/// Over HTTP/1.1 each connection needs a file descriptor, here and in Envoy, which inherits our limit.
pub(crate) fn many_files_may_be_open() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// The responses by status and code.
fn counted(responses: impl IntoIterator<Item = HttpResponse>) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for response in responses {
        *counts.entry((response.status, response.at("/error/code"))).or_default() += 1;
    }
    counts
}

fn only(status: u16, code: &str, times: usize) -> BTreeMap<(u16, String), usize> {
    BTreeMap::from([((status, code.to_owned()), times)])
}

async fn over_http1(to: SocketAddr, request: &Request, times: usize) -> Vec<HttpResponse> {
    join_all((0..times).map(|_| request.send(to))).await
}

async fn over_http2(
    to: SocketAddr,
    request: impl Fn() -> http::Request<()>,
    body: &str,
    times: usize,
) -> Vec<HttpResponse> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let connections = (0..times / STREAMS).map(|_| {
        let requests = (0..STREAMS).map(|_| (request(), body.clone())).collect();
        http2::send_together(to, requests)
    });
    join_all(connections).await.into_iter().flatten().collect()
}

/// Charges that are not delayed otherwise, one after the other, until `crowd` is answered.
async fn charging_meanwhile<T>(gateway: &Gateway<'_>, crowd: impl Future<Output = T>) -> T {
    let mut crowd = std::pin::pin!(crowd);
    let charge =
        json!({ "provider": "stripe", "amount": 811, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    loop {
        tokio::select! {
            responses = &mut crowd => return responses,
            response = gateway.charge(&charge) => drop(response.succeeds(200, &json!({ "status": "completed" }))),
        }
    }
}

#[tokio::test]
async fn two_thousand_webhooks_that_wait_for_one_certificate_do_not_stop_charges() {
    many_files_may_be_open();
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let late =
        json!({ "provider": "paypal", "operation": "certificate", "fault": "latency", "delayMs": 3000 });
    gateway.sandbox.fault(&late).await;
    let to = gateway.address();

    let certificates = format!("{}/v1/notifications/certs", gateway.stack().sandbox_url());
    let request = to_paypals_door(&format!("{certificates}/CERT-360caa42-fca2a594-00000001"));
    let responses = charging_meanwhile(&gateway, over_http1(to, &request, CROWD)).await;
    assert_eq!(counted(responses), only(503, "SIGNATURE_UNVERIFIABLE", CROWD));

    let headers = forged_paypal(&format!("{certificates}/CERT-360caa42-fca2a594-00000002"));
    let request = || {
        let mut request = http2::post("/webhooks/paypal");
        for (name, value) in &headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        request
    };
    let responses = charging_meanwhile(&gateway, over_http2(to, request, "{}", CROWD)).await;
    assert_eq!(counted(responses), only(503, "SIGNATURE_UNVERIFIABLE", CROWD));

    assert_eq!(gateway.filter_reloads().await, 0, "the filter died");
    let crowded = gateway.edge_webhooks("certificate_crowded").await;
    assert!(crowded > 0, "there is no end to those that wait");
    assert_eq!(crowded + gateway.edge_webhooks("certificate_status").await, 2 * CROWD as u64);
    assert_eq!(gateway.sandbox.requests("paypal", "certificate").await, 2, "each name is asked for once");
}

#[tokio::test]
async fn two_thousand_charges_that_wait_for_a_cache_that_hangs_are_all_answered() {
    many_files_may_be_open();
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let settings =
        [("REDIS_URI", redis.uri()), ("EDGE_CACHE_DOWN", "reject"), ("EDGE_CACHE_TIMEOUT_MS", "2000")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let charge =
        json!({ "provider": "stripe", "amount": 812, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    let to = gateway.address();
    gateway.signal("edge-cache", Signal::STOP);

    // More than may wait: the rest is rejected without asking the cache.
    let crowd = 4_500;
    let request = || http2::post("/payments/charge");
    let responses = over_http2(to, request, &charge.to_string(), crowd).await;
    assert_eq!(counted(responses), only(503, "IDEMPOTENCY_UNAVAILABLE", crowd));
    assert!(gateway.edge_claims("crowded").await > 0, "there is no end to those that wait");

    let request = gateway.raw_charge().body(charge.to_string());
    let responses = over_http1(to, &request, CROWD).await;
    assert_eq!(counted(responses), only(503, "IDEMPOTENCY_UNAVAILABLE", CROWD));
    gateway.signal("edge-cache", Signal::CONT);

    assert_eq!(gateway.filter_reloads().await, 0, "the filter died");
    let rejected = CROWD as u64 + crowd as u64;
    assert_eq!(
        gateway.edge_count("idempotency_unavailable").await,
        rejected,
        "each is rejected by the filter"
    );
    assert_eq!(gateway.sandbox.all_effects().await, [""; 0]);
    gateway_tests::until("a charge again", async || {
        (gateway.charge(&charge).await.status == 200).then_some(())
    })
    .await;
}
