//! A service that starts.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_services::{PostgresServer, RedisServer};

use super::{KEYS, program, run};

const PATIENCE: Duration = Duration::from_secs(30);

/// `serve` on free ports; killed when dropped.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) folder: TempDir,
}

impl Service {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let service = Self::begin(tempfile::tempdir().unwrap(), settings);
        service.until(r#""setting":"EDGE_CACHE_LISTEN""#);
        service
    }

    /// Does not wait until it listens.
    pub(crate) fn begin(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        Self { child: serve(folder.path(), settings), folder }
    }

    /// The address of its API.
    pub(crate) fn address(&self) -> String {
        self.address_of("CONTROL_PLANE_LISTEN")
    }

    /// Where it listens by this setting.
    pub(crate) fn address_of(&self, setting: &str) -> String {
        let (log, setting) = (self.log(), format!(r#""setting":"{setting}""#));
        let line = log.lines().find(|line| line.contains(&setting)).unwrap();
        let (_, rest) = line.split_once(r#""address":""#).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ends, by itself and soon.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it goes on: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) fn until(&self, what: &str) {
        self.until_it(what, || self.log().contains(what));
    }

    pub(crate) fn until_it(&self, what: &str, is: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is() {
            assert!(Instant::now() < deadline, "no `{what}` in {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) const FREE: [(&str, &str); 2] =
    [("CONTROL_PLANE_LISTEN", "127.0.0.1:0"), ("EDGE_CACHE_LISTEN", "127.0.0.1:0")];

pub(crate) fn serve(folder: &Path, settings: &[(&str, &str)]) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let settings: Vec<_> = [KEYS].iter().chain(&FREE).chain(settings).copied().collect();
    program(folder, &["serve"], &settings).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

#[test]
fn the_start_says_what_it_runs_on_and_no_secret() {
    let service = Service::start(&[
        ("STRIPE_SECRET_KEY", "sk_test_hidden"),
        ("STRIPE_API_BASE", "http://127.0.0.1:9"),
        ("REDIS_URI", "redis://:hidden@127.0.0.1:9/2"),
        ("AMQP_URI", "amqp://gateway:hidden@127.0.0.1:9/pay"),
        ("ENCRYPTION_KEYS", "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
        ("PAYPAL_CLIENT_SECRETT", "hidden"),
    ]);
    let log = service.log();
    let database = service.folder.path().canonicalize().unwrap().join("gateway.db");
    for part in [
        &format!(r#""role":"serve","version":"{}""#, env!("CARGO_PKG_VERSION")),
        &format!("SQLite {}", database.display()),
        r#""encryption":"on, `k1` wraps data keys""#,
        "Redis 127.0.0.1:9, database 2",
        "amqp://127.0.0.1:9, virtual host pay",
        r#""stripe":"at http://127.0.0.1:9/ with a test key""#,
        r#""paypal":"is not configured""#,
        "PAYPAL_CLIENT_SECRETT is set in the environment and is no setting; do you mean PAYPAL_CLIENT_SECRET?",
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
    assert!(!log.contains("hidden") && !log.contains("000102"), "{log}");
    assert!(version(&service, "opened SQLite").starts_with("3."), "{log}");
}

/// The version in the first line that says `what`.
fn version(service: &Service, what: &str) -> String {
    service.until(what);
    let log = service.log();
    let line = log.lines().find(|line| line.contains(what)).unwrap();
    let (_, rest) = line.split_once(r#""version":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_the_versions_of_database_and_cache() {
    let (Some(postgres), Some(redis)) = (PostgresServer::any().await, RedisServer::own(&[]).await) else {
        return;
    };
    let database = postgres.database().await;
    let service = Service::start(&[("DB_URI", database.uri()), ("REDIS_URI", redis.uri())]);
    let is_number = |version: &str| version.starts_with(|first: char| first.is_ascii_digit());
    let postgres = version(&service, "connected to PostgreSQL");
    assert!(is_number(&postgres), "{postgres}");
    let redis = version(&service, "connected to Redis");
    let number = redis.strip_prefix("Redis ").or_else(|| redis.strip_prefix("Valkey "));
    assert!(number.is_some_and(is_number), "{redis}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_read_is_unknown_and_the_service_starts() {
    let Some(redis) = RedisServer::own(&["--rename-command", "INFO", "INFO_OF_OTHERS"]).await else { return };
    let service = Service::start(&[("REDIS_URI", redis.uri())]);
    assert_eq!(version(&service, "connected to Redis"), "unknown");
}

#[test]
fn a_second_service_on_the_same_file_is_refused_and_the_first_goes_on() {
    let service = Service::start(&[]);
    let settings: Vec<_> = [KEYS].into_iter().chain(FREE).collect();
    let (worked, text) = run(service.folder.path(), &["serve"], &settings);
    let first = format!("another control plane (process {}) serves", service.child.id());
    assert!(!worked && text.contains(&first) && text.contains("use PostgreSQL"), "{text}");
    // Commands beside it are welcome.
    let (worked, text) = run(service.folder.path(), &["payments", "review"], &[]);
    assert!(worked, "{text}");
}
