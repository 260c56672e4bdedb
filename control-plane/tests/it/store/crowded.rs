//! Nobody's lists keep money waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use payments::model::webhook::WebhookEvent;
use payments::ports::store::{Filter, Store, StoreError};
use payments_stores::DatabaseSettings;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::changes::*;
use super::role::role_without_ddl;
use crate::common::*;

/// Many more than there are connections for lists.
const POLLERS: usize = 24;
const TURNS: u8 = 50;

/// A database in which reading a payment of the client `slow` takes for ever.
async fn slow_for_one_client(test: &TestStore) -> Arc<dyn Store> {
    let uri = role_without_ddl(test).await;
    let role = uri.parse::<reqwest::Url>().unwrap().username().to_owned();
    test.store.commit(opening(200, "slow", 100).1).await.unwrap();
    let mut connection = PgConnection::connect(test.uri()).await.unwrap();
    for sql in [
        // Other payments are read by their keys.
        format!("ALTER ROLE {role} SET enable_seqscan = off"),
        "ALTER TABLE payments ENABLE ROW LEVEL SECURITY".to_owned(),
        "CREATE POLICY slow ON payments USING (client <> 'slow' OR pg_sleep(60) IS NOT NULL)".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    let settings = DatabaseSettings {
        connections: 4,
        list_connections: 2,
        read_timeout: Duration::from_millis(300),
        ..settings(&uri)
    };
    payments_stores::open(settings).await.unwrap()
}

fn event(n: u8) -> WebhookEvent {
    received(&format!("evt_{n}"), "payment_intent.succeeded", at(0))
}

#[tokio::test]
async fn everything_goes_on_while_the_slow_lists_of_one_client_hold_its_connections() {
    let Some(test) = TestStore::postgres().await else { return };
    let store = slow_for_one_client(&test).await;
    let (stop, canceled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let pollers: Vec<_> = (0..POLLERS)
        .map(|_| {
            let (store, stop, canceled) = (store.clone(), stop.clone(), canceled.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let filter = Filter { limit: 10, ..Filter::default() };
                    match store.payments(&client("slow"), &filter).await.unwrap_err() {
                        StoreError::TimedOut => canceled.fetch_add(1, Ordering::SeqCst),
                        StoreError::NoConnection => 0,
                        other => panic!("{other}"),
                    };
                }
            })
        })
        .collect();
    while canceled.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for n in 1..=TURNS {
        let payment = completed_as_of(&*store, n).await;
        assert_eq!(store.payment(&payment.client, payment.id).await.unwrap(), Some(payment.clone()));
        assert!(store.receive_webhook(&event(n)).await.unwrap());
        store.commit(refund_of(&payment, n, 10).1).await.unwrap();
        assert_eq!(store.refunds(&payment.client, payment.id).await.unwrap().items.len(), 1);
        store.ready().await.unwrap();
        let list = store.payments(&client("demo"), &Filter { limit: 1, ..Filter::default() }).await.unwrap();
        assert_eq!(list.items.len(), 1);
    }
    stop.store(true, Ordering::SeqCst);
    for poller in pollers {
        poller.await.unwrap();
    }
}

async fn completed_as_of(store: &dyn Store, n: u8) -> payments::model::payment::Payment {
    let (payment, open) = opening(n, "demo", 100);
    store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed_as(&format!("pi_{n}")), at(5)).unwrap();
    store.commit(moved(&payment, done.clone())).await.unwrap();
    done
}
