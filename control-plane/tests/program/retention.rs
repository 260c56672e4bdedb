//! The end of data, as an operator plans and runs it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use jiff::Timestamp;
use payments::model::idempotency::{KeyChange, KeyClaim, StoredAnswer};
use payments::ports::store::Change;
use rustix::process::Signal;
use sqlx::{Connection as _, SqliteConnection};

use super::service::Service;
use super::{program, run};

fn uri(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("gateway.db").display())
}

/// A database with answers of long ago.
fn old_database(folder: &Path, answers: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(keep_answers(folder, answers));
}

/// Makes the database, with answers that are plain.
pub(super) async fn keep_answers(folder: &Path, answers: u32) {
    let store = payments_stores::open(uri(folder)).await.unwrap();
    for n in 1..=answers {
        let client = ClientId::parse("demo").unwrap();
        let key = Key::parse([format!("key-{n}").as_bytes()]).unwrap();
        let claim = KeyClaim {
            scope: Scope::new(&client, "POST", "/payments/charge", &key),
            fingerprint: Fingerprint::from_hex(&"01".repeat(32)).unwrap(),
        };
        let answer = Some(StoredAnswer { status: 400, body: "{}".to_owned() });
        let take = KeyChange::Take { claim, client, at: Timestamp::UNIX_EPOCH, answer };
        store.commit(Change::of_key(take)).await.unwrap();
    }
}

fn execute(folder: &Path, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&uri(folder)).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    });
}

/// The first column of all rows.
pub(super) fn texts(folder: &Path, sql: &'static str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&uri(folder)).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    })
}

/// How the runs began and ended, by the audit trail.
fn recorded(folder: &Path) -> Vec<String> {
    const RUNS: &str = "SELECT outcome || ' by ' || operator FROM operator_actions
        WHERE action = 'retention run' ORDER BY seq";
    texts(folder, RUNS)
}

/// What a report says of idempotency keys.
fn of_keys(text: &str) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    let kinds = report.as_array().unwrap();
    kinds.iter().find(|kind| kind["what"] == "idempotency_keys").unwrap().clone()
}

/// How many of them ended.
fn ended(text: &str) -> u64 {
    of_keys(text).get("ended").and_then(serde_json::Value::as_u64).unwrap()
}

#[test]
fn a_plan_changes_nothing_and_a_run_that_is_killed_is_finished_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    old_database(folder, 3);
    let retention = |words: &[&str], more: &[(&str, &str)]| {
        let arguments: Vec<_> = ["retention"].iter().chain(words).copied().collect();
        let settings: Vec<_> = [("USER", "anna")].iter().chain(more).copied().collect();
        run(folder, &arguments, &settings)
    };
    for _ in 0..2 {
        let (worked, text) = retention(&["plan", "--json"], &[]);
        assert!(worked && ended(&text) == 3, "{text}");
    }
    let (worked, text) = retention(&["plan"], &[("RETENTION_IDEMPOTENCY_DAYS", "45")]);
    assert!(!worked && text.contains("RETENTION_IDEMPOTENCY_DAYS") && text.contains("from 46"), "{text}");
    let (worked, _) = retention(&["run"], &[("CRASH_POINTS", "retention_step:2")]);
    assert!(!worked);
    let (worked, text) = retention(&["run"], &[]);
    assert!(!worked && text.contains("another run is at it"), "{text}");
    execute(folder, "UPDATE retention_runs SET held_until = 0");
    let (worked, text) = retention(&["run", "--json"], &[]);
    assert!(worked && ended(&text) == 3 && of_keys(&text)["olderThan"].is_string(), "{text}");
    let (worked, text) = retention(&["run"], &[]);
    assert!(worked && text.contains("ENDED") && text.contains("ENCRYPTION_KEYS is not set"), "{text}");
    let (worked, text) = retention(&["plan", "--json"], &[]);
    assert!(worked && ended(&text) == 0, "{text}");
    let ends = ["begun", "begun", "failure", "begun", "success", "begun", "success"];
    assert_eq!(recorded(folder), ends.map(|end| format!("{end} by anna")));
}

/// More rows than a run looks at in the time of a test, at one a second.
const MANY: u32 = 100;

#[test]
fn a_run_that_is_told_to_end_gives_up_its_lease_and_is_finished_by_the_next() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().unwrap();
        old_database(folder.path(), MANY);
        let log = File::create(folder.path().join("log")).unwrap();
        let words = ["retention", "run", "--per-second", "1"];
        let mut command = program(folder.path(), &words, &[("USER", "anna")]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut run_under_way = Service { child, folder };
        run_under_way.until_it("run under way", || is_under_way(run_under_way.folder.path()));
        run_under_way.signal(signal);
        assert!(!run_under_way.end().success());
        let (folder, log) = (run_under_way.folder.path(), run_under_way.log());
        assert!(log.contains("interrupted; run it again to continue"), "{signal:?}: {log}");
        let (worked, text) = run(folder, &["retention", "run"], &[("USER", "bert")]);
        assert!(worked && text.contains("an interrupted run, begun by anna"), "{signal:?}: {text}");
        let keys = text.lines().find(|line| line.starts_with("idempotency_keys")).unwrap();
        assert!(keys.split_whitespace().any(|word| word == MANY.to_string()), "{signal:?}: {text}");
        assert_eq!(
            recorded(folder),
            ["begun by anna", "failure by anna", "begun by bert", "success by bert"]
        );
    }
}

/// Whether a run has kept what its first step did.
fn is_under_way(folder: &Path) -> bool {
    !texts(folder, "SELECT began_by FROM retention_runs WHERE ended <> '{}'").is_empty()
}
