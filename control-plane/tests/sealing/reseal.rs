//! Sealing what is there is interrupted and continues, and takes nothing back.

use std::collections::BTreeMap;
use std::sync::Arc;

use payments::ports::store::Store;
use payments_stores::keys::Reseal;
use tokio::task::JoinSet;

use super::database::{OLD, TestDatabase};
use super::samples::*;

super::on_both! {
    an_interrupted_run_goes_on_where_it_was
    a_payment_that_moves_meanwhile_keeps_its_move
    what_does_not_open_is_named_and_left_as_it_is
    rows_that_are_made_ahead_of_each_step_keep_no_run_from_ending
    what_a_process_writes_with_a_retired_key_meanwhile_is_counted
}

/// More than a batch.
const PAYMENTS: u32 = 120;

async fn an_interrupted_run_goes_on_where_it_was(database: TestDatabase) {
    let plain = database.open("").await;
    for n in 1..=PAYMENTS {
        plain.commit(opening_nth(1, n).1).await.unwrap();
    }
    let maintenance = database.maintenance(OLD).await;
    let part = maintenance.reseal(&mut Reseal::default()).await.unwrap().unwrap();
    assert_eq!(
        (part.table.as_str(), part.rows_seen, part.rows_sealed, part.is_done),
        ("payments", 50, 50, false)
    );
    drop(maintenance);
    let maintenance = database.maintenance(OLD).await;
    let mut reseal = Reseal::default();
    let mut parts = Vec::new();
    while let Some(part) = maintenance.reseal(&mut reseal).await.unwrap() {
        parts.push(part);
    }
    let first = &parts[0];
    assert_eq!((first.table.as_str(), first.rows_seen, first.rows_sealed), ("payments", 100, 100));
    let done: Vec<_> = parts
        .iter()
        .filter(|part| part.is_done)
        .map(|part| (part.table.as_str(), part.rows_sealed))
        .collect();
    assert_eq!(
        done,
        [
            ("payments", 120),
            ("refunds", 0),
            ("events", 240),
            ("idempotency_keys", 0),
            ("webhook_events", 0),
            ("payment_customers", 120)
        ]
    );
    // Another run starts from the beginning and finds nothing.
    assert_eq!(database.reseal(OLD).await, 0);
}

async fn a_payment_that_moves_meanwhile_keeps_its_move(database: TestDatabase) {
    let plain = database.open("").await;
    let mut moved_ones = Vec::new();
    for n in 1..=PAYMENTS {
        let (payment, open) = opening_nth(1, n);
        plain.commit(open).await.unwrap();
        let done = payment.clone().charge_answered(completed_nth(1, n), at(20)).unwrap();
        moved_ones.push((moved(&payment, &done), done));
    }
    drop(plain);
    let serving = database.open(OLD).await;
    let payments = moved_ones.iter().map(|(_, done)| done.clone()).collect::<Vec<_>>();
    let moving = async {
        for (change, _) in moved_ones {
            serving.commit(change).await.unwrap();
        }
    };
    let (_, sealed) = tokio::join!(moving, database.reseal(OLD));
    assert!(sealed > 0);
    for payment in payments {
        assert_eq!(serving.payment(&client(), payment.id).await.unwrap(), Some(payment));
    }
    database.reseal(OLD).await;
    let status = database.maintenance(OLD).await.status().await.unwrap();
    assert!(status.tables.iter().all(|table| table.plain == 0), "{status:?}");
}

async fn what_does_not_open_is_named_and_left_as_it_is(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let maintenance = database.maintenance(OLD).await;
    maintenance.rotate(true).await.unwrap();
    let id = payment_id(1);
    database.execute(&format!("UPDATE payments SET request = detail WHERE id = '{id}'")).await;
    let stored = format!("SELECT request FROM payments WHERE id = '{id}'");
    let before = database.texts(&stored).await;
    let part = maintenance.reseal(&mut Reseal::default()).await.unwrap().unwrap();
    assert_eq!((part.unreadable, part.rows_seen), (vec![id.to_string()], 3));
    assert_eq!(database.texts(&stored).await, before);
}

/// Opens more payments than a batch has, after all others.
async fn open_more(store: &Arc<dyn Store>, made: &mut u32) {
    let mut commits = JoinSet::new();
    for _ in 0..60 {
        *made += 1;
        let (store, (_, open)) = (store.clone(), opening_nth(1, *made));
        commits.spawn(async move { store.commit(open).await.unwrap() });
    }
    commits.join_all().await;
}

async fn rows_that_are_made_ahead_of_each_step_keep_no_run_from_ending(database: TestDatabase) {
    let (plain, mut made) = (database.open("").await, 0);
    open_more(&plain, &mut made).await;
    let maintenance = database.maintenance(OLD).await;
    let (mut reseal, mut seen) = (Reseal::default(), BTreeMap::new());
    while let Some(part) = maintenance.reseal(&mut reseal).await.unwrap() {
        seen.insert(part.table, part.rows_seen);
        // A process that still seals nothing.
        open_more(&plain, &mut made).await;
        assert!(made < 3_000, "the run does not end: {seen:?}");
    }
    assert_eq!((seen["payments"], seen["events"], seen["payment_customers"]), (60, 120, 60));
    let later = u64::from(made) - 60;
    let left = [("events", 2 * later), ("payment_customers", later), ("payments", later)];
    assert_eq!(maintenance.left().await.unwrap(), BTreeMap::from(left));
    drop(plain);
    assert_eq!(database.reseal(OLD).await, 4 * later);
    assert!(maintenance.left().await.unwrap().is_empty());
}

async fn what_a_process_writes_with_a_retired_key_meanwhile_is_counted(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let maintenance = database.maintenance(OLD).await;
    maintenance.rotate(true).await.unwrap();
    database.reseal(OLD).await;
    assert!(maintenance.left().await.unwrap().is_empty());
    // It has read the table of keys less than a minute ago.
    store.commit(opening_nth(1, 1).1).await.unwrap();
    let left = BTreeMap::from([("events", 2), ("payment_customers", 1), ("payments", 1)]);
    assert_eq!(maintenance.left().await.unwrap(), left);
    database.reseal(OLD).await;
    assert!(maintenance.left().await.unwrap().is_empty());
    // Without keys, everything is as it should be.
    assert!(database.maintenance("").await.left().await.unwrap().is_empty());
}
