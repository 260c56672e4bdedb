//! The reconciliation that runs by itself, as each store keeps it.

use jiff::{SignedDuration, Timestamp};
use payments::ports::store::reconciling::ReconcileRun;

use crate::common::*;

super::on_both_stores! {
    one_process_at_a_time_has_the_run
    a_run_that_was_left_goes_on_elsewhere_and_its_first_holder_is_told
    the_next_run_begins_when_it_is_time_and_overlaps_the_last
}

const EVERY: SignedDuration = SignedDuration::from_hours(6);

async fn take(test: &TestStore, holder: &str, second: i64) -> Option<ReconcileRun> {
    test.store.take_run(holder, at(second), EVERY, at(second + 600)).await.unwrap()
}

async fn one_process_at_a_time_has_the_run(test: TestStore) {
    let run = take(&test, "a", 0).await.unwrap();
    assert_eq!((run.began_at, run.since), (at(0), at(-24 * 3_600)));
    assert_eq!(take(&test, "b", 599).await, None);
    assert_eq!(take(&test, "b", 600).await, Some(run));
}

async fn a_run_that_was_left_goes_on_elsewhere_and_its_first_holder_is_told(test: TestStore) {
    let mut run = take(&test, "a", 0).await.unwrap();
    run.place = "stripe:pi_1".to_owned();
    (run.compared, run.different) = (7, 1);
    assert!(test.store.keep_run("a", &run, at(900)).await.unwrap());
    assert_eq!(take(&test, "b", 899).await, None, "keeping it holds it");
    assert_eq!(take(&test, "b", 900).await, Some(run.clone()));
    assert!(!test.store.keep_run("a", &run, at(2_000)).await.unwrap());
}

async fn the_next_run_begins_when_it_is_time_and_overlaps_the_last(test: TestStore) {
    let ended = |run: ReconcileRun, second| ReconcileRun { finished_at: Some(at(second)), ..run };
    let first = take(&test, "a", 0).await.unwrap();
    assert!(test.store.keep_run("a", &ended(first.clone(), 100), Timestamp::MAX).await.unwrap());
    assert!(!test.store.keep_run("a", &first, at(200)).await.unwrap(), "it is over");
    assert_eq!(take(&test, "a", 6 * 3_600 - 1).await, None);
    let next = take(&test, "b", 6 * 3_600).await.unwrap();
    let begun = ReconcileRun {
        began_at: at(6 * 3_600),
        since: at(-3_600),
        place: String::new(),
        compared: 0,
        different: 0,
        finished_at: None,
    };
    assert_eq!(next, begun);
}
