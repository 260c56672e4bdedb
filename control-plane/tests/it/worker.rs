//! `control-plane worker`: the program itself, on a PostgreSQL and, where there is one, a RabbitMQ.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use edge_core::provider::Provider;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::model::work::{Due, Work};
use payments::ports::queue::Queue;
use rustix::process::{Pid, Signal, kill_process};
use test_services::RabbitServer;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::common::*;
use crate::queue::harness;
use crate::store::ENCRYPTION_KEYS;

const PATIENCE: Duration = Duration::from_secs(60);

/// The program, and what it has logged.
struct Worker {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    _reader: JoinHandle<()>,
}

impl Worker {
    async fn start(database: &TestStore, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(control_plane_tests::program());
        command.arg("worker").env_clear().kill_on_drop(true);
        command.env("DB_URI", database.uri()).env("ENCRYPTION_KEYS", ENCRYPTION_KEYS);
        command.env("WORKER_LISTEN", "127.0.0.1:0");
        // Nobody listens there, and nobody needs to.
        command.env("STRIPE_SECRET_KEY", "sk_test_x").env("STRIPE_API_BASE", "http://127.0.0.1:9");
        command.envs(settings.iter().copied());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (log, mut lines) =
            (Arc::new(Mutex::new(String::new())), BufReader::new(child.stderr.take().unwrap()).lines());
        let kept = log.clone();
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut worker = Self { child, address: String::new(), log, _reader: reader };
        worker.address = worker.until("an address", async |worker| worker.logged_address()).await;
        worker
    }

    fn logged_address(&self) -> Option<String> {
        let log = self.log.lock().unwrap();
        log.lines().find_map(listening_address)
    }

    /// Status and body.
    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn counts(&self, series: &str) -> bool {
        self.get("/metrics").await.1.lines().any(|line| line == series)
    }

    async fn until<T>(&self, what: &str, ask: impl AsyncFn(&Self) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(answer) = ask(self).await {
                return answer;
            }
            let log = self.log.lock().unwrap().clone();
            assert!(started.elapsed() < PATIENCE, "there was no sign of {what}; the worker said:\n{log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ends(mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap()
    }

    async fn stop(self) -> ExitStatus {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        self.ends().await
    }
}

/// An event that there is nothing to do for, in the database and nowhere else.
async fn event(database: &TestStore, id: &str) -> Due {
    event_due_in(database, id, 0).await
}

async fn event_due_in(database: &TestStore, id: &str, ms: i64) -> Due {
    let at = harness::due_in(ms).at;
    let body = format!(r#"{{"id":"{id}","type":"customer.created","data":{{"object":{{}}}}}}"#);
    let event = WebhookEvent { body: body.into_bytes(), ..received(id, "customer.created", at) };
    assert!(database.store.receive_webhook(&event).await.unwrap());
    Due { work: Work::Event { provider: Provider::Stripe, id: id.to_owned() }, at }
}

async fn is_worked_off(database: &TestStore, id: &str) -> bool {
    let event = database.store.webhook(Provider::Stripe, id).await.unwrap().unwrap();
    matches!(event.state, EventState::Ignored { .. })
}

#[tokio::test]
async fn a_worker_without_a_broker_finds_what_is_due_and_ends_when_asked_to() {
    let Some(database) = TestStore::postgres().await else { return };
    let worker = Worker::start(&database, &[]).await;
    event(&database, "evt_1").await;
    worker
        .until("an event worked off", async |_| is_worked_off(&database, "evt_1").await.then_some(()))
        .await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(worker.get(path).await, (200, "ok\n".to_owned()), "{path}");
    }
    assert!(worker.stop().await.success());
}

#[tokio::test]
async fn a_worker_works_on_after_a_hang_up() {
    let Some(database) = TestStore::postgres().await else { return };
    let worker = Worker::start(&database, &[]).await;
    let pid = i32::try_from(worker.child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP).unwrap();
    event(&database, "evt_1").await;
    worker
        .until("an event worked off", async |_| is_worked_off(&database, "evt_1").await.then_some(()))
        .await;
    assert!(worker.stop().await.success());
}

/// Stored by a process whose clock was a day ahead, before it was put back.
#[tokio::test]
async fn a_worker_that_starts_finds_what_was_put_off_before_the_clock_was_put_back() {
    let Some(database) = TestStore::postgres().await else { return };
    event_due_in(&database, "evt_1", 86_400_000).await;
    let begun = Instant::now();
    let worker = Worker::start(&database, &[]).await;
    worker
        .until("an event worked off", async |_| is_worked_off(&database, "evt_1").await.then_some(()))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(worker.log.lock().unwrap().contains("the clock was set back"));
    assert!(worker.stop().await.success());
}

#[tokio::test]
async fn a_worker_that_nobody_probes_leaves_a_primary_that_has_become_read_only() {
    let Some(database) = TestStore::postgres().await else { return };
    let worker = Worker::start(&database, &[]).await;
    let writable = async |worker: &Worker, gauge: &str| worker.counts(gauge).await.then_some(());
    worker.until("a database that takes writes", async |w| writable(w, "database_writable 1").await).await;
    let name = database.uri().rsplit('/').next().unwrap().to_owned();
    let set = |what: &str| format!("ALTER DATABASE {name} SET default_transaction_read_only = {what}");
    let uri = format!("{}?options=-c%20default_transaction_read_only%3Doff", database.uri());
    let mut operator = <sqlx::PgConnection as sqlx::Connection>::connect(&uri).await.unwrap();
    // New connections only, so the old ones are ended.
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    );
    for sql in [set("on"), end] {
        sqlx::Executor::execute(&mut operator, sqlx::AssertSqlSafe(sql)).await.unwrap();
    }
    worker.until("a database that takes none", async |w| writable(w, "database_writable 0").await).await;
    let (status, why) = worker.get("/readyz").await;
    assert!(status == 503 && why.contains("read-only") && !why.contains(" at line "), "{why}");
    let lines = worker.log.lock().unwrap().clone();
    let line = lines.lines().find(|line| line.contains("takes no writes")).unwrap();
    assert!(line.contains("read-only"), "{line}");
    assert!(!line.contains("PgDatabaseError") && !line.contains(" at line "), "{line}");
    sqlx::Executor::execute(&mut operator, sqlx::AssertSqlSafe(set("off"))).await.unwrap();
    let healing = Instant::now();
    worker.until("a database that takes writes", async |w| writable(w, "database_writable 1").await).await;
    assert!(healing.elapsed() < Duration::from_secs(10), "{:?}", healing.elapsed());
    assert!(worker.stop().await.success());
}

#[tokio::test]
async fn a_worker_follows_what_another_process_announces() {
    let Some(database) = TestStore::postgres().await else { return };
    let Some(server) = RabbitServer::any().await else { return };
    let prefix = harness::prefix();
    let worker =
        Worker::start(&database, &[("AMQP_URI", server.uri()), ("AMQP_QUEUE_PREFIX", &prefix)]).await;
    worker.until("a broker", async |worker| worker.counts("queue_connected 1").await.then_some(())).await;
    let nobody = Arc::new(harness::Database::default());
    let service = harness::Process::start("service", server.uri(), &prefix, &nobody, harness::Role::None);
    service.rabbit.announce(event(&database, "evt_1").await);
    // Either by the message, or, should it be slow, by the sweep, which then finds nothing left to do.
    let by_message = r#"queue_deliveries_total{outcome="done"} 1"#;
    worker.until("a delivery", async |worker| worker.counts(by_message).await.then_some(())).await;
    assert!(is_worked_off(&database, "evt_1").await);
    assert!(worker.stop().await.success());
}

#[tokio::test]
async fn a_worker_whose_broker_is_away_is_ready_and_works() {
    let Some(database) = TestStore::postgres().await else { return };
    // Nobody listens on port 1.
    let worker = Worker::start(&database, &[("AMQP_URI", "amqp://gateway:hidden@127.0.0.1:1")]).await;
    event(&database, "evt_1").await;
    worker
        .until("an event worked off", async |_| is_worked_off(&database, "evt_1").await.then_some(()))
        .await;
    assert_eq!(worker.get("/readyz").await.0, 200);
    let log = worker.log.clone();
    assert!(worker.stop().await.success());
    assert!(!log.lock().unwrap().contains("hidden"));
}

#[tokio::test]
async fn what_a_worker_died_of_acknowledging_another_finds_done() {
    let Some(database) = TestStore::postgres().await else { return };
    let Some(server) = RabbitServer::any().await else { return };
    let prefix = harness::prefix();
    let queue = [("AMQP_URI", server.uri()), ("AMQP_QUEUE_PREFIX", prefix.as_str())];
    let dying = [&queue[..], &[("CRASH_POINTS", "after_handling_before_ack:1")]].concat();
    let dying = Worker::start(&database, &dying).await;
    let nobody = Arc::new(harness::Database::default());
    let service = harness::Process::start("service", server.uri(), &prefix, &nobody, harness::Role::None);
    service.rabbit.announce(event(&database, "evt_1").await);
    assert!(!dying.ends().await.success());
    assert!(is_worked_off(&database, "evt_1").await);
    let other = Worker::start(&database, &queue).await;
    let again = r#"queue_deliveries_total{outcome="resolved"} 1"#;
    other.until("the delivery", async |worker| worker.counts(again).await.then_some(())).await;
    assert!(other.stop().await.success());
}

#[tokio::test]
async fn a_worker_that_cannot_work_says_why() {
    let program = || {
        let mut command = Command::new(control_plane_tests::program());
        command.arg("worker").env_clear();
        command
    };
    for (settings, key) in [
        (&[("DB_URI", "sqlite://x.db")][..], "DB_URI"),
        (&[("DB_URI", "postgres://u:hidden@127.0.0.1:1/x"), ("AMQP_URI", "amqp:hidden")], "AMQP_URI"),
        (&[("DB_URI", "postgres://u:hidden@127.0.0.1:1/x"), ("WORKERS", "0")], "WORKERS"),
    ] {
        let output = program().envs(settings.iter().copied()).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(key) && !said.contains("hidden"), "{said}");
    }
}
