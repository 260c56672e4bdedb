//! What every backend must do, and a random walk beside the rules themselves.

use std::time::Duration;

use control_plane::cache::Completed;
use edge_core::idempotency::{
    BODY_BYTES_MAX, ClaimRequest, Fence, Fenced, RETRY_AFTER_MS_MAX, Record, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::harness::*;
use crate::common::client;

/// Each test once on each backend.
macro_rules! on_both_backends {
    ($($test:ident)*) => {
        mod in_process {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Harness::in_process()).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $test() {
                if let Some(harness) = super::Harness::redis().await {
                    super::$test(harness).await;
                }
            })*
        }
    };
}

on_both_backends! {
    the_first_claim_starts_and_the_next_one_waits
    of_many_claims_at_once_one_starts
    an_answer_is_replayed_byte_for_byte
    another_request_under_the_key_is_a_mismatch_as_long_as_the_first_holds_it
    a_wrong_request_that_never_came_back_does_not_keep_the_right_one_out
    after_the_lease_the_next_one_starts_and_the_first_comes_too_late
    a_late_answer_counts_if_nobody_took_the_turn
    the_first_answer_stands_and_repeating_it_is_no_harm
    a_released_key_takes_any_request
    scopes_do_not_touch_each_other
    what_is_forgotten_starts_again
    it_says_that_it_is_ready
    a_client_whose_share_of_answers_is_used_up_still_claims_and_others_keep_answers
}

async fn the_first_claim_starts_and_the_next_one_waits(harness: Harness) {
    let scope = scope();
    start(&*harness.cache, claim(scope, 1)).await;
    let second = harness.cache.claim(&claim(scope, 1)).await;
    assert_eq!(second, Ok(Verdict::InFlight { retry_after_ms: RETRY_AFTER_MS_MAX }));
}

async fn of_many_claims_at_once_one_starts(harness: Harness) {
    let scope = scope();
    let claims = (0..200).map(|_| {
        let cache = harness.cache.clone();
        tokio::spawn(async move { cache.claim(&claim(scope, 1)).await.unwrap() })
    });
    let mut started = 0;
    for task in claims.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Verdict::Start { .. } => started += 1,
            Verdict::InFlight { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(started, 1);
}

async fn an_answer_is_replayed_byte_for_byte(harness: Harness) {
    let bodies = [
        "{\"success\":true}".to_owned(),
        String::new(),
        " \r\n\t\u{0}\"\\é€𝄞\u{2028} %s %d".to_owned(),
        "x".repeat(BODY_BYTES_MAX),
    ];
    for body in bodies {
        let scope = scope();
        let fence = start(&*harness.cache, claim(scope, 1)).await;
        assert_eq!(
            harness.cache.complete(&scope, fence, &answer(&body), &client("demo")).await,
            Ok(Completed::Kept)
        );
        assert_eq!(harness.cache.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer(&body))));
    }
}

async fn another_request_under_the_key_is_a_mismatch_as_long_as_the_first_holds_it(harness: Harness) {
    let scope = scope();
    let fence = start(&*harness.cache, claim(scope, 1)).await;
    assert_eq!(harness.cache.claim(&claim(scope, 2)).await, Ok(Verdict::Mismatch { held: None }));
    harness.cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
    let proof = Some(answer("a").held(fingerprint(1)));
    assert_eq!(harness.cache.claim(&claim(scope, 2)).await, Ok(Verdict::Mismatch { held: proof }));
}

async fn a_wrong_request_that_never_came_back_does_not_keep_the_right_one_out(harness: Harness) {
    let scope = scope();
    start(&*harness.cache, short_claim(scope, 2)).await;
    harness.outlast(lease_ms(20)).await;
    start(&*harness.cache, claim(scope, 1)).await;
    assert_eq!(harness.cache.claim(&claim(scope, 2)).await, Ok(Verdict::Mismatch { held: None }));
}

async fn after_the_lease_the_next_one_starts_and_the_first_comes_too_late(harness: Harness) {
    let scope = scope();
    let first = start(&*harness.cache, short_claim(scope, 1)).await;
    harness.outlast(lease_ms(20)).await;
    let second = start(&*harness.cache, claim(scope, 1)).await;
    assert!(second > first);
    assert_eq!(
        harness.cache.complete(&scope, first, &answer("late"), &client("demo")).await,
        Ok(Completed::Stale)
    );
    assert_eq!(harness.cache.release(&scope, first).await, Ok(Fenced::Stale));
    assert_eq!(
        harness.cache.complete(&scope, second, &answer("b"), &client("demo")).await,
        Ok(Completed::Kept)
    );
    assert_eq!(
        harness.cache.complete(&scope, first, &answer("late"), &client("demo")).await,
        Ok(Completed::Stale)
    );
    assert_eq!(harness.cache.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("b"))));
}

async fn a_late_answer_counts_if_nobody_took_the_turn(harness: Harness) {
    let scope = scope();
    let fence = start(&*harness.cache, short_claim(scope, 1)).await;
    harness.outlast(lease_ms(20)).await;
    assert_eq!(
        harness.cache.complete(&scope, fence, &answer("a"), &client("demo")).await,
        Ok(Completed::Kept)
    );
    assert_eq!(harness.cache.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("a"))));
}

async fn the_first_answer_stands_and_repeating_it_is_no_harm(harness: Harness) {
    let scope = scope();
    let fence = start(&*harness.cache, claim(scope, 1)).await;
    harness.cache.complete(&scope, fence, &answer("a"), &client("demo")).await.unwrap();
    assert_eq!(
        harness.cache.complete(&scope, fence, &answer("b"), &client("demo")).await,
        Ok(Completed::Kept)
    );
    assert_eq!(harness.cache.release(&scope, fence).await, Ok(Fenced::Stale));
    assert_eq!(harness.cache.claim(&claim(scope, 1)).await, Ok(Verdict::Replay(answer("a"))));
}

async fn a_released_key_takes_any_request(harness: Harness) {
    let scope = scope();
    let first = start(&*harness.cache, claim(scope, 1)).await;
    assert_eq!(harness.cache.release(&scope, first).await, Ok(Fenced::Applied));
    let second = start(&*harness.cache, claim(scope, 2)).await;
    assert!(second > first);
    assert_eq!(harness.cache.release(&scope, first).await, Ok(Fenced::Stale));
}

async fn scopes_do_not_touch_each_other(harness: Harness) {
    let (one, other) = (scope(), scope());
    let fence = start(&*harness.cache, claim(one, 1)).await;
    harness.cache.complete(&one, fence, &answer("a"), &client("demo")).await.unwrap();
    assert_eq!(
        harness.cache.complete(&other, fence, &answer("a"), &client("demo")).await,
        Ok(Completed::Stale)
    );
    start(&*harness.cache, claim(other, 1)).await;
}

async fn what_is_forgotten_starts_again(harness: Harness) {
    let scope = scope();
    let first = start(&*harness.cache, claim(scope, 1)).await;
    harness.cache.complete(&scope, first, &answer("a"), &client("demo")).await.unwrap();
    harness.forget(scope).await;
    assert_eq!(
        harness.cache.complete(&scope, first, &answer("b"), &client("demo")).await,
        Ok(Completed::Stale)
    );
    assert!(start(&*harness.cache, claim(scope, 2)).await > first);
}

async fn a_client_whose_share_of_answers_is_used_up_still_claims_and_others_keep_answers(harness: Harness) {
    let (greedy, other) = (client(&format!("c{}", rand::random::<u64>())), client("demo"));
    let long = answer(&"x".repeat(BODY_BYTES_MAX - 1_024));
    let mut kept = 0;
    let over = loop {
        let scope = scope();
        let fence = start(&*harness.cache, claim(scope, 1)).await;
        match harness.cache.complete(&scope, fence, &long, &greedy).await.unwrap() {
            Completed::Kept => kept += 1,
            outcome => break (scope, outcome),
        }
    };
    // 64 MiB.
    assert!((1_000..=1_040).contains(&kept), "{kept}");
    assert_eq!(over.1, Completed::OverQuota);
    start(&*harness.cache, claim(over.0, 1)).await;
    let scope = scope();
    let fence = start(&*harness.cache, claim(scope, 1)).await;
    assert_eq!(harness.cache.complete(&scope, fence, &answer("a"), &other).await, Ok(Completed::Kept));
}

async fn it_says_that_it_is_ready(harness: Harness) {
    assert_eq!(harness.cache.ready().await, Ok(()));
}

#[derive(Clone, Debug)]
enum CacheStep {
    Claim {
        body: u8,
    },
    /// With a lease that ends before the next step.
    ClaimAndOutlast {
        body: u8,
    },
    /// By one of those who started, in the order they did.
    Complete {
        who: usize,
        answer: u8,
    },
    Release {
        who: usize,
    },
    Forget,
}

fn step() -> impl Strategy<Value = CacheStep> {
    prop_oneof![
        3 => (0..2_u8).prop_map(|body| CacheStep::Claim { body }),
        3 => (0..2_u8).prop_map(|body| CacheStep::ClaimAndOutlast { body }),
        3 => (0..4_usize, 0..3_u8).prop_map(|(who, answer)| CacheStep::Complete { who, answer }),
        1 => (0..4_usize).prop_map(|who| CacheStep::Release { who }),
        1 => Just(CacheStep::Forget),
    ]
}

/// The cache walks beside [`Record`], whose time is made up: every step takes a second.
async fn walk(harness: &Harness, steps: Vec<CacheStep>) -> Result<(), TestCaseError> {
    let (scope, mut record, mut now_us) = (scope(), Record::Free, 1_700_000_000_000_000);
    // The same turns by the cache's fences and by the record's.
    let mut turns: Vec<(Fence, Fence)> = Vec::new();
    for step in steps {
        now_us += 1_000_000;
        match step {
            CacheStep::Claim { body } | CacheStep::ClaimAndOutlast { body } => {
                let lease = match step {
                    CacheStep::ClaimAndOutlast { .. } => lease_ms(1),
                    _ => lease_ms(600_000),
                };
                let claim = ClaimRequest { lease, ..claim(scope, body) };
                let theirs = harness.cache.claim(&claim).await.unwrap();
                match (theirs, record.claim(&claim, None, now_us)) {
                    (Verdict::Start { fence: theirs }, Verdict::Start { fence: ours }) => {
                        prop_assert!(turns.last().is_none_or(|(latest, _)| theirs > *latest));
                        turns.push((theirs, ours));
                    }
                    (Verdict::InFlight { .. }, Verdict::InFlight { .. }) => {}
                    (theirs, ours) => prop_assert_eq!(theirs, ours),
                }
                if matches!(step, CacheStep::ClaimAndOutlast { .. }) {
                    harness.outlast(lease).await;
                }
            }
            CacheStep::Complete { who, answer: n } => {
                let Some((theirs, ours)) = turns.get(who) else { continue };
                let answer = answer(&n.to_string());
                let applied =
                    harness.cache.complete(&scope, *theirs, &answer, &client("demo")).await.unwrap();
                let kept_for = Duration::from_secs(300);
                prop_assert_eq!(applied, Completed::from(record.complete(*ours, &answer, kept_for, now_us)));
            }
            CacheStep::Release { who } => {
                let Some((theirs, ours)) = turns.get(who) else { continue };
                let applied = harness.cache.release(&scope, *theirs).await.unwrap();
                prop_assert_eq!(applied, record.release(*ours, now_us));
            }
            CacheStep::Forget => {
                harness.forget(scope).await;
                record = Record::Free;
            }
        }
    }
    Ok(())
}

fn random_walks(runtime: &tokio::runtime::Runtime, harness: &Harness, walks: u32) {
    let config = Config { failure_persistence: None, ..Config::with_cases(walks) };
    let steps = proptest::collection::vec(step(), 1..40);
    TestRunner::new(config).run(&steps, |steps| runtime.block_on(walk(harness, steps))).unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn the_cache_in_the_process_walks_as_the_rules_do() {
    random_walks(&runtime(), &Harness::in_process(), 500);
}

#[test]
fn redis_walks_as_the_rules_do() {
    let runtime = runtime();
    if let Some(harness) = runtime.block_on(Harness::redis()) {
        random_walks(&runtime, &harness, 50);
    }
}
