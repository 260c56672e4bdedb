//! A database that is years old.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use payments::model::id::AttemptId;
use payments::model::log::Position;
use payments::model::provider::Outcome;
use payments::ports::store::Store;
use payments::ports::store::audit::StoredTransition;
use payments_stores::retention::{
    Retention, RetentionProblem, RetentionRun, Schedule, StepReport, open_retention,
};

use super::database::{OLD, TestDatabase};
use super::samples::*;

/// Two years of everything.
pub(crate) const SCHEDULE: Schedule = Schedule {
    payments_days: Some(730),
    webhooks_days: Some(730),
    idempotency_days: Some(730),
    events_days: Some(730),
};

/// When the data of [`filled`] is two years and some days old.
pub(crate) fn later() -> Timestamp {
    days_later(750)
}

pub(crate) fn days_later(days: i64) -> Timestamp {
    at(0) + SignedDuration::from_hours(24 * days)
}

/// Filled as of 2026-01-01, with the data keys of that day; the ones of the next day seal since. The payment that waits
/// for its payer has been canceled, so that everything is decided.
pub(crate) async fn filled(database: &TestDatabase) -> Arc<dyn Store> {
    let store = unfinished(database).await;
    let waiting = store.payment(&client(), payment_id(1)).await.unwrap().unwrap();
    let attempt = AttemptId::new(at(220), [1; 10]);
    let canceling = waiting.clone().begin_cancel(attempt, None, at(220)).unwrap();
    store.commit(moved(&waiting, &canceling)).await.unwrap();
    let canceled = canceling.clone().cancel_answered(Outcome::Done(()), at(221)).unwrap();
    store.commit(moved(&canceling, &canceled)).await.unwrap();
    database.execute("UPDATE webhook_events SET state = 'done'").await;
    store
}

/// The same, with a payment and an event that are not done.
pub(crate) async fn unfinished(database: &TestDatabase) -> Arc<dyn Store> {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let first = database.texts(KEYS).await.len();
    age_keys(database, at(-60)).await;
    // The next process to write makes the keys that seal from now on, in the background. Nothing comes of this write.
    let (payment, _) = opening(1);
    let stale = moved(&payment, &payment);
    assert!(database.open(OLD).await.commit(stale).await.is_err());
    let mut tries = 0;
    while database.texts(KEYS).await.len() < first + 3 {
        tries += 1;
        assert!(tries < 200, "no keys are made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let next = database.open(OLD).await;
    next.commit(opening(200).1).await.unwrap();
    let made = at(86_400).as_microsecond();
    let younger = format!(
        "UPDATE data_keys SET created_at = {made} WHERE created_at > {}",
        at(10_000).as_microsecond()
    );
    database.execute(&younger).await;
    // A payment of the day after, and decided.
    let payment = next.payment(&client(), payment_id(200)).await.unwrap().unwrap();
    let done = payment.clone().charge_answered(completed(200), at(210)).unwrap();
    next.commit(moved(&payment, &done)).await.unwrap();
    next
}

const KEYS: &str = "SELECT id FROM data_keys";

async fn age_keys(database: &TestDatabase, at: Timestamp) {
    database.execute(&format!("UPDATE data_keys SET created_at = {}", at.as_microsecond())).await;
}

pub(crate) async fn retention(database: &TestDatabase) -> Box<dyn Retention> {
    open_retention(database.settings(OLD)).await.unwrap()
}

/// All parts of a run or a plan.
pub(crate) async fn parts(
    retention: &dyn Retention,
    mut ending: RetentionRun,
    now: Timestamp,
) -> Vec<StepReport> {
    let mut parts = Vec::new();
    while let Some(part) = retention.next(&mut ending, now).await.unwrap() {
        parts.push(part);
        assert!(parts.len() < 1_000, "it does not end: {parts:?}");
    }
    parts
}

pub(crate) async fn run(database: &TestDatabase, now: Timestamp) -> Vec<StepReport> {
    let retention = retention(database).await;
    let ending = retention.begin(SCHEDULE, "anna", now).await.unwrap();
    parts(&*retention, ending, now).await
}

pub(crate) async fn busy(retention: &dyn Retention, now: Timestamp) -> RetentionProblem {
    match retention.begin(SCHEDULE, "bert", now).await {
        Err(problem) => problem,
        Ok(_) => panic!("a second run began"),
    }
}

/// All records of the trail, in its order. Transactions of other tests on the server hold the log back for a while.
pub(crate) async fn in_the_log(database: &TestDatabase, store: &dyn Store) -> Vec<StoredTransition> {
    let count = database.texts("SELECT CAST(count(*) AS TEXT) FROM events").await;
    let count: usize = count[0].parse().unwrap();
    for _ in 0..1_000 {
        let records = store.audit().transitions(Position::START, 10_000).await.unwrap();
        if records.len() == count {
            return records;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the {count} records of the trail can never be read");
}
