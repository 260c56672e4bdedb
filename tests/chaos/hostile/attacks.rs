//! The attacks. Each function is one attempt, which is repeated immediately.

use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_tests::DEMO_2_KEY;
use test_services::http2::{cancel, get, hello};
use tokio::time::sleep;

use super::attackers::Attacker;
use super::{documents, mutations, payloads};

type Attempt = fn(Attacker, u64) -> Pin<Box<dyn Future<Output = ()>>>;

/// Slightly less than Envoy's limit per HTTP/2 connection.
const STREAMS: u32 = 90;
/// Requests per HTTP/1.1 connection.
const REQUESTS: u32 = 50;

const PAYLOADS: &str = "wallets' payloads in every dress";
const MUTATIONS: &str = "twisted charges by GraphQL";

/// The attacks whose every answer is judged, and with which statuses some of them must be refused.
pub(super) const JUDGED: [(&str, u16); 3] = [(PAYLOADS, 400), (MUTATIONS, 400), (MUTATIONS, 200)];

/// Each attempt has its own number.
pub(super) const ATTACKS: [(&str, Attempt); 13] = [
    ("Stripe's webhooks, forged", |attacker, n| Box::pin(forged_stripe(attacker, n))),
    ("PayPal's webhooks, forged, with certificates that do not exist", |attacker, n| {
        Box::pin(forged_paypal(attacker, n))
    }),
    ("requests over HTTP/2 that are canceled at once", |attacker, _| Box::pin(canceled(attacker))),
    ("clients that leave with many requests in flight", |attacker, _| Box::pin(left(attacker))),
    ("resets after a whole request", |attacker, _| Box::pin(reset(attacker))),
    ("heads that are odd", |attacker, n| Box::pin(odd_heads(attacker, n))),
    ("heads and bodies that stop half-way", |attacker, n| Box::pin(half_sent(attacker, n))),
    ("a flood without a key", |attacker, _| Box::pin(keyless(attacker))),
    ("a flood of a client who has one", |attacker, n| Box::pin(greedy(attacker, n))),
    ("GraphQL documents that cost much", |attacker, n| Box::pin(costly(attacker, n))),
    (PAYLOADS, |attacker, n| Box::pin(payload(attacker, n))),
    (MUTATIONS, |attacker, n| Box::pin(mutation(attacker, n))),
    ("clients that go while their keys are claimed", |attacker, n| {
        Box::pin(gone_while_claiming(attacker, n))
    }),
];

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    )
    .into_bytes()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn forged_stripe(attacker: Attacker, n: u64) {
    let signature = format!("stripe-signature: t={},v1={n:064x}\r\n", now_s());
    let body = format!(r#"{{"id":"evt_{n}","object":"event","pad":"{}"}}"#, "x".repeat(2_000));
    attacker.send_repeatedly(&post("/webhooks/stripe", &signature, &body), REQUESTS).await;
}

async fn forged_paypal(attacker: Attacker, n: u64) {
    let now = jiff::Timestamp::from_second(now_s().cast_signed()).unwrap();
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    let name = format!("CERT-{:08x}-{:08x}-{n:08x}", n.rotate_left(7), n * 7);
    let headers = format!(
        "paypal-transmission-id: dfb3be50-fd74-11e4-8bf3-77339302725b\r\npaypal-transmission-time: {time}\r\n\
         paypal-transmission-sig: {}=\r\npaypal-cert-url: {}/{name}\r\npaypal-auth-algo: SHA256withRSA\r\n",
        "A".repeat(343),
        attacker.certificates,
    );
    attacker.send_repeatedly(&post("/webhooks/paypal", &headers, r#"{"id":"WH-1"}"#), 4).await;
}

async fn canceled(attacker: Attacker) {
    let key = [("authorization", "Bearer nobody")];
    let frames = (0..STREAMS).map(|n| 1 + 2 * n);
    let frames: Vec<u8> =
        frames.flat_map(|id| [get(id, "gateway", "/payments?limit=1", &key), cancel(id)].concat()).collect();
    if let Some(mut connection) = attacker.send(&[hello(), frames].concat()).await {
        attacker.read_response(&mut connection).await;
    }
}

async fn left(attacker: Attacker) {
    let key = [("authorization", "Bearer nobody")];
    let frames: Vec<u8> =
        (0..STREAMS).flat_map(|n| get(1 + 2 * n, "gateway", "/openapi.json", &key)).collect();
    if let Some(connection) = attacker.send(&[hello(), frames].concat()).await {
        sleep(Duration::from_millis(2)).await;
        drop(connection);
    }
}

async fn reset(attacker: Attacker) {
    let key = format!("authorization: Bearer {DEMO_2_KEY}\r\n");
    let send_repeatedly = format!("GET /payments?limit=1 HTTP/1.1\r\nhost: gateway\r\n{key}\r\n");
    drop(attacker.send(send_repeatedly.as_bytes()).await);
}

/// Whatever the filter remembers of the call of a client that has gone makes Envoy grow. Nothing can be refunded, so it
/// leaves no effect.
async fn gone_while_claiming(attacker: Attacker, n: u64) {
    let headers = format!("authorization: Bearer {DEMO_2_KEY}\r\nidempotency-key: gone-{n}\r\n");
    let refund = r#"{"transactionId":"txn_01890000-0000-7000-8000-000000000000"}"#;
    if let Some(connection) = attacker.send(&post("/payments/refund", &headers, refund)).await {
        // A claim takes about a millisecond.
        sleep(Duration::from_micros(n % 8 * 250)).await;
        drop(connection);
    }
}

async fn odd_heads(attacker: Attacker, n: u64) {
    let odd = match n % 5 {
        0 => "GET /payments HTTP/1.1\r\nhost: [\r\n\r\n".to_owned(),
        1 => "GET /payments HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n".to_owned(),
        2 => "POST /payments/charge HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
            .to_owned(),
        3 => format!("GET /payments HTTP/1.1\r\nhost: a\r\npad: {}\r\n\r\n", "x".repeat(20_000)),
        _ => format!("{} /payments HTTP/1.1\r\nhost: a\r\n\r\n", "BREW".repeat(8)),
    };
    attacker.send_repeatedly(odd.as_bytes(), REQUESTS).await;
}

async fn half_sent(attacker: Attacker, n: u64) {
    let half: &[u8] = match n % 4 {
        0 => b"GET /payments HTTP/1.1\r\nhost: gateway\r\nauthor",
        1 => {
            b"POST /payments/charge HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer demo-key-2\r\n\
               content-type: application/json\r\nidempotency-key: half\r\ncontent-length: 100\r\n\r\n{\"prov"
        }
        2 => b"PRI * HTTP/2.0\r\n\r\nSM",
        _ => b"",
    };
    // Each attempt holds 20 connections open.
    let mut held = Vec::new();
    for _ in 0..20 {
        held.extend(attacker.send(half).await);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn keyless(attacker: Attacker) {
    let send_repeatedly = b"GET /payments HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer nobody\r\n\r\n";
    attacker.send_repeatedly(send_repeatedly, REQUESTS).await;
}

/// Sends declined charges, which leave no effect in the ledger.
async fn greedy(attacker: Attacker, n: u64) {
    let headers = format!("authorization: Bearer {DEMO_2_KEY}\r\nidempotency-key: greedy-{n}\r\n");
    let charge =
        r#"{"provider":"stripe","amount":900,"currency":"USD","paymentMethodId":"pm_card_chargeDeclined"}"#;
    attacker.send_repeatedly(&post("/payments/charge", &headers, charge), REQUESTS).await;
}

/// Sends queries, which take no key. Few on a connection: a refusal may close it.
async fn costly(attacker: Attacker, n: u64) {
    let headers = format!("authorization: Bearer {DEMO_2_KEY}\r\n");
    attacker.send_repeatedly(&post("/graphql", &headers, &documents::body(n)), 4).await;
}

/// Sends one on each connection: a refusal may close it.
async fn payload(attacker: Attacker, n: u64) {
    let payloads::Refused { dress, key, body } = payloads::charge(n);
    let headers = format!("authorization: Bearer {DEMO_2_KEY}\r\nidempotency-key: {key}\r\n");
    attacker.expect_refusal(&post("/payments/charge", &headers, &body), &payloads::refusal(), dress).await;
}

/// Sends one on each connection: a refusal may close it.
async fn mutation(attacker: Attacker, n: u64) {
    let mutations::Refused { twist, key, body, refusal } = mutations::charge(n);
    let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    let headers = format!("authorization: Bearer {DEMO_2_KEY}\r\n{key}");
    attacker.expect_refusal(&post("/graphql", &headers, &body), &refusal, twist).await;
}
