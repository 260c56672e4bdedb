//! A Redis that answers and refuses every write for a while: it misses its replicas, cannot save, or still loads.

use std::fs;
use std::time::{Duration, Instant};

use control_plane::cache::{CacheError, Completed, EdgeCache};
use edge_core::idempotency::Verdict;
use test_services::RedisServer;

use super::harness::*;
use crate::common::client;

/// By then everything works again.
const RECOVERY: Duration = Duration::from_secs(10);

fn unavailable<T: std::fmt::Debug>(result: &Result<T, CacheError>) -> bool {
    matches!(result, Err(CacheError::Unavailable(_)))
}

async fn until_ready(cache: &dyn EdgeCache) {
    let begun = Instant::now();
    while let Err(error) = cache.ready().await {
        assert!(begun.elapsed() < RECOVERY, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is kept is still read meanwhile, and a claim of before keeps its turn.
async fn no_write_succeeds_between(server: &RedisServer, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    let (cache, leased, answered) = (cache_at(server.uri()), scope(), scope());
    let fence = start(&*cache, claim(leased, 1)).await;
    let other = start(&*cache, claim(answered, 1)).await;
    cache.complete(&answered, other, &answer("a"), &client("demo")).await.unwrap();
    assert_eq!(cache.ready().await, Ok(()));
    begin().await;
    assert!(unavailable(&cache.ready().await), "it answers, but takes no claim");
    assert!(unavailable(&cache.claim(&claim(scope(), 1)).await));
    assert!(unavailable(&cache.complete(&leased, fence, &answer("b"), &client("demo")).await));
    assert!(unavailable(&cache.release(&leased, fence).await));
    assert_eq!(cache.claim(&claim(answered, 1)).await, Ok(Verdict::Replay(answer("a"))));
    end().await;
    until_ready(&*cache).await;
    let completed = cache.complete(&leased, fence, &answer("b"), &client("demo")).await;
    assert_eq!(completed, Ok(Completed::Kept));
    start(&*cache, claim(scope(), 1)).await;
}

#[tokio::test]
async fn a_redis_without_its_replicas_takes_no_claims_until_it_has_them() {
    let Some(server) = RedisServer::own(&[]).await else { return };
    let wants = async |replicas: &str| {
        server.run::<()>(&["CONFIG", "SET", "min-replicas-to-write", replicas]).await;
    };
    no_write_succeeds_between(&server, async || wants("1").await, async || wants("0").await).await;
}

#[tokio::test]
async fn a_redis_that_cannot_save_takes_no_claims_until_it_can() {
    let Some(server) = RedisServer::own(&[]).await else { return };
    // A folder in the place of its file.
    let obstacle = server.folder().join("dump.rdb");
    server.run::<()>(&["CONFIG", "SET", "save", "3600 1"]).await;
    let save = async |outcome: &str| {
        server.run::<()>(&["BGSAVE"]).await;
        let begun = Instant::now();
        while !server.run::<String>(&["INFO", "persistence"]).await.contains(outcome) {
            assert!(begun.elapsed() < RECOVERY, "{outcome}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let begin = async || {
        fs::create_dir(&obstacle).unwrap();
        save("rdb_last_bgsave_status:err").await;
    };
    let end = async || {
        fs::remove_dir(&obstacle).unwrap();
        save("rdb_last_bgsave_status:ok").await;
    };
    no_write_succeeds_between(&server, begin, end).await;
}

/// Each entry takes it a tenth of a second, between which it looks at its connections.
#[tokio::test]
async fn a_redis_that_still_loads_is_not_ready_and_then_knows_its_answers() {
    const SLOW: [&str; 6] = [
        "--key-load-delay",
        "100000",
        "--loading-process-events-interval-bytes",
        "1024",
        "--rdbcompression",
        "no",
    ];
    let Some(mut server) = RedisServer::own(&SLOW).await else { return };
    let (cache, answered) = (cache_at(server.uri()), scope());
    let fence = start(&*cache, claim(answered, 1)).await;
    cache.complete(&answered, fence, &answer("a"), &client("demo")).await.unwrap();
    let long = "x".repeat(4_096);
    for n in 0..20 {
        server.run::<()>(&["SET", &format!("other:{n}"), &long]).await;
    }
    server.run::<()>(&["SAVE"]).await;
    server.kill();
    server.start_again().await;
    for cache in [&cache, &cache_at(server.uri())] {
        assert!(unavailable(&cache.ready().await));
        assert!(unavailable(&cache.claim(&claim(scope(), 1)).await));
    }
    until_ready(&*cache).await;
    assert_eq!(cache.claim(&claim(answered, 1)).await, Ok(Verdict::Replay(answer("a"))));
}
