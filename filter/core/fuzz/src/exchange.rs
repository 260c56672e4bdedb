//! A whole request. The input is its head, line by line, and after an empty line its body.

use std::sync::LazyLock;

use edge_core::attestation::{self, Request};
use edge_core::card;
use edge_core::config::{EdgeConfig, EdgeSecrets};
use edge_core::error::ErrorBody;
use edge_core::exchange::{Exchange, HeadEdits, HostAction};
use edge_core::head::{CLIENT_ID, EDGE_PREFIX, Head};
use edge_core::idempotency::{CheckedVerdict, Fence};
use edge_core::outcome::Outcome;
use edge_core::rejection::Reply;
use edge_core::route::Route;
use edge_core::webhook::rsa::PureRust;

use crate::certificates::{NAME, ROOT, genuine_key};
use crate::fixture::{KEYS, NOW, TRANSACTION, head_and_body, hmac, keys};

static CONFIG: LazyLock<EdgeConfig> = LazyLock::new(|| {
    let root = serde_json::to_string(std::str::from_utf8(ROOT).unwrap()).unwrap();
    let stand_in =
        format!(r#"{{"standIn":{{"origins":["https://paypal.test"],"certificateName":"{NAME}"}}}}"#);
    let settings = format!(
        r#"{{"webhooks":{{"paypal":{{"environment":{stand_in},"webhookId":"WH1","trust":{root},"clusters":{{}}}}}}}}"#
    );
    let secrets = EdgeSecrets { keys: Some(KEYS), stripe: Some("whsec_test") };
    EdgeConfig::read(settings.as_bytes(), secrets).unwrap()
});

pub fn check(data: &[u8]) {
    let (mut lines, body) = head_and_body(data);
    // What Envoy adds, where the input has none.
    for (name, value) in [(":authority", "gateway:8443"), ("x-request-id", "7d1b-1")] {
        if !lines.iter().any(|(other, _)| other == name) {
            lines.push((name.to_owned(), value.into()));
        }
    }
    let mut exchange = Exchange::default();
    let action = run(&mut exchange, &lines, body);
    match (&action, exchange.outcome()) {
        (HostAction::Forward(edits), Some(Outcome::Forwarded)) => is_attested(&exchange, edits, &lines, body),
        (HostAction::Reply(reply), Some(Outcome::Rejected(code))) => {
            is_explained(reply, &code.name(), code.status());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(run(&mut Exchange::default(), &lines, body), action, "the same again");
}

/// Reports the request, with its body in pieces, and grants what it asks for.
fn run(exchange: &mut Exchange, lines: &[(String, Vec<u8>)], body: &[u8]) -> HostAction {
    let mut action = exchange.on_request_head(Head::new(lines), &CONFIG, NOW);
    for length in [body.len() / 2, body.len()] {
        if action == HostAction::Wait {
            action = exchange.on_request_body(length);
        }
    }
    if action == HostAction::Wait {
        action = exchange.on_request_end(body, &CONFIG, NOW);
    }
    if matches!(action, HostAction::Claim(_)) {
        let start = CheckedVerdict::Start { fence: Fence::new(7).unwrap() };
        action = exchange.on_claim_answered(start, &CONFIG, NOW);
    }
    if matches!(action, HostAction::Certificate(_)) {
        action = exchange.on_certificate(Ok(genuine_key()), &PureRust, &CONFIG, NOW);
    }
    action
}

/// What is forwarded has a route, a client or a verified provider, no card data, and an attestation of all this; nothing
/// of the caller's passes for the edge's own.
fn is_attested(exchange: &Exchange, edits: &HeadEdits, lines: &[(String, Vec<u8>)], body: &[u8]) {
    let one = |name: &str| {
        let value = lines.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_slice());
        std::str::from_utf8(value.unwrap_or_default()).unwrap()
    };
    let (method, target) = (one(":method"), one(":path"));
    let (path, _) = target.split_once('?').unwrap_or((target, ""));
    let route = Route::find(method, path).unwrap();
    assert_eq!(exchange.route(), Some(route));
    let [(name, value)] = edits.set.as_slice() else { panic!("{edits:?}") };
    assert_eq!(*name, attestation::HEADER);
    let statement = keys()
        .verify(value.as_bytes(), &Request::new(method, target, body), NOW)
        .expect("a fresh attestation");
    match (route, &statement.client) {
        (Route::Webhook(provider), None) => assert_eq!(statement.webhook, Some(provider)),
        (Route::Webhook(_), Some(_)) | (_, None) => panic!("{statement:?}"),
        (_, Some(client)) => {
            assert!(statement.ticket.is_some() || one(CLIENT_ID) == client.as_str());
            assert_eq!(card::find_in_json(body), None);
        }
    }
    assert_eq!(card::find_in_target(target), None);
    let must_go = |name: &str| {
        name.starts_with(EDGE_PREFIX) || [CLIENT_ID, "authorization", "idempotency-key"].contains(&name)
    };
    for (name, _) in lines.iter().filter(|(name, _)| must_go(name)) {
        assert!(edits.remove.contains(name), "{name} is kept");
    }
}

/// A refusal has the one shape of errors, its code's status, and headers of one line each.
fn is_explained(reply: &Reply, code: &str, status: u16) {
    assert_eq!(reply.status, status);
    let body: ErrorBody = serde_json::from_slice(&reply.body).unwrap();
    assert!(!body.success && body.error.code.name() == code && !body.error.message.is_empty());
    for (_, value) in &reply.headers {
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
    }
}

fn request(method: &str, target: &str, lines: &str, body: &str) -> Vec<u8> {
    format!(":method: {method}\n:path: {target}\nx-client-id: demo\n{lines}\n{body}").into_bytes()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let json = "content-type: application/json\nidempotency-key: order-1\n";
    let charge = r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
    let refund = format!("{{\"transactionId\":\"{TRANSACTION}\"}}");
    let event = "{\"id\":\"evt_1\"}";
    let mac = hmac(b"whsec_test", &[format!("{NOW}.{event}").as_bytes()]);
    let stripe = format!("stripe-signature: t={NOW},v1={}\n", hex::encode(mac));
    let socket = "upgrade: websocket\nsec-websocket-protocol: events\n";
    vec![
        request("POST", "/payments/charge", json, charge),
        request(
            "POST",
            "/payments/charge",
            &format!("x-edge-attestation: v=1\nauthorization: Bearer k\ncontent-length: 5\n{json}"),
            charge,
        ),
        request("POST", "/payments/charge", json, r#"{"metadata":{"note":"4242 4242 4242 4242"}}"#),
        request("POST", "/payments/refund", &json.replace("json\n", "json; charset=utf-8\n"), &refund),
        request("POST", &format!("/payments/{TRANSACTION}/capture"), "idempotency-key: \"a b\"\n", ""),
        request("GET", "/payments?limit=5&status=completed", "", ""),
        request("GET", "/events?limit=1", "accept: text/event-stream\n", ""),
        request("GET", "/events/socket", socket, ""),
        request("POST", "/graphql", json, r#"{"query":"{ viewer { client } }"}"#),
        request("POST", "/webhooks/stripe", &stripe, event),
        request("POST", "/webhooks/paypal", "paypal-transmission-id: 1\n", event),
        request("GET", "/openapi.json", ":authority: gateway\nhost: other\n", ""),
        request("GET", "/wallets/config?domain=shop.example", "content-encoding: gzip\n", ""),
    ]
}
