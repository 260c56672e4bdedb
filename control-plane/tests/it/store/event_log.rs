//! The event log: a reader that continues after its last event misses none.

use std::collections::HashSet;
use std::time::Duration;

use payments::model::log::{EventId, Position};
use payments::model::payment::Payment;
use payments::ports::store::{LogQuery, LoggedEvent, Store};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::{sleep, timeout};

use super::changes::*;
use super::on_both_stores;
use crate::common::*;

fn after(position: Position, limit: u32) -> LogQuery {
    LogQuery { after: position, client: None, payment: None, limit }
}

/// Reads in parts of `limit` until there is no more.
async fn read_on(store: &dyn Store, mut query: LogQuery) -> (Vec<LoggedEvent>, Position) {
    let mut read = Vec::new();
    loop {
        let page = store.log(&query).await.unwrap();
        assert!(page.events.len() <= query.limit as usize);
        read.extend(page.events);
        query.after = page.end;
        if !page.has_more {
            return (read, page.end);
        }
    }
}

/// Reads on until there are `count` events. A transaction of any database of the server holds the log back.
async fn read_up_to(store: &dyn Store, query: LogQuery, count: usize) -> (Vec<LoggedEvent>, Position) {
    let wait = async {
        loop {
            let read = read_on(store, query.clone()).await;
            if read.0.len() >= count {
                assert_eq!(read.0.len(), count);
                return read;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.unwrap()
}

/// Three events: created, processing, completed.
async fn completed_as_of(store: &dyn Store, n: u8) -> Payment {
    let (payment, open) = opening(n, "demo", 100);
    store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed_as(&format!("pi_{n}")), at(5)).unwrap();
    store.commit(moved(&payment, done.clone())).await.unwrap();
    done
}

/// The events of [`opening`].
fn opened(payment: &Payment) -> Vec<(String, String)> {
    ["payment.created", "payment.processing"].map(|kind| (payment.id.to_string(), kind.to_owned())).to_vec()
}

fn kinds(events: &[LoggedEvent]) -> Vec<(String, String)> {
    events.iter().map(|one| (one.event.payment.to_string(), one.event.kind())).collect()
}

on_both_stores! {
    parts_of_the_log_are_the_whole_in_order
    a_client_reads_its_own_events_and_may_choose_a_payment
    the_end_of_the_log_is_where_a_new_reader_continues
    an_event_that_the_log_does_not_have_has_no_place
    nothing_is_held_back_where_no_transaction_is_open
}

async fn parts_of_the_log_are_the_whole_in_order(test: TestStore) {
    for n in 1..=5 {
        completed_as_of(&*test.store, n).await;
    }
    let (whole, end) = read_up_to(&*test.store, after(Position::START, 100), 15).await;
    assert!(whole.is_sorted_by(|a, b| a.position < b.position));
    for limit in [1, 3, 10] {
        let (parts, last) = read_on(&*test.store, after(Position::START, limit)).await;
        assert_eq!((parts, last), (whole.clone(), end), "in parts of {limit}");
    }
    for (n, event) in whole.iter().enumerate() {
        let (rest, _) = read_on(&*test.store, after(event.position, 4)).await;
        assert_eq!(rest, whole[n + 1..], "after {}", event.position.id());
        let found = test.store.log_position(event.position.id()).await.unwrap();
        assert_eq!(found, Some(event.position));
    }
}

async fn a_client_reads_its_own_events_and_may_choose_a_payment(test: TestStore) {
    let (mine, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    test.store.commit(opening(2, "other", 100).1).await.unwrap();
    test.store.commit(opening(3, "demo", 100).1).await.unwrap();
    let own = LogQuery { client: Some(client("demo")), ..after(Position::START, 1) };
    let (read, _) = read_up_to(&*test.store, own.clone(), 4).await;
    assert_eq!(read.iter().map(|one| one.event.cause.client.as_str()).collect::<Vec<_>>(), ["demo"; 4]);
    let (read, _) = read_on(&*test.store, LogQuery { payment: Some(mine.id), ..own.clone() }).await;
    assert_eq!(kinds(&read), opened(&mine));
    let foreign = LogQuery { client: Some(client("nobody")), payment: Some(mine.id), ..own };
    assert!(read_on(&*test.store, foreign).await.0.is_empty());
}

async fn the_end_of_the_log_is_where_a_new_reader_continues(test: TestStore) {
    assert_eq!(test.store.log_end().await.unwrap(), Position::START);
    completed_as_of(&*test.store, 1).await;
    let (_, last) = read_up_to(&*test.store, after(Position::START, 10), 3).await;
    let end = test.store.log_end().await.unwrap();
    assert_eq!(end, last);
    let (payment, open) = opening(2, "demo", 100);
    test.store.commit(open).await.unwrap();
    let (read, _) = read_up_to(&*test.store, after(end, 10), 2).await;
    assert_eq!(kinds(&read), opened(&payment));
}

async fn an_event_that_the_log_does_not_have_has_no_place(test: TestStore) {
    completed_as_of(&*test.store, 1).await;
    let last = read_up_to(&*test.store, after(Position::START, 10), 3).await.1.id();
    for id in [
        EventId { sequence: last.sequence + 1, ..last },
        EventId { transaction: last.transaction + 1, ..last },
        EventId { sequence: u64::MAX, ..last },
        EventId { transaction: 0, sequence: 1 << 40 },
    ] {
        assert_eq!(test.store.log_position(id).await.unwrap(), None, "{id}");
    }
}

async fn nothing_is_held_back_where_no_transaction_is_open(test: TestStore) {
    assert_eq!(test.store.log_held_since().await.unwrap(), None);
    completed_as_of(&*test.store, 1).await;
    read_up_to(&*test.store, after(Position::START, 10), 3).await;
    assert_eq!(test.store.log_held_since().await.unwrap(), None);
}

/// Writes an event past the store and leaves its transaction open.
async fn hold_open(test: &TestStore, payment: &str, version: u32) -> PgConnection {
    let mut writer = PgConnection::connect(test.uri()).await.unwrap();
    let event = format!(
        "BEGIN; INSERT INTO events (payment, version, from_state, to_state, at, client, request_id, detail)
         SELECT payment, {version}, to_state, to_state, at, client, request_id, '{{}}' FROM events
         WHERE payment = '{payment}' ORDER BY seq LIMIT 1"
    );
    writer.execute(AssertSqlSafe(event)).await.unwrap();
    writer
}

#[tokio::test]
async fn an_event_that_commits_late_is_not_skipped_by_those_that_overtook_it() {
    let Some(test) = TestStore::postgres().await else { return };
    let first = completed_as_of(&*test.store, 1).await;
    let (_, end) = read_up_to(&*test.store, after(Position::START, 10), 3).await;
    let mut slow = hold_open(&test, &first.id.to_string(), 7).await;
    completed_as_of(&*test.store, 2).await;
    let (meanwhile, waiting) = read_on(&*test.store, after(end, 10)).await;
    assert!(meanwhile.is_empty(), "they may be behind the open one: {:?}", kinds(&meanwhile));
    let held_since = test.store.log_held_since().await.unwrap();
    assert!(held_since.is_some(), "operators see that events are held back");
    slow.execute("COMMIT").await.unwrap();
    let (rest, _) = read_up_to(&*test.store, after(waiting, 10), 4).await;
    assert_eq!(held_since, Some(rest[1].event.at), "the oldest that was committed");
    assert_eq!(rest[0].event.version, 7, "the open one drew its number first");
}

#[tokio::test]
async fn readers_of_many_writers_see_each_event_once() {
    let Some(test) = TestStore::postgres().await else { return };
    let writers: Vec<_> = [test.reopen().await, test.reopen().await, test.store.clone()]
        .into_iter()
        .enumerate()
        .map(|(n, store)| {
            tokio::spawn(async move {
                for step in 0..60 {
                    let id = u8::try_from(n * 60 + step).unwrap();
                    store.commit(opening(id, "demo", 100).1).await.unwrap();
                }
            })
        })
        .collect();
    let (mut seen, mut position) = (Vec::new(), Position::START);
    while seen.len() < 360 {
        let (part, end) = read_on(&*test.store, after(position, 7)).await;
        position = end;
        seen.extend(part.into_iter().map(|one| (one.event.payment, one.event.version)));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 360);
    assert_eq!(read_on(&*test.store, after(position, 7)).await.0, []);
}

/// As a server that was filled from a dump: the rows carry larger transaction numbers than it has drawn.
#[tokio::test]
async fn a_reader_goes_on_after_the_database_was_filled_from_a_dump() {
    let Some(test) = TestStore::postgres().await else { return };
    completed_as_of(&*test.store, 1).await;
    let mut owner = PgConnection::connect(test.uri()).await.unwrap();
    for sql in [
        "ALTER TABLE events DISABLE TRIGGER events_are_not_changed",
        "UPDATE events SET xid = (xid::text::bigint + 1000000000)::text::xid8",
        "ALTER TABLE events ENABLE TRIGGER events_are_not_changed",
    ] {
        owner.execute(sql).await.unwrap();
    }
    let (restored, other) = (test.reopen().await, test.reopen().await);
    // What the dump had can be read.
    let (before, end) = read_up_to(&*restored, after(Position::START, 1), 3).await;
    // The beginning of an epoch has no id of its own: a client would begin with the log again.
    assert_eq!(end, before[2].position);
    assert_eq!(restored.log_end().await.unwrap(), end);
    let (payment, open) = opening(2, "demo", 100);
    restored.commit(open).await.unwrap();
    for store in [&restored, &other, &test.reopen().await] {
        let (new, _) = read_up_to(&**store, after(end, 1), 2).await;
        assert_eq!(kinds(&new), opened(&payment));
        let resumed = store.log_position(before[2].position.id()).await.unwrap().unwrap();
        assert_eq!(read_on(&**store, after(resumed, 1)).await.0, new);
    }
    let epochs: i64 =
        sqlx::query_scalar("SELECT count(*) FROM log_epochs").fetch_one(&mut owner).await.unwrap();
    assert_eq!(epochs, 1, "one restore is one epoch");
}
