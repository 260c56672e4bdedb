//! A service that starts.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{KEYS, program, run};

const PATIENCE: Duration = Duration::from_secs(30);

/// `serve` on free ports; killed when dropped.
struct Service {
    child: Child,
    folder: TempDir,
}

impl Service {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = serve(folder.path(), settings);
        let service = Self { child, folder };
        service.until(r#""message":"listening""#);
        service
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn until(&self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(what) {
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

const FREE: [(&str, &str); 2] =
    [("CONTROL_PLANE_LISTEN", "127.0.0.1:0"), ("EDGE_CACHE_LISTEN", "127.0.0.1:0")];

fn serve(folder: &Path, settings: &[(&str, &str)]) -> Child {
    let log = File::create(folder.join("log")).unwrap();
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
    ]);
    let log = service.log();
    let database = service.folder.path().canonicalize().unwrap().join("gateway.db");
    for part in [
        &format!(r#""role":"serve","version":"{}""#, env!("CARGO_PKG_VERSION")),
        &format!("SQLite {}", database.display()),
        "Redis 127.0.0.1:9, database 2",
        "amqp://127.0.0.1:9, virtual host pay",
        r#""stripe":"at http://127.0.0.1:9/ with a test key""#,
        r#""paypal":"is not configured""#,
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
    assert!(!log.contains("hidden"), "{log}");
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
