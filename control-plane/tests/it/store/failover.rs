//! A PostgreSQL that another one takes over from, or that takes no writes for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use payments::model::event::Event;
use payments::model::payment::Payment;
use payments::ports::store::{CommitError, Filter, Mutation, Store, StoreError};
use test_services::proxy::{Mode, Proxy};
use test_services::{PgBouncer, PostgresServer, TestDatabase};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::common::*;

/// By then everything works again, whatever was in the way.
pub(super) const HEALED: Duration = Duration::from_secs(10);

/// The same address at the end of a way.
fn by(way: &Proxy, uri: &str) -> String {
    let mut by: reqwest::Url = uri.parse().unwrap();
    by.set_port(Some(way.address().port())).unwrap();
    by.to_string()
}

/// A server with an empty database of the newest schema, by the same name on every server.
async fn primary() -> Option<(PostgresServer, TestDatabase)> {
    let server = PostgresServer::own().await?;
    let database = server.database().await;
    payments_stores::migrate(database.uri()).await.unwrap();
    Some((server, database))
}

/// A primary, its standby, and a store whose way leads to the primary, with every kind of connection open.
pub(super) struct Pair {
    old: PostgresServer,
    pub(super) new: PostgresServer,
    database: TestDatabase,
    pub(super) way: Proxy,
    pub(super) store: Arc<dyn Store>,
}

impl Pair {
    pub(super) async fn start() -> Option<Self> {
        let (old, database) = primary().await?;
        let new = old.standby().await;
        let way = Proxy::to_port(old.port()).await;
        let store = payments_stores::open(by(&way, database.uri())).await.unwrap();
        used(&*store).await;
        Some(Self { old, new, database, way, store })
    }

    /// The old primary lives on, read-only.
    async fn fail_over(&self) {
        self.old.set_read_only(true).await;
        self.new.promote().await;
    }

    /// A store on the new primary, past the way.
    async fn at_the_new_one(&self) -> Arc<dyn Store> {
        payments_stores::open(self.database.on(&self.new).uri()).await.unwrap()
    }

    /// Writes a payment past the store, which only the new primary has then.
    async fn open_at_the_new_one(&self) -> Payment {
        let (payment, open) = opening(3, "demo", 100);
        self.at_the_new_one().await.commit(open).await.unwrap();
        payment
    }
}

/// Every kind of connection is open.
async fn used(store: &dyn Store) {
    let (payment, open) = opening(1, "demo", 100);
    store.commit(open).await.unwrap();
    assert!(store.payment(&payment.client, payment.id).await.unwrap().is_some());
    store.payments(&payment.client, &Filter { limit: 1, ..Filter::default() }).await.unwrap();
    store.undecided(1).await.unwrap();
    store.receive_webhook(&received("evt_1", "charge.refunded", at(1))).await.unwrap();
    store.ready().await.unwrap();
}

/// Until it succeeds.
async fn eventually<T, E: std::fmt::Debug>(what: &str, attempt: impl AsyncFn() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(problem) => assert!(begun.elapsed() < HEALED, "{what} does not work again: {problem:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Asks now and then whether it is ready, as each process does.
pub(super) fn watched(store: &Arc<dyn Store>) -> AbortOnDropHandle<()> {
    let store = store.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let _ = store.ready().await;
            sleep(Duration::from_secs(2)).await;
        }
    }))
}

/// Writes, reads by id, lists, webhooks and due work reach the server that takes writes.
pub(super) async fn all_works(store: &dyn Store) {
    let begun = Instant::now();
    let (payment, open) = opening(2, "demo", 100);
    let commit = async || match store.commit(open.clone()).await {
        // Written by a try whose answer was lost.
        Err(CommitError::Conflict(_)) => Ok(()),
        result => result,
    };
    eventually("a commit", commit).await;
    let read = async || match store.payment(&payment.client, payment.id).await {
        Ok(None) => Err("not found".to_owned()),
        found => found.map_err(|problem| problem.to_string()),
    };
    eventually("a read", read).await.unwrap();
    let list = async || {
        let found = store.payments(&payment.client, &Filter { limit: 9, ..Filter::default() }).await;
        let found = found.map_err(|problem| problem.to_string())?;
        found.items.iter().any(|one| one.id == payment.id).then_some(()).ok_or("not listed".to_owned())
    };
    eventually("a list", list).await;
    eventually("a webhook", async || {
        store.receive_webhook(&received("evt_2", "charge.refunded", at(1))).await
    })
    .await;
    eventually("what is undecided", async || match store.undecided(9).await {
        Ok((payments, _)) if payments.items.iter().any(|one| one.id == payment.id) => Ok(()),
        found => Err(format!("{found:?}")),
    })
    .await;
    eventually("readiness", async || store.ready().await).await;
    assert!(begun.elapsed() < HEALED, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_old_primary_that_lives_on_read_only_is_left_by_every_connection() {
    let Some(pair) = Pair::start().await else { return };
    let _watched = watched(&pair.store);
    pair.fail_over().await;
    pair.way.lead_to_port(pair.new.port());
    all_works(&*pair.store).await;
}

/// The pool keeps its connections to the old primary, and lends them to the next client that connects.
#[tokio::test]
async fn an_old_primary_behind_a_pool_of_sessions_is_left_by_every_connection() {
    let Some((old, database)) = primary().await else { return };
    let new = old.standby().await;
    let way = Proxy::to_port(old.port()).await;
    let Some(pool) = PgBouncer::by_way(&old, way.address().port()).await else { return };
    let store: Arc<dyn Store> = payments_stores::open(pool.uri(&database)).await.unwrap();
    used(&*store).await;
    let _watched = watched(&store);
    old.set_read_only(true).await;
    new.promote().await;
    way.lead_to_port(new.port());
    all_works(&*store).await;
}

#[tokio::test]
async fn a_process_that_only_reads_leaves_an_old_primary_when_its_readiness_is_checked() {
    let Some(pair) = Pair::start().await else { return };
    pair.fail_over().await;
    pair.way.lead_to_port(pair.new.port());
    let (store, payment) = (&pair.store, pair.open_at_the_new_one().await);
    eventually("a read of what only the new primary has", async || {
        let _ = store.ready().await;
        store.payment(&payment.client, payment.id).await.map_err(|e| e.to_string())?.ok_or("old".to_owned())
    })
    .await;
}

#[tokio::test]
async fn what_only_the_new_primary_has_is_never_called_missing() {
    let Some(pair) = Pair::start().await else { return };
    pair.fail_over().await;
    let (store, payment) = (&pair.store, pair.open_at_the_new_one().await);
    let before = store.payment(&payment.client, payment.id).await;
    assert!(before.is_err(), "no server is known that takes writes: {before:?}");
    pair.way.lead_to_port(pair.new.port());
    sleep(Duration::from_secs(1)).await;
    assert_eq!(store.payment(&payment.client, payment.id).await.unwrap(), Some(payment));
}

/// A found row, too: a client whose charge was answered must not be told that it is in flight.
#[tokio::test]
async fn what_the_old_primary_has_is_never_taken_for_current() {
    let Some(pair) = Pair::start().await else { return };
    let (store, (payment, open)) = (&pair.store, opening(4, "demo", 100));
    store.commit(open).await.unwrap();
    let reading = async || store.payment(&payment.client, payment.id).await;
    assert_eq!(reading().await.unwrap().as_ref(), Some(&payment));
    pair.fail_over().await;
    let direct = pair.at_the_new_one().await;
    let moved = payment.clone().charge_answered(completed(), at(9)).unwrap();
    let event = Event::payment_moved(Some(&payment.state), &moved, &cause());
    direct.commit(Mutation::MovePayment { payment: moved.clone(), event }.into()).await.unwrap();
    let before = reading().await;
    assert!(before.is_err(), "the server that takes writes is not known: {before:?}");
    pair.way.lead_to_port(pair.new.port());
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.extend(reading().await.ok().flatten());
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!seen.is_empty() && seen.iter().all(|seen| *seen == moved), "{seen:?}");
}

#[tokio::test]
async fn a_way_that_goes_silent_costs_ten_seconds_at_most() {
    let Some((server, database)) = primary().await else { return };
    let way = Proxy::to_port(server.port()).await;
    let store: Arc<dyn Store> = payments_stores::open(by(&way, database.uri())).await.unwrap();
    used(&*store).await;
    way.set(Mode::Silence);
    let begun = Instant::now();
    let reading = {
        let (store, payment) = (store.clone(), opening(1, "demo", 100).0);
        tokio::spawn(async move { store.payment(&payment.client, payment.id).await.map(|_| ()) })
    };
    let writing = {
        let store = store.clone();
        tokio::spawn(async move { store.commit(opening(7, "demo", 100).1).await })
    };
    let noticed = async {
        while store.ready().await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(5), noticed).await.expect("it is not ready");
    // Each gets an answer, or is done on a new connection.
    let _ = (reading.await.unwrap(), writing.await.unwrap());
    assert!(begun.elapsed() < HEALED, "{:?}", begun.elapsed());
    all_works(&*store).await;
}

#[tokio::test]
async fn a_read_only_database_takes_nothing_for_certain_and_is_not_ready_meanwhile() {
    let Some((server, database)) = primary().await else { return };
    let store = payments_stores::open(database.uri()).await.unwrap();
    used(&*store).await;
    server.set_read_only(true).await;
    let all =
        super::changes::commit_all(&*store, (10..60).map(|n| opening(n, "demo", 100).1).collect()).await;
    for refused in all {
        assert!(matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_)))), "{refused:?}");
    }
    let webhook = store.receive_webhook(&received("evt_2", "charge.refunded", at(1))).await;
    assert!(matches!(webhook, Err(StoreError::NotWritten(_))), "{webhook:?}");
    let listed = store.payments(&client("demo"), &Filter { limit: 9, ..Filter::default() }).await;
    assert!(listed.is_err(), "a list could be out of date: {listed:?}");
    assert!(store.undecided(9).await.is_err());
    assert!(store.ready().await.is_err(), "a commit has just failed");
    server.set_read_only(false).await;
    all_works(&*store).await;
}

#[tokio::test]
async fn a_database_that_has_become_read_only_is_not_ready_though_nothing_is_written() {
    let Some((server, database)) = primary().await else { return };
    let store = payments_stores::open(database.uri()).await.unwrap();
    used(&*store).await;
    server.set_read_only(true).await;
    let noticed = async {
        while store.ready().await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(4), noticed).await.expect("it is not ready");
    server.set_read_only(false).await;
    eventually("readiness", async || store.ready().await).await;
}

#[tokio::test]
async fn a_role_without_the_right_to_write_is_told_for_certain_that_nothing_was_written() {
    let Some((_server, database)) = primary().await else { return };
    let store = payments_stores::open(database.uri()).await.unwrap();
    used(&*store).await;
    database.execute("CREATE ROLE reader LOGIN PASSWORD 'throwaway' IN ROLE pg_read_all_data").await;
    let mut uri: reqwest::Url = database.uri().parse().unwrap();
    uri.set_username("reader").unwrap();
    uri.set_password(Some("throwaway")).unwrap();
    let reader = payments_stores::open(uri.as_str()).await.unwrap();
    let refused = reader.commit(opening(2, "demo", 100).1).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::NotWritten(_)))), "{refused:?}");
    assert!(reader.ready().await.is_err());
}
