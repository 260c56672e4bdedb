//! What the cache in the process keeps, and what it lets go.

use std::sync::Arc;
use std::time::Duration;

use control_plane::cache::{CacheError, Completed, EdgeCache, InProcessCache, KeepPolicy, Limits};
use edge_core::idempotency::Verdict;

use super::harness::*;
use crate::common::client;

fn bounded(records: usize, bytes: usize) -> (InProcessCache, Arc<TestClock>) {
    let clock = TestClock::start();
    (InProcessCache::new(Limits { records, bytes }, KeepPolicy::default(), clock.clone()), clock)
}

#[tokio::test]
async fn the_oldest_answer_makes_room_for_a_new_claim() {
    let (cache, clock) = bounded(3, usize::MAX);
    let scopes = [scope(), scope(), scope(), scope()];
    for scope in scopes {
        let fence = start(&cache, claim(scope, 1)).await;
        cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
        clock.advance_by(Duration::from_secs(1));
    }
    for kept in &scopes[1..] {
        assert_eq!(cache.claim(&claim(*kept, 1)).await, Ok(Verdict::Replay(answer("a"))));
    }
    start(&cache, claim(scopes[0], 1)).await;
}

#[tokio::test]
async fn a_live_lease_is_never_let_go() {
    let (cache, _) = bounded(2, usize::MAX);
    let leased = scope();
    let fence = start(&cache, claim(leased, 1)).await;
    for _ in 0..10 {
        let scope = scope();
        let fence = start(&cache, claim(scope, 1)).await;
        cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
    }
    assert_eq!(cache.complete(&leased, fence, &answer("b"), &client("demo")).await, Ok(Completed::Kept));
    assert_eq!(cache.claim(&claim(leased, 1)).await, Ok(Verdict::Replay(answer("b"))));
}

#[tokio::test]
async fn full_of_live_leases_it_takes_no_more_until_one_ends() {
    let (cache, clock) = bounded(2, usize::MAX);
    let (first, second, third) = (scope(), scope(), scope());
    start(&cache, short_claim(first, 1)).await;
    start(&cache, claim(second, 1)).await;
    let full = Err(CacheError::Unavailable("it is full of operations in flight".to_owned()));
    assert_eq!(cache.claim(&claim(third, 1)).await, full);
    assert!(matches!(cache.claim(&claim(second, 1)).await, Ok(Verdict::InFlight { .. })), "it still serves");
    clock.advance_by(Duration::from_millis(20));
    start(&cache, claim(third, 1)).await;
}

#[tokio::test]
async fn large_answers_are_counted_by_their_bytes() {
    let (cache, clock) = bounded(usize::MAX, 10_000);
    let scopes = [scope(), scope(), scope()];
    for scope in scopes {
        let fence = start(&cache, claim(scope, 1)).await;
        cache.complete(&scope, fence, &answer(&"x".repeat(4_000)), &client("demo")).await.unwrap();
        clock.advance_by(Duration::from_secs(1));
    }
    start(&cache, claim(scopes[0], 1)).await;
    assert!(matches!(cache.claim(&claim(scopes[2], 1)).await, Ok(Verdict::Replay(_))));
}

#[tokio::test]
async fn what_is_forgotten_goes_before_what_is_kept() {
    let (cache, clock) = bounded(2, usize::MAX);
    let (old, kept) = (scope(), scope());
    start(&cache, short_claim(old, 1)).await;
    clock.advance_by(Duration::from_secs(30));
    let fence = start(&cache, claim(kept, 1)).await;
    cache.complete(&kept, fence, &answer("a"), &client("demo")).await.unwrap();
    clock.advance_by(Duration::from_secs(31));
    start(&cache, claim(scope(), 1)).await;
    assert_eq!(cache.claim(&claim(kept, 1)).await, Ok(Verdict::Replay(answer("a"))));
}

#[tokio::test]
async fn it_is_ready_as_long_as_it_has_room_for_one_more_claim() {
    let (cache, clock) = bounded(2, usize::MAX);
    let (leased, answered) = (scope(), scope());
    start(&cache, short_claim(leased, 1)).await;
    assert_eq!(cache.ready().await, Ok(()));
    let fence = start(&cache, claim(answered, 1)).await;
    assert!(cache.ready().await.is_err(), "both are in flight");
    cache.complete(&answered, fence, &answer("a"), &client("demo")).await.unwrap();
    assert_eq!(cache.ready().await, Ok(()), "an answer makes room");
    clock.advance_by(Duration::from_millis(20));
    start(&cache, claim(scope(), 1)).await;
}
