//! A PostgreSQL whose synchronous standby is missing: commits wait for it, and neither a time limit of the server nor
//! the end of a connection ends the wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use payments::ports::store::{CommitError, Store, StoreError};
use sqlx::{Connection as _, PgConnection};
use test_services::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::common::*;

/// For long enough to give up on each commit several times.
const MISSING_FOR: Duration = Duration::from_secs(32);
/// Two for commits, and the eight that receive webhooks.
const CONNECTIONS: i64 = 10;
/// By then everything works again.
const HEALED: Duration = Duration::from_secs(15);

async fn waiting(direct: &mut PgConnection) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    sqlx::query_scalar(count).fetch_one(direct).await.unwrap()
}

#[tokio::test]
async fn commits_that_wait_for_a_missing_standby_take_no_more_connections_than_ours() {
    let Some(server) = PostgresServer::own().await else { return };
    let database = server.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let store: Arc<dyn Store> = payments_stores::open(database.uri()).await.unwrap();
    store.ready().await.unwrap();
    let mut direct = PgConnection::connect(database.uri()).await.unwrap();

    server.miss_standby(true).await;
    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            let mut told = Vec::new();
            for n in (writer * 1_000..).take_while(|_| begun.elapsed() < MISSING_FOR) {
                let (payment, open) = opening_nth(n, "demo", 100);
                told.push((payment, store.commit(open).await));
                sleep(Duration::from_millis(100)).await;
            }
            told
        });
    }
    let mut webhooks = JoinSet::new();
    for sender in 0..12 {
        let store = store.clone();
        webhooks.spawn(async move {
            for n in (0..).take_while(|_| begun.elapsed() < MISSING_FOR) {
                let event = received(&format!("evt_{sender}_{n}"), "charge.refunded", at(1));
                assert!(store.receive_webhook(&event).await.is_err());
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    let mut most = 0;
    while begun.elapsed() < MISSING_FOR {
        most = most.max(waiting(&mut direct).await);
        sleep(Duration::from_millis(200)).await;
    }
    assert!((1..=CONNECTIONS).contains(&most), "{most} commits wait");
    let told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    webhooks.join_all().await;
    assert!(told.iter().all(|(_, told)| told.is_err()), "no commit is called made: {told:?}");

    server.miss_standby(false).await;
    timeout(HEALED, async {
        while store.ready().await.is_err() || waiting(&mut direct).await > 0 {
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("it is ready again");
    store.commit(opening(1, "demo", 100).1).await.unwrap();
    for (payment, told) in told {
        let found = store.payment(&payment.client, payment.id).await.unwrap();
        let is_certain = matches!(told, Err(CommitError::Store(StoreError::NotWritten(_))));
        assert!(!is_certain || found.is_none(), "{payment:?} is there, and was called not written: {told:?}");
    }
}
