//! Signals to a service and to a command that waits.

use std::fs::{self, File};
use std::process::Stdio;

use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};
use test_services::PostgresServer;

use super::service::Service;
use super::{KEYS, program};

/// The lock of migrations, as another process that migrates holds it.
const LOCK: &str = "SELECT pg_advisory_lock(7449363237790906673)";

#[tokio::test(flavor = "multi_thread")]
async fn a_start_and_a_migration_that_wait_for_another_say_so_and_end_when_told() {
    let Some(postgres) = PostgresServer::any().await else { return };
    let database = postgres.database().await;
    let mut other = PgConnection::connect(database.uri()).await.unwrap();
    sqlx::query(LOCK).execute(&mut other).await.unwrap();
    let waits = "another process is migrating the schema; waiting for it";

    let mut service = Service::begin(tempfile::tempdir().unwrap(), &[("DB_URI", database.uri())]);
    service.until(waits);
    service.signal(Signal::TERM);
    assert!(service.end().success(), "{}", service.log());
    assert!(service.log().contains("stopped before the database was open"), "{}", service.log());

    let folder = tempfile::tempdir().unwrap();
    let log = File::create(folder.path().join("log")).unwrap();
    let mut migrate = program(folder.path(), &["migrate"], &[KEYS, ("DB_URI", database.uri())]);
    let child = migrate.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let mut migrate = Service { child, folder };
    migrate.until(waits);
    migrate.signal(Signal::TERM);
    assert!(!migrate.end().success());
    assert!(
        migrate.log().contains("stopped by a signal before the schema was up to date"),
        "{}",
        migrate.log()
    );
    other.close().await.unwrap();
}

#[test]
fn a_reload_of_unusable_settings_changes_nothing_and_of_good_ones_the_level() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.env");
    fs::write(&file, "LOG_LEVEL=info\n").unwrap();
    let service = Service::begin(folder, &[("GATEWAY_CONFIG", "gateway.env")]);
    service.until(r#""setting":"EDGE_CACHE_LISTEN""#);
    fs::write(&file, "LOG_LEVEL=debug\nWORKERS=many\n").unwrap();
    service.signal(Signal::HUP);
    service.until("the settings are invalid and stay as they were");
    let log = service.log();
    assert!(log.contains("WORKERS (from gateway.env:2)") && !log.contains("LOG_LEVEL changes"), "{log}");
    fs::write(&file, "LOG_LEVEL=debug\n").unwrap();
    service.signal(Signal::HUP);
    service.until("LOG_LEVEL changes");
}
