//! Runs are interrupted at any step, continue, run beside charges, and are recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::SignedDuration;
use payments_stores::retention::{RetentionProblem, What};

use super::database::{OLD, TestDatabase};
use super::old::*;
use super::samples::*;

super::on_both! {
    a_run_that_dies_after_any_step_is_finished_by_the_next
    one_run_at_a_time_and_a_dead_one_is_taken_over
    a_run_that_was_given_up_is_continued_at_once
    a_run_that_was_interrupted_tells_all_that_it_did
    a_run_is_recorded_with_who_began_it_and_what_ended
    no_charge_fails_while_data_ends
    a_run_ends_though_rows_are_made_faster_than_it_looks_at_them
}

/// More than the steps of a whole run.
const STEPS: usize = 30;

async fn a_run_that_dies_after_any_step_is_finished_by_the_next(database: TestDatabase) {
    filled(&database).await;
    let mut now = later();
    for steps in 0..STEPS {
        let retention = retention(&database).await;
        let mut ending = retention.begin(SCHEDULE, "anna", now).await.unwrap();
        for _ in 0..steps {
            if retention.next(&mut ending, now).await.unwrap().is_none() {
                break;
            }
        }
        // Dies here; its lease ends.
        now += SignedDuration::from_mins(5);
    }
    let left = database.texts("SELECT CAST(count(*) AS TEXT) FROM idempotency_keys").await;
    assert_eq!(left, ["0"]);
    let store = database.open(OLD).await;
    for n in 1..=3 {
        assert!(store.payment(&client(), payment_id(n)).await.unwrap().unwrap().is_erased);
    }
    let first = retention(&database).await.runs(100).await.unwrap().pop().unwrap();
    assert!(first.finished_at.is_some());
    assert_eq!((first.ended["idempotency_keys"], first.ended["payment_fields"]), (3, 3));
}

async fn one_run_at_a_time_and_a_dead_one_is_taken_over(database: TestDatabase) {
    filled(&database).await;
    let (one, other) = (retention(&database).await, retention(&database).await);
    let mut first = one.begin(SCHEDULE, "anna", later()).await.unwrap();
    one.next(&mut first, later()).await.unwrap();
    assert!(matches!(busy(&*other, later()).await, RetentionProblem::Busy(_)));
    let dead = later() + SignedDuration::from_mins(4);
    let second = other.begin(SCHEDULE, "bert", dead).await.unwrap();
    // It lives after all, and must not continue.
    let lost = one.next(&mut first, dead).await.unwrap_err();
    assert!(matches!(lost, RetentionProblem::TakenOver), "{lost}");
    parts(&*other, second, dead).await;
    assert_eq!(other.runs(10).await.unwrap().len(), 1, "it was the same run");
}

async fn a_run_that_was_given_up_is_continued_at_once(database: TestDatabase) {
    filled(&database).await;
    let (one, other) = (retention(&database).await, retention(&database).await);
    let mut first = one.begin(SCHEDULE, "anna", later()).await.unwrap();
    one.next(&mut first, later()).await.unwrap();
    one.release(&first, later()).await.unwrap();
    let second = other.begin(SCHEDULE, "bert", later()).await.unwrap();
    // A run that has lost its lease gives up nothing.
    one.release(&first, later()).await.unwrap();
    assert!(matches!(busy(&*one, later()).await, RetentionProblem::Busy(_)));
    parts(&*other, second, later()).await;
    assert_eq!(other.runs(10).await.unwrap().len(), 1, "it was the same run");
}

async fn a_run_that_was_interrupted_tells_all_that_it_did(database: TestDatabase) {
    filled(&database).await;
    let held = payment_id(3).to_string();
    database.execute(&format!("UPDATE payments SET due_at = 1 WHERE id = '{held}'")).await;
    let (one, other) = (retention(&database).await, retention(&database).await);
    let mut first = one.begin(SCHEDULE, "anna", later()).await.unwrap();
    assert_eq!(first.continued_from(), None);
    while let Some(part) = one.next(&mut first, later()).await.unwrap() {
        if part.what == What::PaymentFields && part.is_done {
            break;
        }
    }
    let before = first.tallies().clone();
    assert_eq!((before[&What::IdempotencyKeys].ended, before[&What::WebhookBodies].keys), (2, 1));
    assert_eq!(before[&What::PaymentFields].held[0].by, held);
    one.release(&first, later()).await.unwrap();
    let mut second = other.begin(SCHEDULE, "bert", later()).await.unwrap();
    assert_eq!(second.continued_from(), Some(("anna", later())));
    assert_eq!(second.tallies(), &before);
    while other.next(&mut second, later()).await.unwrap().is_some() {}
    for (what, tally) in &before {
        assert_eq!(second.tallies().get(what), Some(tally));
    }
    assert_eq!(second.tallies().len(), What::ALL.len());
    assert!(second.tallies().values().all(|tally| tally.before.is_some()));
}

async fn a_run_is_recorded_with_who_began_it_and_what_ended(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let [run] = &retention(&database).await.runs(10).await.unwrap()[..] else { panic!() };
    assert_eq!((run.began_by.as_str(), run.began_at), ("anna", later()));
    assert_eq!(run.finished_at, Some(later()));
    let ended = |what: What| run.ended.get(what.name()).copied();
    assert_eq!((ended(What::IdempotencyKeys), ended(What::PaymentFields)), (Some(3), Some(3)));
}

async fn no_charge_fails_while_data_ends(database: TestDatabase) {
    let store = filled(&database).await;
    for n in 1..=400 {
        store.commit(opening_nth(5, n).1).await.unwrap();
    }
    database.execute("UPDATE payments SET state = 'failed', due_at = NULL WHERE state = 'processing'").await;
    let stop = Arc::new(AtomicBool::new(false));
    let charging = tokio::spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let mut made = 0;
            while !stop.load(Ordering::SeqCst) {
                made += 1;
                let (payment, open) = opened(nth_id(6, made, later()), 6);
                store.commit(open).await.unwrap();
                let done = payment.clone().charge_answered(completed_nth(6, made), at(20)).unwrap();
                store.commit(moved(&payment, &done)).await.unwrap();
            }
            made
        }
    });
    for _ in 0..5 {
        run(&database, later()).await;
    }
    stop.store(true, Ordering::SeqCst);
    let made = charging.await.unwrap();
    assert!(made > 5, "{made}");
    for n in 1..=made {
        let payment = store.payment(&client(), nth_id(6, n, later())).await.unwrap().unwrap();
        assert!(!payment.is_erased && payment.request.description.is_some());
    }
}

async fn a_run_ends_though_rows_are_made_faster_than_it_looks_at_them(database: TestDatabase) {
    /// More than a step looks at.
    const MADE: u32 = 300;
    filled(&database).await;
    let retention = retention(&database).await;
    let mut ending = retention.begin(SCHEDULE, "anna", later()).await.unwrap();
    let mut made = 0;
    while retention.next(&mut ending, later()).await.unwrap().is_some() {
        // Behind the last place of a walk over customers.
        let row =
            |n| format!("('zzz', 'zzz', '{}', '')", nth_id(9, n, later() + SignedDuration::from_secs(1)));
        let rows: Vec<_> = (made..made + MADE).map(row).collect();
        let insert = "INSERT INTO payment_customers (client, customer, payment, index_key) VALUES";
        database.execute(&format!("{insert} {}", rows.join(", "))).await;
        made += MADE;
        assert!(made < 60 * MADE, "it does not end: {:?}", ending.tallies());
    }
}
