//! Readiness on PostgreSQL: whatever fails charges makes it fail, even if other tables take writes.

use std::sync::Arc;
use std::time::Duration;

use payments::ports::store::{CommitError, Store, StoreError};
use sqlx::{Connection as _, Executor as _, PgConnection};
use test_services::{PostgresServer, TestDatabase};
use tokio::time::{sleep, timeout};

use super::role::role_without_ddl;
use crate::common::*;

/// How long a change of readiness may take: a proof, and the time for which the last one counts.
const NOTICED: Duration = Duration::from_secs(8);

async fn open() -> Option<(TestDatabase, Arc<dyn Store>)> {
    let database = PostgresServer::any().await?.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    let store = payments_stores::open(database.uri()).await.unwrap();
    store.ready().await.unwrap();
    Some((database, store))
}

async fn until(store: &dyn Store, is_ready: bool) {
    let noticed = async {
        while store.ready().await.is_ok() != is_ready {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(NOTICED, noticed).await.unwrap_or_else(|_| panic!("ready is not {is_ready}"));
}

#[tokio::test]
async fn a_table_of_charges_that_is_locked_is_not_ready() {
    let Some((database, store)) = open().await else { return };
    for table in ["payments", "events", "idempotency_keys"] {
        let mut operator = PgConnection::connect(database.uri()).await.unwrap();
        let lock = format!("BEGIN; LOCK TABLE {table}");
        operator.execute(sqlx::AssertSqlSafe(lock)).await.unwrap();
        until(&*store, false).await;
        operator.close().await.unwrap();
        until(&*store, true).await;
    }
}

#[tokio::test]
async fn a_table_of_charges_without_space_is_not_ready() {
    let Some((database, store)) = open().await else { return };
    database
        .execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$",
        )
        .await;
    database.execute("CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()").await;
    until(&*store, false).await;
    let refused = store.commit(opening(1, "demo", 100).1).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_)))), "{refused:?}");
    database.execute("DROP TRIGGER full_disk ON events").await;
    until(&*store, true).await;
    store.commit(opening(1, "demo", 100).1).await.unwrap();
}

#[tokio::test]
async fn a_payment_that_row_level_security_hides_is_not_ready() {
    let Some(test) = TestStore::postgres().await else { return };
    let role = role_without_ddl(&test).await;
    let mut owner = PgConnection::connect(test.uri()).await.unwrap();
    owner.execute("ALTER TABLE payments ENABLE ROW LEVEL SECURITY").await.unwrap();
    owner.execute("CREATE POLICY writes ON payments FOR INSERT WITH CHECK (true)").await.unwrap();
    let reader = payments_stores::open(&role).await.unwrap();
    let problem = reader.ready().await.unwrap_err();
    let problem = payments::causes::with_causes(&problem);
    assert!(problem.contains("row-level security"), "{problem}");
}

#[tokio::test]
async fn the_proof_leaves_no_row_of_a_payment() {
    let Some((database, store)) = open().await else { return };
    sleep(Duration::from_millis(2_100)).await;
    store.ready().await.unwrap();
    let mut connection = PgConnection::connect(database.uri()).await.unwrap();
    let rows: (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM payments), (SELECT count(*) FROM events),
                (SELECT count(*) FROM idempotency_keys), (SELECT max(proofs) FROM write_proofs)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!((rows.0, rows.1, rows.2), (0, 0, 0));
    assert!(rows.3 >= 2, "{rows:?}");
}

#[tokio::test]
async fn an_encoding_that_cannot_store_all_text_is_refused() {
    let Some(server) = PostgresServer::any().await else { return };
    let database = server.database_in("LATIN1").await;
    let refused = payments_stores::migrate(database.uri()).await.unwrap_err();
    let refused = payments::causes::with_causes(&refused);
    assert!(refused.contains("encoding is LATIN1"), "{refused}");
    assert!(payments_stores::open(database.uri()).await.is_err());
}
