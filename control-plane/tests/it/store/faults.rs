//! A server that is restarted, killed or shared, while others commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use payments::ports::store::{CommitError, Conflict, Store, StoreError};
use test_services::PostgresServer;

use super::changes::*;
use crate::common::*;

async fn store_on(server: &PostgresServer) -> (Arc<dyn Store>, test_services::TestDatabase) {
    let database = server.database().await;
    (payments_stores::open(database.uri()).await.unwrap(), database)
}

/// Opens payments one after another until told to stop, and says which were reported as written.
fn keep_opening(
    store: Arc<dyn Store>,
    lane: u64,
    stop: Arc<AtomicBool>,
) -> tokio::task::JoinHandle<(u64, Vec<u64>)> {
    tokio::spawn(async move {
        let (mut begun, mut written) = (0, Vec::new());
        while !stop.load(Ordering::SeqCst) {
            let n = lane << 32 | begun;
            begun += 1;
            match store.commit(opening_nth(n, "demo", 100).1).await {
                Ok(()) => written.push(n),
                Err(CommitError::Store(
                    StoreError::Unavailable(_) | StoreError::NotWritten(_) | StoreError::Overloaded,
                )) => {}
                other => panic!("{other:?}"),
            }
        }
        (begun, written)
    })
}

async fn events_of(store: &dyn Store, n: u64) -> usize {
    store.events(&client("demo"), opening_nth(n, "demo", 100).0.id).await.unwrap().len()
}

async fn until_ready(store: &dyn Store) {
    while store.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn connections_that_are_ended_fail_no_commit() {
    let Some(server) = PostgresServer::any().await else { return };
    let (store, database) = store_on(server).await;
    let stop = Arc::new(AtomicBool::new(false));
    let lanes: Vec<_> = (0..8).map(|lane| keep_opening(store.clone(), lane, stop.clone())).collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.terminate(database.name()).await;
    }
    stop.store(true, Ordering::SeqCst);
    until_ready(&*store).await;
    for lane in lanes {
        let (begun, written) = lane.await.unwrap();
        assert_eq!(u64::try_from(written.len()).unwrap(), begun);
        for n in written {
            assert_eq!(events_of(&*store, n).await, 2);
        }
    }
}

#[tokio::test]
async fn what_was_committed_survives_the_death_of_the_server() {
    let Some(mut server) = PostgresServer::own().await else { return };
    let (store, _database) = store_on(&server).await;
    let stop = Arc::new(AtomicBool::new(false));
    let lanes: Vec<_> = (0..8).map(|lane| keep_opening(store.clone(), lane, stop.clone())).collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill();
        assert!(store.ready().await.is_err());
        server.start_again().await;
        until_ready(&*store).await;
    }
    stop.store(true, Ordering::SeqCst);
    for lane in lanes {
        let (begun, written) = lane.await.unwrap();
        assert!(!written.is_empty());
        for n in &written {
            assert_eq!(events_of(&*store, *n).await, 2);
        }
        // The rest is there whole or not at all.
        for n in 0..begun {
            let n = written.first().unwrap() >> 32 << 32 | n;
            assert!([0, 2].contains(&events_of(&*store, n).await));
        }
    }
}

#[tokio::test]
async fn a_server_that_is_gone_takes_nothing_and_is_used_again_when_it_is_back() {
    let Some(mut server) = PostgresServer::own().await else { return };
    let (store, _database) = store_on(&server).await;
    server.stop();
    let (payment, open) = opening(1, "demo", 100);
    let refused = store.commit(open.clone()).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_)))), "{refused:?}");
    assert!(store.payment(&payment.client, payment.id).await.is_err());
    server.start_again().await;
    until_ready(&*store).await;
    store.commit(open).await.unwrap();
}

#[tokio::test]
async fn two_processes_share_the_last_of_a_payment() {
    let Some(test) = TestStore::postgres().await else { return };
    let other = test.reopen().await;
    let payment = completed_payment(&*test.store, 1, 1_000).await;
    let refunds = |from: u8| {
        (from..from + 60).map(|n| with_key(refund_of(&payment, n, 30).1, take(n % 60, "r", None))).collect()
    };
    let (ours, theirs) =
        tokio::join!(commit_all(&*test.store, refunds(1)), commit_all(&*other, refunds(101)));
    let written = ours.iter().chain(&theirs).filter(|result| result.is_ok()).count();
    for refused in ours.into_iter().chain(theirs).filter(Result::is_err) {
        let why = conflict(refused);
        assert!(matches!(why, Conflict::KeyTaken | Conflict::RefundExceeds { remaining: 10 }), "{why:?}");
    }
    let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
    assert_eq!((written, stored.refunded), (33, 990));
}

#[tokio::test]
async fn processes_that_start_together_bring_the_schema_up_to_date_once() {
    let Some(server) = PostgresServer::any().await else { return };
    let database = server.database().await;
    let starts = (0..4).map(|_| {
        let uri = database.uri().to_owned();
        tokio::spawn(async move { payments_stores::open(&uri).await.map(|_| ()) })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}
