//! What happens to requests, as the host sees it.

mod bodies;
mod keys;
mod tickets;
mod webhooks;

use super::*;
use crate::attestation::Keys;
use crate::config::EdgeSecrets;
use crate::error::ErrorCode;
use crate::idempotency::Fence;
use crate::test;

const NOW: u64 = 1_764_000_000;
const CHARGE: &[u8] =
    br#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const TXN: &str = "txn_01890000-0000-7000-8000-00000000abcd";
const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";

fn secrets() -> EdgeSecrets<'static> {
    EdgeSecrets { keys: Some(KEYS), stripe: Some("whsec_new,whsec_old") }
}

fn config() -> EdgeConfig {
    EdgeConfig::read(b"", secrets()).unwrap()
}

/// A request under construction.
struct Sent {
    lines: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, path: &str) -> Self {
        let sent = Self { lines: Vec::new(), body: Vec::new() };
        let sent = sent
            .with(":method", method)
            .with(":path", path)
            .with(":authority", "gateway:8443")
            .with("x-request-id", "7d1b-1")
            .with("x-client-id", "demo");
        if method == "POST" { sent.with("idempotency-key", "order-1") } else { sent }
    }

    fn charge() -> Self {
        Self::new("POST", "/payments/charge").with("content-type", "application/json").body(CHARGE)
    }

    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.lines.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(other, _)| other != name);
        self
    }

    fn replacing(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Sends the head and then the body, and lets the cache give it the turn.
    fn to(&self, exchange: &mut Exchange) -> HostAction {
        match self.up_to_the_claim(exchange, &config()) {
            HostAction::Claim(_) => {
                let start = CheckedVerdict::Start { fence: Fence::new(7).unwrap() };
                exchange.on_claim_answered(start, &config(), NOW)
            }
            action => action,
        }
    }

    fn up_to_the_claim(&self, exchange: &mut Exchange, config: &EdgeConfig) -> HostAction {
        match exchange.on_request_head(Head::new(&self.lines), config, NOW) {
            HostAction::Wait => exchange.on_request_end(&self.body, config, NOW),
            action => action,
        }
    }

    /// The edits that it is forwarded with.
    #[track_caller]
    fn forwarded(&self) -> HeadEdits {
        let mut exchange = Exchange::default();
        match self.to(&mut exchange) {
            HostAction::Forward(edits) => {
                assert_eq!(exchange.outcome(), Some(Outcome::Forwarded));
                edits
            }
            other => panic!("not forwarded: {other:?}"),
        }
    }

    /// The reply that it is rejected with, its code checked everywhere it shows.
    #[track_caller]
    fn rejected(&self, code: ErrorCode) -> (Reply, serde_json::Value) {
        let mut exchange = Exchange::default();
        let HostAction::Reply(reply) = self.to(&mut exchange) else { panic!("not rejected with {code:?}") };
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(exchange.outcome(), Some(Outcome::Rejected(code)), "{body}");
        assert_eq!(
            (body["success"].as_bool(), body["error"]["code"].as_str()),
            (Some(false), Some(&*code.name()))
        );
        assert_eq!(reply.status, code.status());
        (reply, body["error"].clone())
    }

    #[track_caller]
    fn rejected_for(&self, param: &str) {
        let (_, error) = self.rejected(ErrorCode::InvalidRequest);
        assert_eq!(error["param"].as_str(), Some(param), "{error}");
    }
}

fn attested(edits: &HeadEdits, method: &str, path: &str, body: &[u8]) -> Statement {
    let [(name, value)] = edits.set.as_slice() else { panic!("{edits:?}") };
    assert_eq!(*name, attestation::HEADER);
    let request = attestation::Request::new(method, path, body);
    Keys::parse(KEYS).unwrap().verify(value.as_bytes(), &request, NOW).unwrap()
}

fn charge_of(length: usize) -> Vec<u8> {
    let mut body = CHARGE.to_vec();
    body.resize(length, b' ');
    body
}

#[test]
fn a_request_too_many_of_its_client_is_refused_before_it_claims_anything() {
    let mut exchange = Exchange::default();
    let sent = Sent::charge();
    assert_eq!(exchange.on_request_head(Head::new(&sent.lines), &config(), NOW), HostAction::Wait);
    let HostAction::Reply(reply) = exchange.on_client_crowded() else { panic!("not rejected") };
    assert_eq!(reply.status, 429);
    assert!(reply.headers.contains(&("retry-after", "1".into())), "{:?}", reply.headers);
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(body["error"]["code"], "RATE_LIMITED");
    assert_eq!(body["error"]["retryable"], true);
    assert_eq!(body["error"]["requestId"], "7d1b-1");
    assert_eq!(exchange.on_request_end(&sent.body, &config(), NOW), HostAction::Wait);
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(ErrorCode::RateLimited)));
}

#[test]
fn a_good_charge_goes_on_with_an_attestation_over_all_of_it() {
    let statement = attested(&Sent::charge().forwarded(), "POST", "/payments/charge", CHARGE);
    assert_eq!(statement.client, ClientId::parse("demo"));
    assert_eq!(statement.request_id, "7d1b-1");
}

#[test]
fn the_attested_path_has_the_query() {
    let path = "/payments?limit=5&status=completed";
    attested(&Sent::new("GET", path).forwarded(), "GET", path, b"");
}

#[test]
fn every_operation_is_forwarded() {
    let id = TXN.replace("txn_", "rfnd_");
    for path in [
        format!("/payments/{TXN}"),
        "/payments".to_owned(),
        format!("/refunds/{id}"),
        "/openapi.json".to_owned(),
    ] {
        Sent::new("GET", &path).forwarded();
    }
    Sent::new("GET", &format!("/payments/{TXN}/events")).forwarded();
    for operation in ["capture", "cancel"] {
        let sent = Sent::new("POST", &format!("/payments/{TXN}/{operation}"));
        sent.forwarded();
        sent.body(b"{}").with("content-type", "application/json").forwarded();
    }
    let refund = format!("{{\"transactionId\":\"{TXN}\"}}");
    Sent::charge().replacing(":path", "/payments/refund").body(refund.as_bytes()).forwarded();
    let ticket = format!("{{\"payment\":\"{TXN}\"}}");
    let ticket = Sent::charge().replacing(":path", "/events/tickets").body(ticket.as_bytes());
    ticket.without("idempotency-key").forwarded();
}

#[test]
fn nothing_is_forwarded_before_the_request_is_complete() {
    let mut exchange = Exchange::default();
    let sent = Sent::charge();
    assert_eq!(exchange.on_request_head(Head::new(&sent.lines), &config(), NOW), HostAction::Wait);
    for length in [0, 10, CHARGE.len()] {
        assert_eq!(exchange.on_request_body(length), HostAction::Wait);
        assert_eq!(exchange.outcome(), None);
    }
    assert!(matches!(exchange.on_request_end(CHARGE, &config(), NOW), HostAction::Claim(_)));
    assert_eq!(exchange.outcome(), None);
    assert!(matches!(
        exchange.on_claim_answered(CheckedVerdict::Unavailable, &config(), NOW),
        HostAction::Forward(_)
    ));
}

#[test]
fn a_verdict_is_given_once() {
    let mut good = Exchange::default();
    Sent::charge().to(&mut good);
    assert_eq!(good.on_request_end(b"{}", &config(), NOW), HostAction::Forward(HeadEdits::default()));
    let mut bad = Exchange::default();
    Sent::charge().body(b"{}").to(&mut bad);
    assert_eq!(bad.on_request_body(1 << 20), HostAction::Wait);
    assert_eq!(bad.on_request_end(CHARGE, &config(), NOW), HostAction::Wait);
    assert_eq!(bad.outcome(), Some(Outcome::Rejected(ErrorCode::InvalidRequest)));
}

#[test]
fn internal_headers_of_the_caller_are_removed_every_value_of_them() {
    let sent = Sent::charge()
        .with("x-edge-attestation", "v=1;forged")
        .with("x-edge-attestation", "twice")
        .with("x-edge-anything", [0xff])
        .with("authorization", "Bearer demo-key")
        .with("x-other", [0xff, 0xfe]);
    let edits = sent.forwarded();
    let names = ["authorization", "idempotency-key", "x-client-id", "x-edge-anything", "x-edge-attestation"];
    assert_eq!(edits.remove, names);
    attested(&edits, "POST", "/payments/charge", CHARGE);
}

#[test]
fn a_card_number_in_a_header_is_refused_and_one_of_a_program_goes_no_further() {
    for (name, value) in [("x-note", "4242 4242 4242 4242"), ("user-agent", "x/4242424242424242")] {
        let (_, error) = Sent::charge().with(name, value).rejected(ErrorCode::CardDataNotAccepted);
        assert_eq!(error["param"].as_str(), Some(name));
        Sent::new("GET", "/payments").with(name, value).rejected(ErrorCode::CardDataNotAccepted);
        Sent::charge().without("x-client-id").with(name, value).rejected(ErrorCode::Unauthenticated);
    }
    let (_, error) = Sent::charge().with("x-4242424242424242", "").rejected(ErrorCode::CardDataNotAccepted);
    assert!(error.get("param").is_none(), "{error}");

    let address = "[4242:4242:4242::4242]";
    let traced = Sent::charge().with("x-datadog-trace-id", "4242424242424242").with("b3", "0-1-d");
    let traced = traced.with("forwarded", format!("for=\"{address}\"")).with("x-real-ip", "127.0.0.1");
    let traced = traced.with("cookie", "visitor=4242424242424242");
    let removed = ["cookie", "forwarded", "idempotency-key", "x-client-id", "x-datadog-trace-id"];
    assert_eq!(traced.forwarded().remove, removed);
    // By chance a card number by every mark, and one that no id is by chance.
    let id = Sent::charge().with("x-correlation-id", "4539578763621486");
    assert_eq!(id.forwarded().remove, ["idempotency-key", "x-client-id", "x-correlation-id"]);
    for id in ["4242424242424242", "4242-4242-4242-4242"] {
        let (_, error) = Sent::charge().with("request-id", id).rejected(ErrorCode::CardDataNotAccepted);
        assert_eq!(error["param"].as_str(), Some("request-id"));
    }
    let (_, error) = Sent::charge().with("x-cvv", "123").rejected(ErrorCode::CardDataNotAccepted);
    assert_eq!(error["param"].as_str(), Some("x-cvv"));
    // Written by Envoy.
    let far = Sent::charge().with("x-forwarded-for", address).with("x-envoy-external-address", address);
    assert_eq!(far.forwarded().remove, ["idempotency-key", "x-client-id"]);
}

#[test]
fn without_exactly_one_good_client_nobody_gets_in() {
    Sent::charge().without("x-client-id").rejected(ErrorCode::Unauthenticated);
    Sent::charge().with("x-client-id", "demo-2").rejected(ErrorCode::Unauthenticated);
    Sent::charge().replacing("x-client-id", "demo,demo-2").rejected(ErrorCode::Unauthenticated);
    Sent::charge().replacing("x-client-id", "").rejected(ErrorCode::Unauthenticated);
    let (reply, _) = Sent::charge().replacing("x-client-id", [0xff]).rejected(ErrorCode::Unauthenticated);
    assert!(reply.headers.contains(&("www-authenticate", "Bearer".into())));
}

#[test]
fn only_a_providers_signature_stands_in_for_a_client() {
    Sent::new("GET", "/openapi.json").without("x-client-id").rejected(ErrorCode::Unauthenticated);
    let edits = Sent::new("GET", "/openapi.json").forwarded();
    assert_eq!(attested(&edits, "GET", "/openapi.json", b"").client, ClientId::parse("demo"));
}

#[test]
fn a_request_is_for_one_host_that_everybody_reads_alike() {
    for host in ["gateway", "gateway.example:443", "127.0.0.1:8080", "[::1]:8080"] {
        Sent::charge().replacing(":authority", host).forwarded();
    }
    for host in ["", "[", "[::1", "%41", "a@", "@", ":80", "a:99999", "a,b", "gateway,gateway", "u@gateway"] {
        Sent::charge().replacing(":authority", host).rejected_for("Host");
    }
    Sent::charge().replacing(":authority", [0xff]).rejected_for("Host");
    Sent::charge().without(":authority").rejected_for("Host");
    Sent::charge().with(":authority", "gateway").rejected_for("Host");
    Sent::charge().with("host", "gateway").rejected_for("Host");
}

#[test]
fn payers_are_sent_only_to_hosts_of_the_list() {
    let config = EdgeConfig::read(br#"{"returnUrlHosts":["shop.example"]}"#, secrets()).unwrap();
    for (url, goes_on) in [("https://shop.example/back", true), ("https://evil.example/back", false)] {
        let body = format!(r#"{{"provider":"paypal","amount":1,"currency":"USD","returnUrl":"{url}"}}"#);
        let mut exchange = Exchange::default();
        let action = Sent::charge().body(body.as_bytes()).up_to_the_claim(&mut exchange, &config);
        assert_eq!(matches!(action, HostAction::Claim(_)), goes_on, "{url}: {action:?}");
    }
}

#[test]
fn a_refusal_tells_the_request_id_and_is_not_cached() {
    let (reply, error) = Sent::new("GET", "/nothing").rejected(ErrorCode::NotFound);
    assert_eq!(error["requestId"], "7d1b-1");
    assert!(reply.headers.contains(&("content-type", "application/json".into())));
    assert!(reply.headers.contains(&("cache-control", "no-store".into())));
}

#[test]
fn a_request_without_an_id_of_envoys_is_our_defect() {
    for sent in [Sent::charge().without("x-request-id"), Sent::charge().replacing("x-request-id", "a b")] {
        let (_, error) = sent.rejected(ErrorCode::InternalError);
        assert!(error.get("requestId").is_none());
    }
    Sent::charge().replacing("x-request-id", [0xff]).rejected_for("x-request-id");
}

#[test]
fn paths_and_methods_outside_the_table_are_refused() {
    Sent::new("GET", "/healthz").rejected(ErrorCode::NotFound);
    Sent::new("GET", "/payments/txn_1").rejected(ErrorCode::TransactionNotFound);
    let (reply, _) = Sent::new("DELETE", "/payments/charge").rejected(ErrorCode::MethodNotAllowed);
    assert!(reply.headers.contains(&("allow", "POST".into())));
    Sent::charge().without(":path").rejected(ErrorCode::NotFound);
    Sent::charge().without(":method").rejected(ErrorCode::MethodNotAllowed);
}

#[test]
fn queries_are_for_lists_only() {
    Sent::charge().replacing(":path", "/payments/charge?dry=1").rejected_for("dry");
    Sent::charge().replacing(":path", "/payments/charge?").forwarded();
    Sent::new("GET", "/payments?page=2").rejected_for("page");
    Sent::new("GET", "/payments?limit=0").rejected_for("limit");
}

#[test]
fn targets_are_percent_encoded() {
    for path in ["/payments?x={}", "/payments?x=\"", "/payments?x=ä", "/payments?a b", "/payments#x"] {
        Sent::new("GET", path).rejected(ErrorCode::InvalidRequest);
    }
    Sent::charge().replacing(":path", b"/payments?x=\xff".as_slice()).rejected_for(":path");
}

#[test]
fn headers_that_are_read_come_once_and_in_ascii() {
    for name in ["content-type", "content-length"] {
        Sent::charge().replacing(name, [0xff]).rejected_for(name);
        Sent::charge().replacing(name, "1").with(name, "1").rejected_for(name);
    }
    Sent::charge().with("content-length", "x").rejected_for("content-length");
}

#[test]
fn the_log_knows_operation_and_client_of_refused_requests_too() {
    let mut exchange = Exchange::default();
    Sent::charge().body(b"{}").to(&mut exchange);
    assert_eq!(exchange.route().map(Route::name), Some("charge"));
    assert_eq!(exchange.client().map(ClientId::as_str), Some("demo"));
    assert_eq!(exchange.outcome().map(Outcome::name).as_deref(), Some("invalid_request"));
}

#[test]
fn a_worker_without_room_refuses_a_request_by_its_head_as_not_executed() {
    let mut exchange = Exchange::default();
    let action = exchange.on_request_crowded(Head::new(&Sent::charge().lines));
    let HostAction::Reply(reply) = action else { panic!("{action:?}") };
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, body["error"]["code"].as_str()), (503, Some("GATEWAY_UNAVAILABLE")));
    assert_eq!((&body["error"]["requestId"], &body["error"]["retryable"]), (&"7d1b-1".into(), &true.into()));
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(ErrorCode::GatewayUnavailable)));
    assert_eq!(exchange.on_request_end(b"{}", &config(), NOW), HostAction::Wait, "once");
}
