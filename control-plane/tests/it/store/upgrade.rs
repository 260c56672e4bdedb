//! Releases change the schema while others serve it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use edge_core::provider::Provider;
use payments::ports::store::{Filter, Store, StoreError, WebhookFilter};
use payments_stores::{DatabaseSettings, MigrateOnStart, OpenError, SchemaError};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row as _, SqliteConnection};
use test_services::{PostgresServer, TestDatabase};
use tokio::task::JoinHandle;

use super::changes::*;
use super::role::role_without_ddl;
use crate::common::*;

/// The newest migration of the release before on PostgreSQL and on SQLite.
const BEFORE: (i64, i64) = (9, 7);
/// One that no release has.
const LATER: i64 = 9_999;

/// The migrations of the release before, as it knows them: any other record is an error to it.
async fn release_before(database: &str, newest: i64) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stores/migrations").join(database);
    let all = Migrator::new(folder).await.unwrap();
    Migrator::with_migrations(all.iter().filter(|one| one.version <= newest).cloned().collect())
}

/// A database of the release before.
async fn database_before(server: &PostgresServer) -> TestDatabase {
    let database = server.database().await;
    let mut connection = PgConnection::connect(database.uri()).await.unwrap();
    release_before("postgres", BEFORE.0).await.run(&mut connection).await.unwrap();
    database
}

fn only_checked(uri: &str) -> DatabaseSettings {
    DatabaseSettings { migrate_on_start: MigrateOnStart::Never, ..DatabaseSettings::new(uri) }
}

async fn refused(settings: DatabaseSettings) -> SchemaError {
    match payments_stores::open(settings).await {
        Err(OpenError::Schema(problem)) => problem,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was opened"),
    }
}

/// Reads in every way there is.
async fn read_all(store: &dyn Store, payment: &payments::model::payment::Payment) {
    let (client, id) = (&payment.client, payment.id);
    let all = Filter { limit: 10, ..Filter::default() };
    let stripe = Filter { provider: Some(Provider::Stripe), ..all.clone() };
    assert_eq!(store.payment(client, id).await.unwrap().as_ref(), Some(payment));
    assert!(store.payment_by_id(id).await.unwrap().is_some());
    let reference = payment.reference.clone().unwrap();
    assert!(store.payment_by_reference(Provider::Stripe, &reference).await.unwrap().is_some());
    for filter in [all, stripe] {
        assert_eq!(store.payments(client, &filter).await.unwrap().items.len(), 1);
    }
    assert_eq!(store.payments_since(at(0), None, 10).await.unwrap().items.len(), 1);
    let [refund] = store.refunds(client, id).await.unwrap().items.try_into().unwrap();
    assert!(store.refund(client, refund.id).await.unwrap().is_some());
    assert!(store.refund_by_id(refund.id).await.unwrap().is_some());
    assert_eq!(store.events(client, id).await.unwrap().len(), 4);
    assert_eq!(store.undecided(10).await.unwrap().1.items.len(), 1);
    assert_eq!(store.overdue(at(1_000_000), 10).await.unwrap().len(), 1);
    assert!(
        store.webhooks(&WebhookFilter { limit: 10, ..WebhookFilter::default() }).await.unwrap().is_empty()
    );
    assert!(store.webhook(Provider::Stripe, "evt_1").await.unwrap().is_none());
    assert!(store.disputes(client, id).await.unwrap().is_empty());
    let scope = keyed::<()>(1, "a").claim().unwrap().scope;
    assert!(store.key(&scope).await.unwrap().is_some());
}

/// On many connections at the same time, so that all of them have prepared every statement.
async fn warm(store: &Arc<dyn Store>, payment: &payments::model::payment::Payment) {
    let reads = (0..32).map(|_| {
        let (store, payment) = (store.clone(), payment.clone());
        tokio::spawn(async move { read_all(&*store, &payment).await })
    });
    for read in reads.collect::<Vec<_>>() {
        read.await.unwrap();
    }
}

async fn one_of_each(store: &dyn Store) -> payments::model::payment::Payment {
    let mut payment = completed_payment(store, 1, 100).await;
    store.commit(with_key(refund_of(&payment, 1, 10).1, take(1, "a", None))).await.unwrap();
    payment.refunded = 10;
    payment
}

#[tokio::test]
async fn a_column_that_a_newer_release_adds_fails_no_read() {
    let Some(test) = TestStore::postgres().await else { return };
    let payment = one_of_each(&*test.store).await;
    warm(&test.store, &payment).await;
    for table in ["payments", "refunds", "events", "webhook_events", "disputes", "idempotency_keys"] {
        let sql = format!("ALTER TABLE {table} ADD COLUMN later text");
        PgConnection::connect(test.uri()).await.unwrap().execute(AssertSqlSafe(sql)).await.unwrap();
        warm(&test.store, &payment).await;
    }
}

#[tokio::test]
async fn a_column_whose_type_changes_fails_no_read() {
    let Some(test) = TestStore::postgres().await else { return };
    let payment = one_of_each(&*test.store).await;
    warm(&test.store, &payment).await;
    test.execute("ALTER TABLE payments ALTER COLUMN detail TYPE varchar").await;
    test.execute("ALTER TABLE refunds ALTER COLUMN detail TYPE varchar").await;
    warm(&test.store, &payment).await;
}

#[tokio::test]
async fn a_control_plane_serves_beside_migrations_that_it_does_not_know() {
    let Some(test) = TestStore::postgres().await else { return };
    for table in ["_sqlx_migrations", "schema_migrations"] {
        let record = format!(
            "INSERT INTO {table} (version, description, success, checksum, execution_time)
             VALUES ({LATER}, 'later', true, '', 0)"
        );
        PgConnection::connect(test.uri()).await.unwrap().execute(AssertSqlSafe(record)).await.unwrap();
    }
    for policy in [MigrateOnStart::Never, MigrateOnStart::IfEmpty, MigrateOnStart::Always] {
        let settings = DatabaseSettings { migrate_on_start: policy, ..DatabaseSettings::new(test.uri()) };
        payments_stores::open(settings).await.unwrap();
    }
    let done = payments_stores::migrate(test.uri()).await.unwrap();
    assert_eq!((done.applied, done.version), (Vec::new(), LATER));
}

super::on_both_stores! {
    a_schema_that_excludes_this_release_is_neither_served_nor_changed
}

async fn a_schema_that_excludes_this_release_is_neither_served_nor_changed(test: TestStore) {
    test.execute("UPDATE schema_compatibility SET oldest_control_plane = 9999").await;
    for policy in [MigrateOnStart::Never, MigrateOnStart::Always] {
        let settings = DatabaseSettings { migrate_on_start: policy, ..DatabaseSettings::new(test.uri()) };
        let problem = refused(settings).await;
        assert!(matches!(problem, SchemaError::TooNew { oldest: LATER, .. }), "{problem}");
        assert!(problem.to_string().contains("run a newer release"), "{problem}");
    }
    let problem = payments_stores::migrate(test.uri()).await.unwrap_err();
    assert!(matches!(problem, OpenError::Schema(SchemaError::TooNew { .. })), "{problem}");
    // What already serves is stopped by people, not cut off.
    completed_payment(&*test.store, 1, 100).await;
}

#[tokio::test]
async fn an_older_schema_is_named_and_left_alone_until_it_is_migrated() {
    let Some(server) = PostgresServer::any().await else { return };
    let database = database_before(server).await;
    for policy in [MigrateOnStart::Never, MigrateOnStart::IfEmpty] {
        let settings = DatabaseSettings { migrate_on_start: policy, ..DatabaseSettings::new(database.uri()) };
        let problem = refused(settings).await;
        assert!(matches!(problem, SchemaError::TooOld { missing: 10 }), "{problem}");
        assert!(problem.to_string().contains("run `control-plane migrate`"), "{problem}");
    }
    let done = payments_stores::migrate(database.uri()).await.unwrap();
    assert_eq!(done.applied.first().map(|(version, _)| *version), Some(10));
    payments_stores::open(only_checked(database.uri())).await.unwrap();
}

#[tokio::test]
async fn an_empty_database_that_may_not_be_set_up_says_how() {
    let Some(server) = PostgresServer::any().await else { return };
    let database = server.database().await;
    let problem = refused(only_checked(database.uri())).await;
    assert!(matches!(problem, SchemaError::Empty) && problem.to_string().contains("migrate"), "{problem}");
    payments_stores::open(database.uri()).await.unwrap();
}

#[tokio::test]
async fn a_file_of_the_release_before_is_migrated_by_its_control_plane_and_by_no_command() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite://{}?mode=rwc", folder.path().join("gateway.db").display());
    let before = release_before("sqlite", BEFORE.1).await;
    before.run(&mut SqliteConnection::connect(&uri).await.unwrap()).await.unwrap();
    assert!(matches!(refused(only_checked(&uri)).await, SchemaError::TooOld { missing: 10 }));
    payments_stores::open(&uri).await.unwrap();
    payments_stores::open(only_checked(&uri)).await.unwrap();
    // And the release before can come back.
    before.run(&mut SqliteConnection::connect(&uri).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn serving_needs_no_right_to_change_the_schema() {
    let Some(test) = TestStore::postgres().await else { return };
    let uri = role_without_ddl(&test).await;
    let ddl = PgConnection::connect(&uri).await.unwrap().execute("CREATE TABLE a (b int)").await;
    assert!(ddl.is_err());
    let store = payments_stores::open(&uri).await.unwrap();
    let payment = one_of_each(&*store).await;
    read_all(&*store, &payment).await;
}

#[tokio::test]
async fn a_role_that_may_not_record_payments_is_not_ready_and_named_what_it_lacks() {
    let Some(test) = TestStore::postgres().await else { return };
    let uri = role_without_ddl(&test).await;
    let store = payments_stores::open(&uri).await.unwrap();
    store.ready().await.unwrap();
    let role = uri.split_once("://").unwrap().1.split_once(':').unwrap().0.to_owned();
    let mut owner = PgConnection::connect(test.uri()).await.unwrap();
    for (right, table) in [("INSERT", "payments"), ("SELECT", "payments"), ("INSERT", "events")] {
        let run = |sql: String| sqlx::AssertSqlSafe(sql);
        owner.execute(run(format!("REVOKE {right} ON {table} FROM {role}"))).await.unwrap();
        let StoreError::NotWritten(why) = store.ready().await.unwrap_err() else {
            panic!("{right} on {table}")
        };
        assert!(why.to_string().contains(&format!("lacks {right} on {table};")), "{why}");
        owner.execute(run(format!("GRANT {right} ON {table} TO {role}"))).await.unwrap();
        store.ready().await.unwrap();
    }
}

/// Charges as the release before writes and reads them, on one connection with prepared statements.
fn charge_as_before(uri: &str, stop: Arc<AtomicBool>) -> JoinHandle<usize> {
    let uri = uri.to_owned();
    tokio::spawn(async move {
        let mut connection = PgConnection::connect(&uri).await.unwrap();
        let mut n = 0;
        while !stop.load(Ordering::SeqCst) {
            n += 1;
            let id = format!("before_{n:08}");
            sqlx::query(
                "INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, reference,
                                       captured, refunded, due_at, tries, version, created_at, updated_at)
                 VALUES ($1, 'before', 'stripe', 100, 'USD', '{}', 'processing', '{}', $1, 0, 0, 1, 0, 1, 1, 1)",
            )
            .bind(&id)
            .execute(&mut connection)
            .await
            .unwrap();
            let moved = "UPDATE payments SET state = 'completed', captured = 100, due_at = NULL, version = 2
                         WHERE id = $1 AND version = 1";
            sqlx::query(moved).bind(&id).execute(&mut connection).await.unwrap();
            let read = "SELECT * FROM payments WHERE id = $1 AND client = 'before'";
            let read = sqlx::query(read).bind(&id).fetch_one(&mut connection).await.unwrap();
            assert_eq!(
                (read.get::<String, _>("id"), read.get("state"), read.get("version")),
                (id, "completed", 2i64)
            );
        }
        n
    })
}

/// Charges until told to stop, and reads each back.
fn charge(store: Arc<dyn Store>, lane: u64, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    tokio::spawn(async move {
        let mut n = 0;
        while !stop.load(Ordering::SeqCst) {
            n += 1;
            let (payment, open) = opening_nth(lane << 32 | n, "demo", 100);
            store.commit(open).await.unwrap();
            let done = payment.clone().charge_answered(completed_as(&payment.id.to_string()), at(5)).unwrap();
            store.commit(moved(&payment, done.clone())).await.unwrap();
            assert_eq!(store.payment(&done.client, done.id).await.unwrap(), Some(done));
        }
        n
    })
}

/// What a newer release may do to the schema while this one serves.
const NEXT: [&str; 5] = [
    "ALTER TABLE payments ADD COLUMN later text, ADD COLUMN later_count bigint NOT NULL DEFAULT 0",
    "ALTER TABLE events ADD COLUMN later text",
    "CREATE TABLE later (payment text)",
    "CREATE INDEX CONCURRENTLY payments_later ON payments (later)",
    "INSERT INTO schema_migrations (version, description, success, checksum, execution_time)
     VALUES (9999, 'later', true, '', 0)",
];

#[tokio::test]
async fn charges_flow_while_releases_follow_each_other_and_while_they_are_rolled_back() {
    let Some(server) = PostgresServer::any().await else { return };
    let database = database_before(server).await;
    let (stop_before, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let before = charge_as_before(database.uri(), stop_before.clone());
    payments_stores::migrate(database.uri()).await.unwrap();
    let mut stores = Vec::new();
    let mut lanes = Vec::new();
    for lane in 1..=2 {
        let store = payments_stores::open(only_checked(database.uri())).await.unwrap();
        lanes.push(charge(store.clone(), lane, stop.clone()));
        stores.push(store);
    }
    // Beside each other, and an instance of the release before is started once more.
    let mut connection = PgConnection::connect(database.uri()).await.unwrap();
    release_before("postgres", BEFORE.0).await.run(&mut connection).await.unwrap();
    stop_before.store(true, Ordering::SeqCst);
    assert!(before.await.unwrap() > 0);
    for sql in NEXT {
        connection.execute(sql).await.unwrap();
    }
    let store = payments_stores::open(only_checked(database.uri())).await.unwrap();
    lanes.push(charge(store, 3, stop.clone()));
    for store in &stores {
        until_listed(&**store, 50).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut made = BTreeMap::new();
    for (n, lane) in (1..).zip(lanes) {
        made.insert(n, lane.await.unwrap());
    }
    assert!(made.values().all(|made| *made > 0), "{made:?}");
}

async fn until_listed(store: &dyn Store, n: usize) {
    let filter = Filter { limit: 100, ..Filter::default() };
    while store.payments(&client("demo"), &filter).await.unwrap().items.len() < n {
        tokio::task::yield_now().await;
    }
}
