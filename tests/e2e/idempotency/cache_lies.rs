//! An attacker controls the shared edge cache: it can delay requests, but decides nothing.

use gateway_tests::hostile_redis::{FakeReply, HostileRedis, StoredAnswer};
use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, until};
use serde_json::json;

use super::{charge_of, is_replay, replays};

const MADE_UP: &str = "txn_01890000-0000-7000-8000-0000deadbeef";

/// A gateway with such a cache. Workers remember nothing, so each request asks it.
async fn with_hostile_redis(settings: &[(&str, &str)]) -> (HostileRedis, OwnGateway) {
    const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";
    let redis = HostileRedis::start(KEYS).await;
    let uri = redis.uri();
    let fixed =
        [("REDIS_URI", uri.as_str()), ("EDGE_ATTESTATION_KEYS", KEYS), ("IDEMPOTENCY_RECENT_ANSWERS", "0")];
    let settings: Vec<_> = settings.iter().copied().chain(fixed).collect();
    let own = OwnGateway::start(&settings).await;
    (redis, own)
}

/// An answer that the attacker forges.
fn made_up(seal: &str) -> String {
    let body = json!({ "success": true, "transactionId": MADE_UP, "status": "completed" }).to_string();
    json!({ "status": 200, "contentType": "application/json", "body": body, "seal": seal }).to_string()
}

/// Asserts that it was charged once, whatever the cache said, and that the edge noticed the false verdict.
async fn is_truly_charged(gateway: &Gateway<'_>, response: &HttpResponse, amount: u64, unproven_before: u64) {
    response.succeeds(200, &json!({ "status": "completed" }));
    assert!(!is_replay(response) && response.transaction_id() != MADE_UP, "{}", response.text());
    let effect = format!("stripe charge {amount} USD");
    assert_eq!(gateway.effects(&response.transaction_id()).await, [effect]);
    assert!(gateway.edge_claims("unproven").await > unproven_before);
    let line = gateway.access_log_line(response).await;
    assert_eq!(line["edge_idempotency"], "unproven", "{line}");
}

/// The sealed answer that a charge under `key` left in the cache.
async fn sealed_answer(redis: &HostileRedis) -> StoredAnswer {
    until("the answer in the cache", async || {
        redis.stored().into_iter().rev().find(|kept| kept.sealed.starts_with('{'))
    })
    .await
}

#[tokio::test]
async fn an_answer_that_the_control_plane_did_not_give_is_never_replayed() {
    let (redis, own) = with_hostile_redis(&[]).await;
    let gateway = own.gateway();
    let (_, genuine) = genuine_charge(&redis, &gateway).await;
    let (_, seal) = genuine.sealed.split_once("\"seal\":\"").unwrap();
    let seal = seal.trim_end_matches("\"}");
    let lies = [
        // In the format of an earlier release.
        r#"{"status":200,"contentType":"application/json","body":"{\"success\":true}"}"#.to_owned(),
        made_up(""),
        made_up("k1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        // Its own seal, under another answer.
        made_up(seal),
        // Genuine, but another charge's.
        genuine.sealed.clone(),
    ];
    for reply in lies {
        redis.reply_with(FakeReply::Replay(reply));
        let before = gateway.edge_claims("unproven").await;
        let response = gateway.charge(&charge_of(999_999)).await;
        is_truly_charged(&gateway, &response, 999_999, before).await;
    }
    let log = std::fs::read_to_string(own.stack.run_dir().log("envoy")).unwrap();
    let warnings = log.lines().filter(|line| line.contains("the edge cache is not trusted")).count();
    assert!((1..=5).contains(&warnings), "{warnings}");
    assert!(!log.contains(seal) && !log.contains(MADE_UP), "no answer stands in a log");
}

/// A charge with a correct cache, and what the cache stored of it.
async fn genuine_charge(redis: &HostileRedis, gateway: &Gateway<'_>) -> (HttpResponse, StoredAnswer) {
    redis.reply_with(FakeReply::Start);
    let response = gateway.charge(&charge_of(750)).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    let kept = sealed_answer(redis).await;
    assert!(kept.sealed.contains(&response.transaction_id()));
    (response, kept)
}

#[tokio::test]
async fn a_genuine_answer_is_replayed_to_its_own_request_even_by_an_attacker() {
    let (redis, own) = with_hostile_redis(&[]).await;
    let gateway = own.gateway();
    let (key, charge) = (fresh_key(), charge_of(751));
    let first = gateway.charge_under(&key, &charge).await;
    let kept = sealed_answer(&redis).await;
    redis.reply_with(FakeReply::Replay(kept.sealed));
    let (again, asked) = super::counted_charge(&gateway, &key, &charge).await;
    replays(&again, &first);
    assert_eq!(asked, 0, "by the edge itself");
}

#[tokio::test]
async fn a_key_that_was_not_used_for_another_request_is_not_said_to_be() {
    let (redis, own) = with_hostile_redis(&[]).await;
    let gateway = own.gateway();
    let (_, genuine) = genuine_charge(&redis, &gateway).await;
    // Probes have a fingerprint of one digit.
    let of_genuine = redis.claimed().into_iter().rev().find(|fingerprint| fingerprint.len() == 64).unwrap();
    let other = "ab".repeat(32);
    let lies = [
        FakeReply::Mismatch(other.clone(), made_up("")),
        FakeReply::Mismatch(other.clone(), made_up("k1.AAAA")),
        // A genuine answer of another key, unchanged and under another fingerprint.
        FakeReply::Mismatch(of_genuine, genuine.sealed.clone()),
        FakeReply::Mismatch(other.clone(), genuine.sealed),
    ];
    for reply in lies {
        redis.reply_with(reply);
        let before = gateway.edge_claims("unproven").await;
        let response = gateway.charge(&charge_of(752)).await;
        is_truly_charged(&gateway, &response, 752, before).await;
    }
    // Without proof, as for a request in progress: the row decides, and there is none.
    redis.reply_with(FakeReply::Mismatch(other, String::new()));
    let response = gateway.charge(&charge_of(752)).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    let line = gateway.access_log_line(&response).await;
    assert_eq!(line["edge_idempotency"], "contested", "{line}");
}

#[tokio::test]
async fn a_key_does_not_stay_in_flight_because_the_cache_says_so() {
    let (redis, own) = with_hostile_redis(&[("IDEMPOTENCY_LEASE_MS", "1000")]).await;
    let gateway = own.gateway();
    redis.reply_with(FakeReply::InFlight);
    let (key, charge) = (fresh_key(), charge_of(753));
    gateway.charge_under(&key, &charge).await.refuses(409, "IDEMPOTENCY_IN_PROGRESS");
    let begun = std::time::Instant::now();
    let response = until("the charge", async || {
        let response = gateway.charge_under(&key, &charge).await;
        (response.status != 409).then_some(response)
    })
    .await;
    // Two leases, plus the rounding of clocks in seconds.
    assert!(begun.elapsed() < std::time::Duration::from_secs(8));
    is_truly_charged(&gateway, &response, 753, 0).await;
}

#[tokio::test]
async fn a_lease_that_is_granted_to_every_request_charges_once() {
    let (redis, own) = with_hostile_redis(&[]).await;
    let gateway = own.gateway();
    redis.reply_with(FakeReply::Start);
    let (key, charge) = (fresh_key(), charge_of(754));
    let first = gateway.charge_under(&key, &charge).await;
    first.succeeds(200, &json!({ "status": "completed" }));
    for _ in 0..5 {
        replays(&gateway.charge_under(&key, &charge).await, &first);
    }
    gateway.charge_under(&key, &charge_of(755)).await.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(gateway.sandbox.all_effects().await, ["stripe charge 754 USD"]);
}

#[tokio::test]
async fn an_invalid_verdict_is_treated_like_no_verdict() {
    let (redis, own) = with_hostile_redis(&[]).await;
    let gateway = own.gateway();
    for reply in [
        FakeReply::Nonsense,
        FakeReply::Replay("{}".to_owned()),
        FakeReply::Mismatch("xy".to_owned(), String::new()),
    ] {
        redis.reply_with(reply);
        let response = gateway.charge(&charge_of(756)).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        let line = gateway.access_log_line(&response).await;
        assert_eq!(line["edge_idempotency"], "unavailable", "{line}");
    }
}

#[tokio::test]
async fn where_the_cache_is_required_a_false_verdict_stops_its_request() {
    let (redis, own) = with_hostile_redis(&[("EDGE_CACHE_DOWN", "reject")]).await;
    let gateway = own.gateway();
    for reply in [FakeReply::Replay(made_up("")), FakeReply::Mismatch("ab".repeat(32), made_up(""))] {
        redis.reply_with(reply);
        gateway.charge(&charge_of(757)).await.refuses(503, "IDEMPOTENCY_UNAVAILABLE");
    }
    assert!(gateway.sandbox.all_effects().await.is_empty());
    redis.reply_with(FakeReply::Start);
    gateway.charge(&charge_of(757)).await.succeeds(200, &json!({ "status": "completed" }));
}
