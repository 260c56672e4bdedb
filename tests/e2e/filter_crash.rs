//! The filter crashes with requests in every stage, and no client gets a false answer.
//!
//! Uses another build of the filter, with crash points: `make crashing-filter`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway_tests::http1::{self, Request};
use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, http2, shared, until};
use http::{HeaderMap, HeaderValue};
use local_stack::{DEMO_KEY, Programs};
use serde_json::{Value, json};
use test_services::{RedisServer, Signal};
use tokio::io::AsyncWriteExt as _;

use crate::webhooks::to_paypals_door;

/// How long the control plane takes for the charges that are upstream when the filter crashes.
const SLOW_MS: u64 = 4_000;
const UPSTREAM: u64 = 5;
/// Requests held during the crash are answered within this time; by default it takes eight seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// The request header that arms a crash point.
const CRASH_HEADER: &str = "x-crash-at";

/// A charge, identified by its amount.
struct Charge {
    stage: &'static str,
    key: String,
    body: Value,
}

/// A charge and its response.
struct ChargeResult {
    charge: Charge,
    response: HttpResponse,
}

impl Charge {
    fn new(stage: &'static str, amount: u64) -> Self {
        let body = json!({ "provider": "stripe", "amount": amount, "currency": "USD", "paymentMethodId": "pm_card_visa" });
        Self { stage, key: fresh_key(), body }
    }

    fn request(&self) -> Request {
        let request = Request::new("POST", "/payments/charge").json();
        let request = request.header("authorization", format!("Bearer {DEMO_KEY}"));
        request.header("idempotency-key", &self.key)
    }

    /// Sends the head and this many bytes of the body, and returns the response.
    async fn send(self, gateway: &Gateway<'_>, bytes: usize, crash_at: Option<&str>) -> ChargeResult {
        let request =
            crash_at.iter().fold(self.request(), |request, point| request.header(CRASH_HEADER, point));
        let request = request.body(self.body.to_string());
        let mut connection = request.begin(gateway.address()).await;
        let sent = request.body_bytes().get(..bytes).unwrap_or(request.body_bytes());
        // The filter may have crashed already.
        let _ = connection.write_all(sent).await;
        ChargeResult { response: http1::read_response(connection).await, charge: self }
    }

    /// Sends it whole, and arms the crash point.
    async fn send_fatal(self, gateway: &Gateway<'_>, point: &str) -> ChargeResult {
        if point != "trailers" {
            return self.send(gateway, usize::MAX, Some(point)).await;
        }
        // Envoy drops the trailers of HTTP/1.
        let mut request = http2::post("/payments/charge");
        request.headers_mut().insert("idempotency-key", self.key.parse().unwrap());
        request.headers_mut().insert(CRASH_HEADER, point.parse().unwrap());
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), HeaderValue::from_static("1"))]);
        let body = self.body.to_string();
        let response = http2::send(gateway.address(), request, &[body.as_bytes()], Some(trailers)).await;
        ChargeResult { response, charge: self }
    }

    async fn effects(&self, gateway: &Gateway<'_>) -> usize {
        let effect = format!("stripe charge {} USD", self.body["amount"]);
        gateway.sandbox.all_effects().await.iter().filter(|other| **other == effect).count()
    }
}

impl ChargeResult {
    /// Checks the response against the ledger, then retries as the client should.
    async fn verify(self, gateway: &Gateway<'_>, point: &str) {
        let Self { charge, response } = self;
        let context = format!(
            "{} when the filter died at {point}: {} {}",
            charge.stage,
            response.status,
            response.text()
        );
        match (response.status, response.json()["error"]["code"].as_str()) {
            (200, _) => assert_eq!(charge.effects(gateway).await, 1, "{context}"),
            (503, Some("GATEWAY_UNAVAILABLE" | "IDEMPOTENCY_UNAVAILABLE")) => {
                assert!(response.text().contains("nothing was executed"), "{context}");
                assert_eq!(charge.effects(gateway).await, 0, "{context}");
            }
            (504, Some("GATEWAY_TIMEOUT")) => assert!(response.text().contains("not known"), "{context}"),
            _ => panic!("{context}"),
        }
        until("the final answer", async || {
            (gateway.charge_under(&charge.key, &charge.body).await.status == 200).then_some(())
        })
        .await;
        assert_eq!(charge.effects(gateway).await, 1, "{context}; then repeated");
    }
}

/// A webhook whose signature has to wait for a certificate.
fn webhook(gateway: &Gateway<'_>, n: u64) -> Request {
    let url =
        format!("{}/v1/notifications/certs/CERT-360caa42-fca2a594-{n:08x}", gateway.stack().sandbox_url());
    to_paypals_door(&url)
}

/// This many charges in one stage, with only this many bytes of each body sent.
async fn charges(
    gateway: &Gateway<'_>,
    stage: &'static str,
    number: u64,
    bytes: usize,
    amounts: u64,
) -> Vec<ChargeResult> {
    let charges = (0..number).map(|n| Charge::new(stage, amounts + n).send(gateway, bytes, None));
    join_all(charges).await
}

/// Requests in each stage of the filter, which crashes by the last of them; returns their responses.
async fn held_until_it_dies(gateway: &Gateway<'_>, point: &str, amounts: u64) -> Vec<ChargeResult> {
    gateway.signal("edge-cache", Signal::STOP);
    let (first, second) = (webhook(gateway, amounts), webhook(gateway, amounts));
    let begin = Instant::now();
    let fatal = async {
        gateway.wait_for_in_flight(UPSTREAM + 2 + 2 + 9 + 2).await;
        let fatal = Charge::new("fatal", amounts + 40).send_fatal(gateway, point);
        let tick = async {
            if point == "tick" {
                tokio::time::sleep(Duration::from_millis(100)).await;
                // Another certificate has to be fetched, which begins in a tick.
                let response = webhook(gateway, amounts + 1).send(gateway.address()).await;
                assert!(matches!(response.status, 401 | 503), "{point}: {}", response.text());
            }
        };
        let then = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            gateway.signal("edge-cache", Signal::CONT);
        };
        tokio::join!(fatal, tick, then).0
    };
    let (heads, bodies, claims, first, second, fatal) = tokio::join!(
        charges(gateway, "head", 2, 0, amounts + 10),
        charges(gateway, "half a body", 2, 20, amounts + 20),
        // Some of these get their own call and some share one.
        charges(gateway, "claim", 9, usize::MAX, amounts + 30),
        first.send(gateway.address()),
        second.send(gateway.address()),
        fatal
    );
    assert!(begin.elapsed() < ANSWERED_WITHIN, "{point}: {:?}", begin.elapsed());
    for webhook in [first, second] {
        assert!(matches!(webhook.status, 401 | 503), "{point}: {}", webhook.text());
    }
    heads.into_iter().chain(bodies).chain(claims).chain([fatal]).collect()
}

/// Charges upstream and requests in each stage of the filter, which crashes at `point`.
async fn crash_at(gateway: &Gateway<'_>, point: &str, amounts: u64) {
    let reloads = gateway.filter_reloads().await;
    for (provider, operation, delay_ms) in [("stripe", "charge", SLOW_MS), ("paypal", "certificate", 1_500)] {
        let slow =
            json!({ "provider": provider, "operation": operation, "fault": "latency", "delayMs": delay_ms });
        gateway.sandbox.fault(&slow).await;
    }
    let (upstream, held) = tokio::join!(charges(gateway, "upstream", UPSTREAM, usize::MAX, amounts), async {
        until("the charges upstream", async || {
            let active = gateway.envoy_count("cluster.control_plane.upstream_rq_active").await;
            (active >= UPSTREAM).then_some(())
        })
        .await;
        held_until_it_dies(gateway, point, amounts).await
    });
    gateway.sandbox.heal().await;
    until("the filter's return", async || (gateway.get("/payments").await.status == 200).then_some(())).await;
    assert_eq!(gateway.filter_reloads().await, reloads + 1, "the filter did not die at {point}");
    for result in &upstream {
        result.response.refuses(504, "GATEWAY_TIMEOUT");
    }
    for result in upstream.into_iter().chain(held) {
        result.verify(gateway, point).await;
    }
}

/// A base amount that is unique to the crash point.
fn amounts_of(point: &str) -> u64 {
    CRASH_POINTS.iter().zip(1..).find(|(other, _)| **other == point).map_or(0, |(_, n)| n * 1_000)
}

/// The crash points: at a head, at a whole body, at trailers, after a claim is sent, at a tick, at the response to one
/// claim and to several, after one of several requests is notified, and at a certificate.
const CRASH_POINTS: [&str; 9] = [
    "head",
    "body",
    "trailers",
    "claim_sent",
    "tick",
    "verdict",
    "claims_answered",
    "told",
    "certificate_answered",
];

pub(crate) fn crashing_filter() -> PathBuf {
    let filter = Programs::of_this_build().unwrap().filter.with_file_name("edge_filter_crashing.wasm");
    assert!(filter.is_file(), "{} is missing; `make crashing-filter` brings it", filter.display());
    filter
}

async fn die_at(points: &[&str]) {
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let filter = crashing_filter();
    let own = OwnGateway::start(&[
        ("EDGE_FILTER_WASM", filter.to_str().unwrap()),
        ("REDIS_URI", redis.uri()),
        // Longer than the cache is frozen here.
        ("EDGE_CACHE_TIMEOUT_MS", "2500"),
        // A key whose request was lost with the filter is free again soon.
        ("IDEMPOTENCY_LEASE_MS", "1000"),
        ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
        ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
    ])
    .await;
    let gateway = own.gateway();
    for point in points {
        crash_at(&gateway, point, amounts_of(point)).await;
    }
}

#[tokio::test]
async fn a_filter_that_crashes_at_a_request_or_a_tick_gives_no_false_answer() {
    die_at(&CRASH_POINTS[..5]).await;
}

#[tokio::test]
async fn a_filter_that_crashes_at_a_response_gives_no_false_answer() {
    die_at(&CRASH_POINTS[5..]).await;
}

#[tokio::test]
async fn the_shipped_filter_has_no_crash_points() {
    let gateway = shared().await;
    for point in CRASH_POINTS {
        let result = Charge::new("charge", 815).send(&gateway, usize::MAX, Some(point)).await;
        result.response.succeeds(200, &json!({ "status": "completed" }));
    }
    assert_eq!(gateway.filter_reloads().await, 0);
}
