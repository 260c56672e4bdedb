//! What a Redis that fails, forgets or holds something else does to the cache.

use std::time::{Duration, Instant};

use control_plane::cache::{CacheError, Completed, EdgeCache, KeepPolicy, RedisUri};
use edge_core::idempotency::{ClaimRequest, Fenced, Scope, Verdict};
use test_services::proxy::{Mode, Proxy};
use test_services::{RedisServer, Signal, run};

use super::harness::*;
use crate::common::client;

/// Long enough for any machine; what is awaited takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

async fn server() -> Option<RedisServer> {
    RedisServer::own(&[]).await
}

fn unavailable<T: std::fmt::Debug>(result: &Result<T, CacheError>) -> bool {
    matches!(result, Err(CacheError::Unavailable(_)))
}

/// The first verdict, as soon as there is one.
async fn verdict(cache: &dyn EdgeCache, claim: ClaimRequest) -> Verdict {
    let started = Instant::now();
    loop {
        match cache.claim(&claim).await {
            Ok(verdict) => return verdict,
            Err(error) => assert!(started.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn two_control_planes_share_their_claims() {
    let Some(server) = server().await else { return };
    let (one, other, scope) = (cache_at(server.uri()), cache_at(server.uri()), scope());
    let mut claims = Vec::new();
    for i in 0..400 {
        let cache = if i % 2 == 0 { one.clone() } else { other.clone() };
        claims.push(tokio::spawn(async move { cache.claim(&claim(scope, 1)).await.unwrap() }));
    }
    let mut fences = Vec::new();
    for task in claims {
        if let Verdict::Start { fence } = task.await.unwrap() {
            fences.push(fence);
        }
    }
    assert_eq!(fences.len(), 1);
    assert_eq!(other.complete(&scope, fences[0], &answer("a"), &client("demo")).await, Ok(Completed::Kept));
    assert_eq!(one.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("a"))));
}

#[tokio::test]
async fn what_an_answer_says_is_nowhere_in_redis() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    let fence = start(&*cache, claim(scope, 1)).await;
    cache.complete(&scope, fence, &answer("canary"), &client("demo-canary")).await.unwrap();
    let mut all = server.run::<Vec<u8>>(&["DUMP", &key(scope)]).await;
    let value: Vec<u8> = server.run(&["GET", &key(scope)]).await;
    assert!(value.len() > 100);
    all.extend(value);
    for kept in server.run::<Vec<String>>(&["KEYS", "*"]).await {
        all.extend(kept.into_bytes());
    }
    assert!(!all.windows(6).any(|bytes| bytes == b"canary"));
    assert_eq!(cache.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("canary"))));
}

#[tokio::test]
async fn an_answer_that_was_moved_or_altered_is_none() {
    let Some(server) = server().await else { return };
    let (cache, one, other) = (cache_at(server.uri()), scope(), scope());
    for scope in [one, other] {
        let fence = start(&*cache, claim(scope, 1)).await;
        cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
    }
    server.run::<()>(&["COPY", &key(other), &key(one), "REPLACE"]).await;
    assert!(unavailable(&cache.claim(&claim(one, 1)).await));
    let length: i64 = server.run(&["STRLEN", &key(other)]).await;
    server.run::<()>(&["SETRANGE", &key(other), &(length - 1).to_string(), "x"]).await;
    server.run::<()>(&["SETRANGE", &key(other), &(length - 2).to_string(), "x"]).await;
    assert!(unavailable(&cache.claim(&claim(other, 1)).await));
    assert!(matches!(cache.claim(&claim(scope(), 1)).await, Ok(Verdict::Start { .. })), "the others go on");
}

#[tokio::test]
async fn a_lease_is_kept_a_minute_longer_and_an_answer_as_long_as_is_set() {
    let Some(server) = server().await else { return };
    let keep_policy = KeepPolicy { answers_for: Duration::from_secs(1_000), ..KeepPolicy::default() };
    let (cache, scope) = (cache_that_keeps(server.uri(), keep_policy), scope());
    let fence = start(&*cache, short_claim(scope, 1)).await;
    let left: i64 = server.run(&["PTTL", &key(scope)]).await;
    assert!((50_000..=60_020).contains(&left), "{left}");
    cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
    let left: i64 = server.run(&["PTTL", &key(scope)]).await;
    assert!((990_000..=1_000_000).contains(&left), "{left}");
}

/// What operators size Redis by (docs/configuration.md). `MEMORY USAGE` leaves out the key's places in Redis's tables, which
/// the documented sizes include: some 60 bytes.
#[tokio::test]
async fn a_record_takes_no_more_memory_than_is_documented() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    let size = async || server.run::<u64>(&["MEMORY", "USAGE", &key(scope)]).await;
    let fence = start(&*cache, claim(scope, 1)).await;
    let lease = size().await;
    assert!((293 / 3..=293).contains(&lease), "{lease}");
    cache.complete(&scope, fence, &answer(&"x".repeat(102)), &client("demo")).await.unwrap();
    let answer = size().await;
    assert!((565 / 3..=565).contains(&answer), "{answer}");
}

/// Once with all of the memory taken by answers, as one minute of a busy day may.
#[tokio::test]
async fn answers_never_take_the_room_of_claims() {
    const MEMORY: [&str; 4] = ["--maxmemory", "6mb", "--maxmemory-policy", "noeviction"];
    let Some(server) = RedisServer::own(&MEMORY).await else { return };
    let (cache, demo) = (cache_at(server.uri()), client("demo"));
    let long = answer(&"x".repeat(16 * 1_024));
    let mut outcomes = Vec::new();
    let begun = Instant::now();
    while outcomes.last() != Some(&Completed::NoRoom) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{outcomes:?}");
        let scope = scope();
        let fence = start(&*cache, claim(scope, 1)).await;
        outcomes.push(cache.complete(&scope, fence, &long, &demo).await.unwrap());
        // Slow enough to be looked after: Redis is asked once a second.
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(outcomes.len() > 50, "it kept answers while there was room: {}", outcomes.len());
    for _ in 0..100 {
        start(&*cache, claim(scope(), 1)).await;
    }
    assert_eq!(cache.ready().await, Ok(()));
}

#[tokio::test]
async fn a_redis_that_is_not_there_is_unavailable_at_once_and_used_when_it_comes() {
    let Some(mut server) = server().await else { return };
    server.kill();
    let (cache, scope) = (cache_at(server.uri()), scope());
    let started = Instant::now();
    assert!(unavailable(&cache.claim(&claim(scope, 1)).await));
    assert!(unavailable(&cache.ready().await));
    assert!(started.elapsed() < Duration::from_secs(2));
    server.start_again().await;
    assert!(matches!(verdict(&*cache, claim(scope, 1)).await, Verdict::Start { .. }));
}

#[tokio::test]
async fn a_redis_that_is_killed_forgets_and_is_used_again_when_it_is_back() {
    let Some(mut server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    let first = start(&*cache, claim(scope, 1)).await;
    server.kill();
    assert!(unavailable(&cache.complete(&scope, first, &answer("a"), &client("demo")).await));
    assert!(unavailable(&cache.release(&scope, first).await));
    server.start_again().await;
    let Verdict::Start { fence: second } = verdict(&*cache, claim(scope, 1)).await else { panic!() };
    assert!(second > first);
    assert_eq!(cache.complete(&scope, first, &answer("a"), &client("demo")).await, Ok(Completed::Stale));
}

#[tokio::test]
async fn a_connection_that_was_cut_while_idle_costs_no_claim() {
    let Some(server) = server().await else { return };
    let cache = cache_at(server.uri());
    start(&*cache, claim(scope(), 1)).await;
    let mut operator = server.connection().await;
    let cut: i64 = run(&mut operator, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    assert_eq!(cut, 1);
    let begun = Instant::now();
    while run::<String>(&mut operator, &["CLIENT", "LIST"]).await.lines().count() < 2 {
        assert!(begun.elapsed() < PATIENCE, "it does not connect again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start(&*cache, claim(scope(), 1)).await;
}

#[tokio::test]
async fn after_a_flush_the_first_comes_too_late() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    let first = start(&*cache, claim(scope, 1)).await;
    server.run::<()>(&["FLUSHALL"]).await;
    assert_eq!(cache.complete(&scope, first, &answer("a"), &client("demo")).await, Ok(Completed::Stale));
    assert!(start(&*cache, claim(scope, 1)).await > first);
}

#[tokio::test]
async fn a_script_flush_is_not_noticed() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    server.run::<()>(&["SCRIPT", "FLUSH"]).await;
    let fence = start(&*cache, claim(scope, 1)).await;
    server.run::<()>(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(cache.release(&scope, fence).await, Ok(Fenced::Applied));
    let fence = start(&*cache, claim(scope, 1)).await;
    server.run::<()>(&["SCRIPT", "FLUSH"]).await;
    assert_eq!(cache.complete(&scope, fence, &answer("a"), &client("demo")).await, Ok(Completed::Kept));
}

#[tokio::test]
async fn a_value_that_is_not_ours_is_unavailable_and_left_alone() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    let fence = start(&*cache, claim(super::harness::scope(), 1)).await;
    let fingerprint = fingerprint(1);
    let strangers = [
        vec!["RPUSH".to_owned(), key(scope), "a".to_owned()],
        vec!["SET".to_owned(), key(scope), "hello".to_owned()],
        vec!["SET".to_owned(), key(scope), String::new()],
        vec!["SET".to_owned(), key(scope), format!("1 1 {fingerprint} {{\"status\":500}}")],
    ];
    for command in strangers {
        forget(&server, scope).await;
        server.run::<()>(&command.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let dump: Vec<u8> = server.run(&["DUMP", &key(scope)]).await;
        assert!(unavailable(&cache.claim(&claim(scope, 1)).await), "{command:?}");
        assert!(!matches!(
            cache.complete(&scope, fence, &answer("a"), &client("demo")).await,
            Ok(Completed::Kept)
        ));
        assert!(!matches!(cache.release(&scope, fence).await, Ok(Fenced::Applied)));
        assert_eq!(server.run::<Vec<u8>>(&["DUMP", &key(scope)]).await, dump, "{command:?}");
    }
}

#[tokio::test]
async fn the_fence_rises_when_the_clock_of_redis_falls() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    // Claimed by a clock a thousand years ahead, and the lease is over.
    let ahead = format!("4000000000000000 1 {} ", fingerprint(1));
    server.run::<()>(&["SET", &key(scope), &ahead]).await;
    assert_eq!(start(&*cache, claim(scope, 1)).await.get(), 4_000_000_000_000_001);
}

#[tokio::test]
async fn a_full_redis_takes_no_claims_says_so_and_keeps_what_it_has() {
    let Some(server) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    let (cache, leased, answered) = (cache_at(server.uri()), scope(), scope());
    let fence = start(&*cache, claim(leased, 1)).await;
    let other = start(&*cache, claim(answered, 1)).await;
    cache.complete(&answered, other, &answer("a"), &client("demo")).await.unwrap();
    assert_eq!(cache.ready().await, Ok(()));
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(unavailable(&cache.ready().await), "it answers, but takes no claim");
    assert!(unavailable(&cache.claim(&claim(scope(), 1)).await));
    assert_eq!(cache.claim(&claim(answered, 1)).await, Ok(Verdict::Replay(answer("a"))));
    let completed = cache.complete(&leased, fence, &answer("b"), &client("demo")).await;
    assert_eq!(completed, Ok(Completed::NoRoom), "the turn is given back");
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    start(&*cache, claim(leased, 1)).await;
}

#[tokio::test]
async fn a_replica_is_not_ready_though_it_answers() {
    let Some(server) = server().await else { return };
    let cache = cache_at(server.uri());
    assert_eq!(cache.ready().await, Ok(()));
    server.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert!(unavailable(&cache.ready().await));
}

#[tokio::test]
async fn a_redis_that_would_keep_no_answer_is_not_ready_though_it_takes_claims() {
    let Some(server) = server().await else { return };
    let user = ["ACL", "SETUSER", "gateway", "on", ">throwaway", "~edge:idem:*", "+@all"];
    server.run::<()>(&user).await;
    let cache = cache_at(&server.uri().replace("redis://", "redis://gateway:throwaway@"));
    start(&*cache, claim(scope(), 1)).await;
    assert!(unavailable(&cache.ready().await));
    server.run::<()>(&["ACL", "SETUSER", "gateway", "~edge:kept:*"]).await;
    let begun = Instant::now();
    while let Err(error) = cache.ready().await {
        assert!(begun.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_way_to_redis_that_goes_silent_costs_ten_seconds_at_most() {
    let Some(server) = server().await else { return };
    let way = Proxy::to_port(server.port()).await;
    let cache = cache_at(&format!("redis://{}", way.address()));
    start(&*cache, claim(scope(), 1)).await;
    way.set(Mode::Silence);
    let begun = Instant::now();
    // Nobody but a prober asks.
    while cache.ready().await.is_err() || way.opened() == 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is still on the silent connection");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    start(&*cache, claim(scope(), 1)).await;
}

#[tokio::test]
async fn a_replica_that_is_promoted_takes_claims_again() {
    let Some(server) = server().await else { return };
    let cache = cache_at(server.uri());
    start(&*cache, claim(scope(), 1)).await;
    server.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert!(unavailable(&cache.claim(&claim(scope(), 1)).await));
    server.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    let begun = Instant::now();
    while cache.ready().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    start(&*cache, claim(scope(), 1)).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_unavailable_in_time() {
    let Some(server) = server().await else { return };
    let (cache, scope) = (cache_at(server.uri()), scope());
    start(&*cache, claim(super::harness::scope(), 1)).await;
    server.signal(Signal::STOP);
    let started = Instant::now();
    assert!(unavailable(&cache.claim(&short_claim(scope, 1)).await));
    assert!(started.elapsed() < Duration::from_secs(2));
    server.signal(Signal::CONT);
    // What nobody waited for any more happened after all: a lease without an owner, which ends.
    let later = verdict(&*cache, short_claim(scope, 1)).await;
    assert!(matches!(later, Verdict::InFlight { .. } | Verdict::Start { .. }), "{later:?}");
}

#[tokio::test]
async fn a_lost_reply_leaves_a_lease_that_ends_and_an_answer_that_stands() {
    let Some(server) = server().await else { return };
    let (direct, scope) = (cache_at(server.uri()), scope());
    let proxy = Proxy::to_port(server.port()).await;
    let cache = cache_at(&format!("redis://{}", proxy.address()));
    // Connected and with its scripts loaded, so that nothing but the reply is missing.
    let other = super::harness::scope();
    let fence = start(&*cache, claim(other, 1)).await;
    cache.complete(&other, fence, &answer("a"), &client("demo")).await.unwrap();

    proxy.set(Mode::CutAnswer(0));
    let seen_while_it_lasts = ClaimRequest { lease: lease_ms(2_000), ..claim(scope, 1) };
    assert!(unavailable(&cache.claim(&seen_while_it_lasts).await));
    assert!(matches!(direct.claim(&claim(scope, 1)).await, Ok(Verdict::InFlight { .. })));
    let fence = started(&*direct, scope).await;

    proxy.set(Mode::Pass);
    verdict(&*cache, claim(other, 1)).await;
    proxy.set(Mode::CutAnswer(0));
    assert!(unavailable(&cache.complete(&scope, fence, &answer("a"), &client("demo")).await));
    assert_eq!(direct.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("a"))));
    assert_eq!(direct.complete(&scope, fence, &answer("a"), &client("demo")).await, Ok(Completed::Kept));
}

/// Claims until it is this one's turn.
async fn started(cache: &dyn EdgeCache, scope: Scope) -> edge_core::idempotency::Fence {
    let begun = Instant::now();
    loop {
        match cache.claim(&claim(scope, 1)).await {
            Ok(Verdict::Start { fence }) => return fence,
            other => assert!(begun.elapsed() < PATIENCE, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_redis_that_refused_us_is_used_when_it_no_longer_does() {
    let Some(server) = server().await else { return };
    // Who is connected stays so, whatever else is decided.
    let mut operator = server.connection().await;
    let refusals: [(&[&str], &[&str]); 3] = [
        (&["CONFIG", "SET", "requirepass", "another"], &["CONFIG", "SET", "requirepass", "hidden"]),
        (&["CONFIG", "SET", "maxclients", "1"], &["CONFIG", "SET", "maxclients", "100"]),
        (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
    ];
    for (refuse, accept) in refusals {
        run::<()>(&mut operator, refuse).await;
        let cache = cache_at(&format!("redis://:hidden@127.0.0.1:{}", server.port()));
        for _ in 0..3 {
            let error = cache.claim(&claim(scope(), 1)).await.unwrap_err().to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
        run::<()>(&mut operator, accept).await;
        assert!(matches!(verdict(&*cache, claim(scope(), 1)).await, Verdict::Start { .. }), "{refuse:?}");
    }
}

#[test]
fn an_address_is_checked_when_it_is_read_and_never_printed() {
    for right in
        ["redis://localhost", "redis://:hidden@127.0.0.1:6380/2", "rediss://user:hidden@cache.internal"]
    {
        assert!(!format!("{:?}", right.parse::<RedisUri>().unwrap()).contains("hidden"));
    }
    for wrong in ["", "localhost:6379", "http://hidden@localhost", "redis://:hidden@localhost:port"] {
        let error = wrong.parse::<RedisUri>().unwrap_err();
        assert!(error.starts_with("must be redis://") && !error.contains("hidden"), "{error}");
    }
}
