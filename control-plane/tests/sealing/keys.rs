//! Keys: which are needed, what happens without them, and how they are replaced while payments flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use payments::ports::store::Store;
use payments_stores::Encryption;
use payments_stores::keys::open_keys;
use sealing::{DataKeyId, KeyRing, SecretKey, WrapError, WrappedKey, Wrapping};
use test_services::ErrorLog;

use super::database::{NEW, OLD, TestDatabase};
use super::samples::*;

super::on_both! {
    a_missing_key_stops_the_start_and_says_which_and_how_many_rows_need_it
    a_key_of_the_right_name_and_the_wrong_bytes_stops_the_start
    a_key_that_no_row_needs_may_be_missing
    keys_are_replaced_while_payments_flow_and_none_fails
    a_process_reads_what_another_has_sealed_with_a_key_that_it_made_since
    new_data_keys_seal_and_the_rows_of_the_old_ones_can_be_sealed_again
    the_status_says_what_needs_which_key
    the_status_tells_keys_of_one_name_apart
    the_status_says_which_rows_have_lost_their_data_key
    a_key_service_that_denies_is_no_missing_key
    a_release_that_cannot_read_sealed_values_is_excluded_once_there_are_some
    a_new_database_is_not_ready_while_its_key_service_denies
}

/// A key service that denies requests on demand.
#[derive(Debug)]
struct KeyService {
    ring: KeyRing,
    denies: AtomicBool,
    asked: AtomicU32,
}

impl KeyService {
    fn that_denies() -> Arc<Self> {
        let ring = KeyRing::parse(OLD).unwrap();
        Arc::new(Self { ring, denies: AtomicBool::new(true), asked: AtomicU32::new(0) })
    }

    fn ask(&self) -> Result<(), WrapError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.denies.load(Ordering::SeqCst) {
            return Err(WrapError::Unavailable { by: "old".to_owned(), source: "permission denied".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl Wrapping for KeyService {
    fn first(&self) -> &str {
        self.ring.first()
    }

    fn has(&self, name: &str) -> bool {
        self.ring.has(name)
    }

    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError> {
        self.ask()?;
        self.ring.wrap(id, key).await
    }

    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError> {
        self.ask()?;
        self.ring.unwrap(id, wrapped).await
    }
}

async fn a_new_database_is_not_ready_while_its_key_service_denies(database: TestDatabase) {
    let service = KeyService::that_denies();
    let mut settings = database.settings("");
    settings.encryption = Encryption::with(service.clone());
    let store = payments_stores::open(settings).await.unwrap();
    let problem = payments::causes::with_causes(&store.ready().await.unwrap_err());
    assert!(problem.contains("permission denied"), "{problem}");
    assert!(store.commit(opening_nth(1, 1).1).await.is_err());
    // Probes come often; the service is not asked each time.
    let asked = service.asked.load(Ordering::SeqCst);
    store.ready().await.unwrap_err();
    assert_eq!(service.asked.load(Ordering::SeqCst), asked);

    service.denies.store(false, Ordering::SeqCst);
    let again = async {
        while store.ready().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.unwrap();
    store.commit(opening_nth(1, 1).1).await.unwrap();
    // With a key in memory, neither probes nor charges need the service.
    service.denies.store(true, Ordering::SeqCst);
    let asked = service.asked.load(Ordering::SeqCst);
    store.ready().await.unwrap();
    store.commit(opening_nth(1, 2).1).await.unwrap();
    assert_eq!(service.asked.load(Ordering::SeqCst), asked);
}

async fn a_missing_key_stops_the_start_and_says_which_and_how_many_rows_need_it(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    for keys in ["", NEW] {
        let problem = database.refused(keys).await;
        assert!(
            problem.contains("the encryption key `old`, which has wrapped 4 data keys, is missing"),
            "{problem}"
        );
        // Three payments with an entry and an answer each, their eleven records, a refund, and an event.
        let rows = "22 rows need it (events 11, idempotency_keys 3, payment_customers 3, payments 3, refunds 1, \
                    webhook_events 1)";
        assert!(problem.contains(rows), "{problem}");
        assert!(problem.contains("ENCRYPTION_KEYS"), "{problem}");
    }
    read_all(&*database.open(&format!("{NEW},{OLD}")).await).await;
}

async fn a_key_of_the_right_name_and_the_wrong_bytes_stops_the_start(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    let problem = database.refused(&NEW.replace("new", "old")).await;
    assert!(
        problem.contains("the encryption key `old` is not the one that has wrapped 4 data keys"),
        "{problem}"
    );
    assert!(!problem.contains("2021222324"), "{problem}");
}

async fn a_key_that_no_row_needs_may_be_missing(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    let both = format!("{NEW},{OLD}");
    let maintenance = database.maintenance(&both).await;
    maintenance.rotate(true).await.unwrap();
    assert!(database.reseal(&both).await > 0);
    // Wrapped by the old key as before, and needed by nothing.
    database.execute("UPDATE data_keys SET wrapped_by = 'old' WHERE retired_at IS NOT NULL").await;
    read_all(&*database.open(NEW).await).await;
}

/// Charges until told to stop; each is read back, and none may fail.
fn charge(store: Arc<dyn Store>, n: u8, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<u32> {
    tokio::spawn(async move {
        let mut made = 0;
        while !stop.load(Ordering::SeqCst) {
            made += 1;
            let (payment, open) = opening_nth(n, made);
            store.commit(open).await.unwrap();
            let done = payment.clone().charge_answered(completed_nth(n, made), at(20)).unwrap();
            store.commit(moved(&payment, &done)).await.unwrap();
            assert_eq!(store.payment(&client(), done.id).await.unwrap(), Some(done));
            // A thousand a second at most, which leaves other tests their turn.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        made
    })
}

async fn keys_are_replaced_while_payments_flow_and_none_fails(database: TestDatabase) {
    // As an operator does it: the new key after the old one, then before it, then alone.
    let (before, both) = (format!("{OLD},{NEW}"), format!("{NEW},{OLD}"));
    let first = database.open(&before).await;
    fill(&*first).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut lanes = vec![charge(first.clone(), 1, stop.clone())];
    // SQLite has one process.
    let second = if database.is_sqlite() { first.clone() } else { database.open(&both).await };
    lanes.push(charge(second, 2, stop.clone()));
    let maintenance = database.maintenance(&both).await;
    let rotated = maintenance.rotate(false).await.unwrap();
    assert_eq!((rotated.first.as_str(), rotated.wrapped, rotated.retired), ("new", 4, 0));
    assert_eq!(maintenance.rotate(false).await.unwrap().wrapped, 0);
    assert_eq!(maintenance.rotate(true).await.unwrap().retired, 4);
    assert!(database.reseal(&both).await > 0);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    stop.store(true, Ordering::SeqCst);
    for lane in lanes {
        assert!(lane.await.unwrap() > 1);
    }
    read_all(&*first).await;
    read_all(&*database.open(NEW).await).await;
    let wrapped_by = database.texts("SELECT DISTINCT wrapped_by FROM data_keys").await;
    assert_eq!(wrapped_by, ["new"]);
}

async fn a_process_reads_what_another_has_sealed_with_a_key_that_it_made_since(database: TestDatabase) {
    let reading = database.open(OLD).await;
    assert!(reading.payment(&client(), payment_id(1)).await.unwrap().is_none());
    fill(&*database.open(OLD).await).await;
    read_all(&*reading).await;
}

async fn new_data_keys_seal_and_the_rows_of_the_old_ones_can_be_sealed_again(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let of_old = "SELECT id FROM data_keys WHERE retired_at IS NOT NULL";
    assert!(database.texts(of_old).await.is_empty());
    assert_eq!(database.maintenance(OLD).await.rotate(true).await.unwrap().retired, 4);
    let old = database.texts(of_old).await;
    let sealed_with_old = async || {
        let mut rows = 0;
        for key in &old {
            let sql = format!(
                "SELECT id FROM payments WHERE substr(request, 6, 16) = '{key}'
                 UNION ALL SELECT id FROM payments WHERE substr(detail, 6, 16) = '{key}'
                 UNION ALL SELECT payment FROM payment_customers WHERE index_key = '{key}'"
            );
            rows += database.texts(&sql).await.len();
        }
        rows
    };
    assert_eq!(sealed_with_old().await, 9);
    // A process that has just been started seals with the new one.
    database.open(OLD).await.commit(opening(4).1).await.unwrap();
    assert!(database.reseal(OLD).await > 0);
    assert_eq!(sealed_with_old().await, 0);
    read_all(&*store).await;
}

async fn the_status_says_what_needs_which_key(database: TestDatabase) {
    fill(&*database.open("").await).await;
    let status = database.maintenance("").await.status().await.unwrap();
    assert!(status.first.is_none() && status.wrapping_keys.is_empty());
    let plain: u64 = status.tables.iter().map(|table| table.plain).sum();
    assert_eq!(plain, 22, "{status:?}");
    database.open(OLD).await.commit(opening(4).1).await.unwrap();
    let status = database.maintenance(&format!("{NEW},{OLD}")).await.status().await.unwrap();
    assert_eq!(status.first.as_deref(), Some("new"));
    let [key] = &status.wrapping_keys[..] else { panic!("{status:?}") };
    assert!(key.is_usable && key.name == "old" && key.data_keys == 4 && key.rows == 4, "{key:?}");
    let status = database.maintenance(NEW).await.status().await.unwrap();
    assert!(!status.wrapping_keys[0].is_usable);
    database.reseal(OLD).await;
    let status = database.maintenance(OLD).await.status().await.unwrap();
    assert!(status.tables.iter().all(|table| table.plain == 0 && table.retired == 0), "{status:?}");
    assert_eq!(status.reseal.len(), 6);
    assert!(status.reseal.iter().all(|progress| progress.finished_at.is_some()), "{status:?}");
}

async fn the_status_tells_keys_of_one_name_apart(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    // One data key that another key of the same name has wrapped.
    let other = "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE purpose = 'payers')
        WHERE purpose = 'webhooks'";
    database.execute(other).await;
    let status = database.maintenance(OLD).await.status().await.unwrap();
    let keys = status.wrapping_keys.iter();
    let keys: Vec<_> = keys.map(|key| (key.name.as_str(), key.is_usable, key.data_keys, key.rows)).collect();
    assert_eq!(keys, [("old", false, 1, 1), ("old", true, 3, 21)]);
}

async fn the_status_says_which_rows_have_lost_their_data_key(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    let lost = async || {
        let status = database.maintenance(OLD).await.status().await.unwrap();
        let lost = status.tables.iter().filter(|table| table.unknown > 0);
        lost.map(|table| (table.name, table.unknown)).collect::<Vec<_>>()
    };
    assert!(lost().await.is_empty());
    database.execute("DELETE FROM data_keys WHERE purpose = 'webhooks'").await;
    assert_eq!(lost().await, [("webhook_events", 1)]);
    // So does the start, which goes on.
    let (log, _listening) = ErrorLog::listen("payments_stores");
    database.open(OLD).await;
    let told: Vec<_> = log.lines().iter().map(|line| line["rows"].clone()).collect();
    assert_eq!(told, ["1 (webhook_events 1)"]);
}

async fn a_key_service_that_denies_is_no_missing_key(database: TestDatabase) {
    fill(&*database.open(OLD).await).await;
    let mut settings = database.settings("");
    settings.encryption = Encryption::with(KeyService::that_denies());
    let problem = open_keys(settings).await.unwrap().status().await.unwrap_err();
    let problem = payments::causes::with_causes(&problem);
    assert!(problem.contains("cannot be used") && problem.contains("permission denied"), "{problem}");
}

async fn a_release_that_cannot_read_sealed_values_is_excluded_once_there_are_some(database: TestDatabase) {
    const OLDEST: &str = "SELECT CAST(oldest_control_plane AS text) FROM schema_compatibility";
    fill(&*database.open("").await).await;
    assert_eq!(database.texts(OLDEST).await, ["10"], "a release of before may come back");
    database.open(OLD).await.commit(opening(4).1).await.unwrap();
    assert_eq!(database.texts(OLDEST).await, ["130"]);
}
