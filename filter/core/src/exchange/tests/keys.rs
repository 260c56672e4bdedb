//! What becomes of a request by its idempotency key.

use super::*;
use crate::idempotency::{Answer, ClaimRequest, Fingerprint, Key, Scope, Unproven};
use crate::test;

fn key(text: &str) -> Sent {
    Sent::charge().replacing("idempotency-key", text)
}

fn with(settings: &str) -> EdgeConfig {
    EdgeConfig::read(settings.as_bytes(), secrets()).unwrap()
}

/// The exchange of a good charge whose claim was sent, and the claim.
fn claimed(sent: &Sent, config: &EdgeConfig) -> (Exchange, ClaimRequest) {
    let mut exchange = Exchange::default();
    let HostAction::Claim(claim) = sent.up_to_the_claim(&mut exchange, config) else { panic!("no claim") };
    assert_eq!(exchange.claim(), Some((claim, "7d1b-1")));
    (exchange, claim)
}

fn answered(checked: CheckedVerdict, config: &EdgeConfig) -> (Exchange, HostAction) {
    let (mut exchange, _) = claimed(&Sent::charge(), config);
    let action = exchange.on_claim_answered(checked, config, NOW);
    (exchange, action)
}

fn rejected(checked: CheckedVerdict, config: &EdgeConfig, code: ErrorCode) -> Reply {
    let (exchange, action) = answered(checked, config);
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(code)));
    let HostAction::Reply(reply) = action else { panic!("{action:?}") };
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, body["error"]["code"].as_str()), (code.status(), Some(&*code.name())));
    assert_eq!(body["error"]["requestId"], "7d1b-1");
    reply
}

#[test]
fn every_operation_that_moves_money_needs_a_key_and_no_other_does() {
    let refund = format!("{{\"transactionId\":\"{TXN}\"}}");
    let capture = format!("/payments/{TXN}/capture");
    let cancel = format!("/payments/{TXN}/cancel");
    let keyed = [
        Sent::charge(),
        Sent::charge().replacing(":path", "/payments/refund").body(refund.as_bytes()),
        Sent::new("POST", &capture),
        Sent::new("POST", &cancel),
    ];
    for sent in keyed {
        let (_, error) = sent.without("idempotency-key").rejected(ErrorCode::IdempotencyKeyRequired);
        assert_eq!(error["param"], "Idempotency-Key");
    }
    let mut exchange = Exchange::default();
    let read = Sent::new("GET", "/payments").with("idempotency-key", "a b");
    assert!(matches!(read.up_to_the_claim(&mut exchange, &config()), HostAction::Forward(_)));
}

#[test]
fn a_key_that_is_none_is_refused_before_anything_is_claimed() {
    for wrong in ["", "a b", "clé", "\"a", "a\"", &"k".repeat(256)] {
        let (_, error) = key(wrong).rejected(ErrorCode::IdempotencyKeyInvalid);
        assert_eq!(error["param"], "Idempotency-Key");
    }
    Sent::charge().with("idempotency-key", "order-1").rejected(ErrorCode::IdempotencyKeyInvalid);
}

#[test]
fn a_key_with_card_data_is_refused_before_anything_is_claimed() {
    for (value, code) in [
        ("eyJwYW4iOiI0MTExMTExMTExMTExMTExIn0", ErrorCode::CardDataNotAccepted),
        ("\"ephemeralPublicKey\"", ErrorCode::WalletPayloadNotAccepted),
    ] {
        let (_, error) = key(value).rejected(code);
        assert_eq!(error["param"], "Idempotency-Key", "{value}");
    }
}

#[test]
fn the_claim_says_who_asks_what_and_the_attestation_says_it_again() {
    let (mut exchange, claim) = claimed(&key("\"order 1\""), &config());
    let name = Key::parse([b"\"order 1\"".as_slice()]).unwrap();
    let client = ClientId::parse("demo").unwrap();
    assert_eq!(claim.scope, Scope::new(&client, "POST", "/payments/charge", &name));
    let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"application/json", CHARGE);
    assert_eq!(claim.fingerprint, fingerprint);

    let start = CheckedVerdict::Start { fence: Fence::new(9).unwrap() };
    let HostAction::Forward(edits) = exchange.on_claim_answered(start, &config(), NOW) else { panic!() };
    let attested = attested(&edits, "POST", "/payments/charge", CHARGE).key.unwrap();
    assert_eq!((attested.scope, attested.fingerprint), (claim.scope, claim.fingerprint));
    assert_eq!(attested.fence, Fence::new(9));
    assert_eq!((exchange.outcome(), exchange.verdict()), (Some(Outcome::Forwarded), Some("start")));
}

#[test]
fn another_client_has_another_scope_and_another_byte_another_fingerprint() {
    let (_, one) = claimed(&Sent::charge(), &config());
    let (_, stranger) = claimed(&Sent::charge().replacing("x-client-id", "demo-2"), &config());
    assert_ne!(one.scope, stranger.scope);
    let (_, longer) = claimed(&Sent::charge().body(&charge_of(CHARGE.len() + 1)), &config());
    assert_eq!(one.scope, longer.scope);
    assert_ne!(one.fingerprint, longer.fingerprint);
    let other_type = Sent::charge().replacing("content-type", "application/json; charset=utf-8");
    assert_ne!(one.fingerprint, claimed(&other_type, &config()).1.fingerprint);
}

#[test]
fn a_finished_key_is_answered_with_the_first_answer_byte_for_byte() {
    let body = "{\"success\":true,\"transactionId\":\"txn_1\" }\n";
    let answer = Answer::new(402, "application/json".to_owned(), body.to_owned()).unwrap();
    let (exchange, action) = answered(CheckedVerdict::Replay(answer), &config());
    let HostAction::Reply(reply) = action else { panic!("{action:?}") };
    assert_eq!((reply.status, reply.body.as_slice()), (402, body.as_bytes()));
    let headers = [
        ("content-type", "application/json".into()),
        ("cache-control", "no-store".into()),
        ("idempotency-replayed", "true".into()),
    ];
    assert_eq!(reply.headers, headers);
    assert_eq!((exchange.outcome(), exchange.verdict()), (Some(Outcome::Replayed), Some("replay")));
}

#[test]
fn while_the_first_runs_the_others_are_told_when_to_come_back() {
    for (retry_after_ms, seconds) in [(1, "1"), (1_000, "1")] {
        let checked = CheckedVerdict::InFlight { retry_after_ms };
        let reply = rejected(checked, &config(), ErrorCode::IdempotencyInProgress);
        assert!(reply.headers.contains(&("retry-after", seconds.into())));
    }
}

#[test]
fn a_key_of_another_request_is_refused() {
    rejected(CheckedVerdict::Mismatch, &config(), ErrorCode::IdempotencyKeyReused);
}

#[test]
fn without_the_cache_a_request_goes_on_unchecked() {
    let (exchange, action) = answered(CheckedVerdict::Unavailable, &config());
    let HostAction::Forward(edits) = action else { panic!("{action:?}") };
    let claim = attested(&edits, "POST", "/payments/charge", CHARGE).key.unwrap();
    assert_eq!(claim.fence, None);
    assert_eq!((exchange.outcome(), exchange.verdict()), (Some(Outcome::Forwarded), Some("unavailable")));
}

#[test]
fn without_the_cache_a_route_may_refuse_instead() {
    let strict = with(r#"{"idempotency":{"routes":{"charge":{"whenUnavailable":"reject"}}}}"#);
    let reply = rejected(CheckedVerdict::Unavailable, &strict, ErrorCode::IdempotencyUnavailable);
    assert!(reply.headers.contains(&("retry-after", "1".into())));
    let others = with(r#"{"idempotency":{"routes":{"refund":{"whenUnavailable":"reject"}}}}"#);
    assert!(matches!(answered(CheckedVerdict::Unavailable, &others).1, HostAction::Forward(_)));
}

#[test]
fn what_proves_nothing_is_as_if_nothing_was_said() {
    let strict = with(r#"{"idempotency":{"whenUnavailable":"reject"}}"#);
    for (checked, name) in
        [(CheckedVerdict::Unproven(Unproven::Altered), "unproven"), (CheckedVerdict::Contested, "contested")]
    {
        let (exchange, action) = answered(checked.clone(), &config());
        let HostAction::Forward(edits) = action else { panic!("{action:?}") };
        let claim = attested(&edits, "POST", "/payments/charge", CHARGE).key.unwrap();
        assert_eq!(claim.fence, None);
        assert_eq!((exchange.outcome(), exchange.verdict()), (Some(Outcome::Forwarded), Some(name)));
        rejected(checked, &strict, ErrorCode::IdempotencyUnavailable);
    }
}

#[test]
fn where_keys_are_optional_a_request_without_one_passes_and_a_wrong_one_is_refused() {
    let lenient = with(r#"{"idempotency":{"required":false}}"#);
    let mut exchange = Exchange::default();
    let action = Sent::charge().without("idempotency-key").up_to_the_claim(&mut exchange, &lenient);
    let HostAction::Forward(edits) = action else { panic!("{action:?}") };
    assert_eq!(attested(&edits, "POST", "/payments/charge", CHARGE).key, None);
    let mut exchange = Exchange::default();
    assert!(matches!(key("a b").up_to_the_claim(&mut exchange, &lenient), HostAction::Reply(_)));
}

#[test]
fn the_caches_word_counts_once_and_only_when_it_was_asked() {
    let mut early = Exchange::default();
    assert_eq!(early.on_claim_answered(CheckedVerdict::Mismatch, &config(), NOW), HostAction::Wait);
    assert_eq!((early.outcome(), early.claim()), (None, None));
    let (mut exchange, _) = answered(CheckedVerdict::Mismatch, &config());
    let start = CheckedVerdict::Start { fence: Fence::new(1).unwrap() };
    assert_eq!(exchange.on_claim_answered(start, &config(), NOW), HostAction::Wait);
    assert_eq!(exchange.outcome(), Some(Outcome::Rejected(ErrorCode::IdempotencyKeyReused)));
}

#[test]
fn where_too_many_wait_a_request_is_refused_even_if_it_may_pass_without_the_cache() {
    for rule in ["pass", "reject"] {
        let config = with(&format!(r#"{{"idempotency":{{"whenUnavailable":"{rule}"}}}}"#));
        let (mut exchange, _) = claimed(&Sent::charge(), &config);
        let HostAction::Reply(reply) = exchange.on_claim_crowded() else { panic!("not rejected") };
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, body["error"]["code"].as_str()), (503, Some("IDEMPOTENCY_UNAVAILABLE")));
        assert!(reply.headers.contains(&("retry-after", "1".into())), "{:?}", reply.headers);
        assert_eq!(exchange.verdict(), Some("crowded"));
        assert_eq!(exchange.outcome(), Some(Outcome::Rejected(ErrorCode::IdempotencyUnavailable)));
        // Once.
        assert_eq!(exchange.on_claim_crowded(), HostAction::Wait);
    }
}
