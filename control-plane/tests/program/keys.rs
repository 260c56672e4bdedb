//! The keys of stored values, as an operator shows, applies and replaces them.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::webhook::{EventState, WebhookEvent};
use provider_sandbox::{Config, start};
use sqlx::{Connection as _, SqliteConnection};

use super::deaths::charge;
use super::retention::keep_answers;
use super::service::{FREE, Service};
use super::{KEYS, program, run};

const FIRST: &str = "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SECOND: &str = "k2:202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const CANARY: &str = "payer-canary@shop.example";

/// A database with a provider's event, not sealed.
fn plain_database(folder: &Path) {
    let uri = format!("sqlite://{}", folder.join("gateway.db").display());
    let event = WebhookEvent {
        provider: Provider::Stripe,
        id: "evt_1".to_owned(),
        kind: "charge.updated".to_owned(),
        body: format!(r#"{{"id":"evt_1","email":"{CANARY}"}}"#).into_bytes(),
        body_sha256: None,
        created_at: None,
        received_at: Timestamp::UNIX_EPOCH,
        state: EventState::Received,
        attempts: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = payments_stores::open(uri).await.unwrap();
        assert!(store.receive_webhook(&event).await.unwrap());
    });
}

fn keys(folder: &Path, words: &[&str], list: &str) -> (bool, String) {
    let arguments: Vec<_> = ["keys"].iter().chain(words).copied().collect();
    let (worked, text) = run(folder, &arguments, &[("ENCRYPTION_KEYS", list)]);
    assert!(!text.contains("0001020304") && !text.contains("2021222324"), "{text}");
    (worked, text)
}

fn holds_canary(folder: &Path) -> bool {
    // The write-ahead log goes when the last connection does, which may be while this reads.
    let files =
        std::fs::read_dir(folder).unwrap().filter_map(|file| std::fs::read(file.unwrap().path()).ok());
    files.into_iter().any(|file| file.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()))
}

#[test]
fn a_plain_database_is_sealed_in_place_and_its_key_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    plain_database(folder);
    assert!(holds_canary(folder));
    let (worked, text) = keys(folder, &["status"], "");
    assert!(worked && text.contains("values are stored as they are"), "{text}");
    let (worked, text) = keys(folder, &["reseal"], FIRST);
    assert!(worked && text.contains("webhook_events: 1 rows seen, 1 sealed"), "{text}");
    assert!(text.contains("payment_customers: 0 entries under older keys, 0 replaced"), "{text}");
    assert!(text.contains("the files hold nothing of what was overwritten"), "{text}");
    assert!(!holds_canary(folder));
    let (worked, text) = keys(folder, &["rotate"], &format!("{SECOND},{FIRST}"));
    // One for each class for what was there before, and one of today for the record of the commands.
    assert!(worked && text.contains("`k2` wraps all data keys now, 5 of them"), "{text}");
    let (worked, text) = keys(folder, &["status", "--json"], SECOND);
    let status: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert!(worked, "{text}");
    assert_eq!((&status["first"], &status["keys"][0]["rows"]), (&"k2".into(), &1.into()));
    let (worked, text) = run(folder, &["webhook", "list"], &[("ENCRYPTION_KEYS", SECOND)]);
    assert!(worked && text.contains("evt_1"), "{text}");
}

#[test]
fn without_a_key_that_rows_need_nothing_starts_and_the_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    plain_database(folder);
    assert!(keys(folder, &["reseal"], FIRST).0);
    let (worked, text) = keys(folder, &["status"], SECOND);
    assert!(!worked && text.contains("the key `k1` is missing or wrong, and 1 rows need it"), "{text}");
    for list in ["", SECOND] {
        let settings: Vec<_> = [KEYS, ("ENCRYPTION_KEYS", list)].into_iter().chain(FREE).collect();
        let (worked, text) = run(folder, &["serve"], &settings);
        assert!(!worked && text.contains("the encryption key `k1`"), "{text}");
        assert!(text.contains("1 rows need it (webhook_events 1)"), "{text}");
    }
    let (worked, text) = keys(folder, &["rotate"], SECOND);
    assert!(!worked && text.contains("the encryption key `k1`"), "{text}");
}

#[test]
fn rows_whose_data_key_is_gone_are_told_and_the_command_fails() {
    let own = tempfile::tempdir().unwrap();
    let folder = own.path();
    plain_database(folder);
    assert!(keys(folder, &["reseal"], FIRST).0);
    let uri = format!("sqlite://{}", folder.join("gateway.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&uri).await.unwrap();
        sqlx::query("DELETE FROM data_keys WHERE purpose = 'webhooks'")
            .execute(&mut connection)
            .await
            .unwrap();
    });
    let (worked, text) = keys(folder, &["status"], FIRST);
    let told = "1 rows name data keys that the database does not have (webhook_events 1)";
    assert!(!worked && text.contains(told), "{text}");
    // The service goes on with all that can be read.
    let service = Service::begin(own, &[("ENCRYPTION_KEYS", FIRST)]);
    service.until(r#""setting":"EDGE_CACHE_LISTEN""#);
    let log = service.log();
    let line = log.lines().find(|line| line.contains("rows name data keys that the database does not have"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(r#""level":"ERROR""#) && line.contains("1 (webhook_events 1)"), "{line}");
}

/// When the walk through the answers began, once it has looked at some of them.
async fn walk_under_way(uri: &str) -> Option<i64> {
    const WALK: &str =
        "SELECT began_at FROM reseal_progress WHERE name = 'idempotency_keys' AND rows_seen >= 50";
    let mut connection = SqliteConnection::connect(uri).await.unwrap();
    sqlx::query_scalar(WALK).fetch_optional(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reseal_that_is_killed_beside_a_service_that_charges_is_finished_by_the_next() {
    let sandbox =
        start(Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Three batches of plain rows.
    keep_answers(folder.path(), 120).await;
    let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
    let url = sandbox.url();
    let settings =
        [("ENCRYPTION_KEYS", FIRST), ("STRIPE_SECRET_KEY", "sk_test_x"), ("STRIPE_API_BASE", url.as_str())];
    let service = Service::begin(folder, &settings);
    service.until(r#""setting":"EDGE_CACHE_LISTEN""#);
    let (is_over, address) = (Arc::new(AtomicBool::new(false)), service.address());
    let charging = tokio::spawn({
        let is_over = is_over.clone();
        async move {
            let mut charges = 0;
            while !is_over.load(Ordering::SeqCst) {
                charges += 1;
                let (status, answer) = charge(&address, &format!("during-{charges}")).await;
                assert_eq!(status, 200, "{answer}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            charges
        }
    });
    let folder = service.folder.path();
    let words = ["keys", "reseal", "--per-second", "50"];
    let mut command = program(folder, &words, &[("ENCRYPTION_KEYS", FIRST)]);
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let began_at = loop {
        if let Some(began_at) = walk_under_way(&uri).await {
            break began_at;
        }
        assert!(Instant::now() < deadline, "the walk does not begin: {}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // Its pause after the first batch takes a second.
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success());
    let plain = || {
        let (worked, text) = keys(folder, &["status", "--json"], FIRST);
        assert!(worked, "{text}");
        let status: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        let tables = status["tables"].as_array().unwrap();
        tables.iter().map(|table| table["plain"].as_u64().unwrap()).sum::<u64>()
    };
    assert!(plain() > 0, "it was killed in the middle");
    let (worked, text) = keys(folder, &["reseal"], FIRST);
    assert!(worked && text.contains("done; "), "{text}");
    assert_eq!(walk_under_way(&uri).await, Some(began_at), "the walk was continued: {text}");
    assert_eq!(plain(), 0);
    is_over.store(true, Ordering::SeqCst);
    let charges: u64 = charging.await.unwrap();
    assert!(charges > 3, "{charges}");
    // Nothing that was sealed meanwhile, before or after, is unreadable.
    let again = charge(&service.address(), "during-1").await;
    assert_eq!(again.0, 200, "{}", again.1);
    assert!(!service.log().contains("a stored row cannot be read"), "{}", service.log());
    sandbox.stop().await;
}

#[test]
fn keys_that_are_asked_for_and_not_given_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    plain_database(folder.path());
    let (worked, text) = keys(folder.path(), &["rotate"], "");
    assert!(!worked && text.contains("set ENCRYPTION_KEYS"), "{text}");
    let (worked, text) = keys(folder.path(), &["reseal", "--per-second", "0"], FIRST);
    assert!(!worked && text.contains("--per-second"), "{text}");
}
