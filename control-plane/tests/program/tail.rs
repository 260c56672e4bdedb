//! `events tail` as a person and as a program read it.

use std::fs::{self, File};
use std::path::Path;

use payments::model::log::EventId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use test_services::PostgresServer;

use super::program;
use super::service::Service;

/// An event of the payment, behind the store's back.
fn event(version: u8, to: &str) -> String {
    format!(
        "INSERT INTO events (payment, version, from_state, to_state, at, client, request_id, detail) VALUES
         ('txn_01890000-0000-7000-8000-000000000000', {version}, NULL, '{to}', 1767225600000000, 'demo', 'req-1', '{{}}');"
    )
}

fn execute(folder: &Path, sql: &str) {
    let uri = format!("sqlite://{}", folder.join("gateway.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        drop(payments_stores::open(uri.clone()).await.unwrap());
        let mut connection = SqliteConnection::connect(&uri).await.unwrap();
        // The events have no payment.
        connection.execute(AssertSqlSafe(format!("PRAGMA foreign_keys = OFF;{sql}"))).await.unwrap();
    });
}

/// Whether it ended well, what it printed, and what it said beside.
fn tail(folder: &Path, options: &[&str]) -> (bool, String, String) {
    let words: Vec<_> = ["events", "tail", "--once"].iter().chain(options).copied().collect();
    let output = program(folder, &words, &[("USER", "anna")]).output().unwrap();
    let [printed, beside] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), printed, beside)
}

/// The types of the events that it printed as JSON.
fn types(folder: &Path, options: &[&str]) -> Vec<String> {
    let options: Vec<_> = ["--json"].iter().chain(options).copied().collect();
    let (worked, printed, beside) = tail(folder, &options);
    assert!(worked, "{beside}");
    let event = |line| serde_json::from_str::<Value>(line).unwrap();
    let kind = |event: Value| event.get("type").and_then(Value::as_str).unwrap().to_owned();
    printed.lines().map(event).map(kind).collect()
}

fn id(sequence: u64) -> String {
    EventId { transaction: 0, sequence }.to_string()
}

#[test]
fn a_tail_begins_where_it_is_told_and_ends_with_the_newest_event() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all = ["created", "processing", "completed"];
    execute(folder, &[event(0, all[0]), event(1, all[1]), event(2, all[2])].concat());
    let all = all.map(|to| format!("payment.{to}"));
    assert_eq!(types(folder, &["--after", "start"]), all);
    assert_eq!(types(folder, &["--after", &id(1)]), all[1..]);
    assert_eq!(types(folder, &["--after", &id(0)]), all, "nothing has ended");
    assert_eq!(types(folder, &["--after", &id(3)]), all[3..]);
    assert_eq!(types(folder, &[]), all[3..], "from now on");
    assert_eq!(types(folder, &["--after", "start", "--types", "payment.completed"]), all[2..]);
    assert_eq!(types(folder, &["--after", "start", "--client", "other"]), all[3..]);
    let (worked, printed, _) = tail(folder, &["--after", "start"]);
    let lines: Vec<_> = printed.lines().collect();
    assert!(worked && lines.len() == 3 && lines[2].starts_with(&id(3)), "{printed}");
    assert!(lines[2].contains("payment.completed") && lines[2].contains("demo"), "{printed}");
    let (worked, printed, beside) = tail(folder, &["--after", &id(9), "--json"]);
    assert!(!worked && printed.is_empty() && beside.contains("does not have"), "{printed}{beside}");
    // The first two end.
    execute(folder, "INSERT INTO log_horizon (only_row, first_seq, set_at) VALUES (1, 3, 0)");
    assert_eq!(types(folder, &["--after", "start"]), all[2..]);
    assert_eq!(types(folder, &["--after", &id(2)]), all[2..], "nothing behind it has ended");
    for ended in [0, 1] {
        let (worked, printed, beside) = tail(folder, &["--after", &id(ended), "--json"]);
        assert!(!worked && printed.is_empty() && beside.contains("does not have"), "{printed}{beside}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_outlives_a_restart_of_its_database_and_says_so() {
    let Some(mut postgres) = PostgresServer::own().await else { return };
    drop(payments_stores::open(postgres.uri()).await.unwrap());
    let insert = async |uri: &str, sql: String| {
        let mut connection = PgConnection::connect(uri).await.unwrap();
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
    };
    insert(postgres.uri(), event(0, "created")).await;
    let folder = tempfile::tempdir().unwrap();
    let [out, log] = ["out", "log"].map(|name| File::create(folder.path().join(name)).unwrap());
    let words = ["events", "tail", "--json", "--after", "start"];
    let settings = [("USER", "anna"), ("DB_URI", postgres.uri())];
    let child = program(folder.path(), &words, &settings).stdout(out).stderr(log).spawn().unwrap();
    let service = Service { child, folder };
    let printed = || fs::read_to_string(service.folder.path().join("out")).unwrap();
    service.until_it("first event", || printed().contains("payment.created"));
    postgres.stop();
    service.until("the event log cannot be read now");
    postgres.start_again().await;
    insert(postgres.uri(), event(1, "completed")).await;
    service.until_it("second event", || printed().contains("payment.completed"));
    service.until("the event log can be read again");
    assert_eq!(printed().lines().count(), 2, "each once: {}", printed());
}
