//! How long sealing and `audit verify` take: a SQLite file with as many transitions as one likes, three for each
//! payment.
//!
//! `cargo bench -p control-plane --bench audit [-- RECORDS]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to be looked at: it prints what it measured, and what fails ends it"
)]

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use audit_proof::{Hash, SigningKey};
use control_plane::audit::exported_line::ExportedLine;
use control_plane::audit::sealer::{AnchorPlaces, Sealer};
use control_plane::audit::verify::{verify, verify_export};
use payments::model::log::Position;
use payments::ports::clock::SystemClock;
use payments::ports::store::Store;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

const RECORDS: u64 = 1_000_000;

/// Payments as they are stored, and their three transitions, of which the last has what a completed charge has.
const FILL: &str = r#"
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $1)
    INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, reference, captured, refunded,
                          due_at, tries, version, created_at, updated_at)
    SELECT printf('txn_01890000-0000-7000-8000-%012x', n), 'bench', 'stripe', 4999, 'USD', '{}', 'completed', '{}',
           printf('pi_%d', n), 4999, 0, NULL, 0, 2, 1767225600000000 + n, 1767225600000000 + n
    FROM n;
    WITH step (version, from_state, to_state) AS (
        VALUES (0, NULL, 'created'), (1, 'created', 'processing'), (2, 'processing', 'completed'))
    INSERT INTO events (payment, refund, version, from_state, to_state, at, client, request_id, detail)
    SELECT p.id, NULL, s.version, s.from_state, s.to_state, p.created_at + s.version, 'bench',
           'c0ffee00-0000-4000-8000-' || substr(p.id, 29),
           '{"operation":"charge","amount":4999,"attempt":"att_01890000-0000-7000-8000-000000000001",'
               || '"reference":"' || p.reference || '","address":"203.0.113.7","outcome":"success"}'
    FROM payments AS p JOIN step AS s ORDER BY p.id, s.version"#;

#[tokio::main]
async fn main() {
    // Cargo gives `--bench`.
    let records = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
    let store = payments_stores::open(uri.clone()).await.unwrap();
    let mut connection = SqliteConnection::connect(&uri).await.unwrap();
    let fill = FILL.replace("$1", &(records / 3).to_string());
    connection.execute(AssertSqlSafe(fill)).await.unwrap();

    let key: SigningKey = format!("bench.example/audit:{}", "01".repeat(32)).parse().unwrap();
    let key = Arc::new(key);
    let (holder, anchors) = ("bench".to_owned(), AnchorPlaces::default());
    let mut sealer =
        Sealer::new(store.clone(), Arc::new(SystemClock), key.clone(), holder, anchors).await.unwrap();
    let began = Instant::now();
    while sealer.turn().await.unwrap().is_behind() {}
    tell("sealed", records, began.elapsed());

    let began = Instant::now();
    let report = verify(&*store, &[key.public().clone()], &[], &[]).await.unwrap();
    tell("verified", report.sealed, began.elapsed());
    assert!(report.is_whole(), "{report}");
    println!("{report}");

    let file = folder.path().join("export");
    export(&*store, &file).await;
    let began = Instant::now();
    let export = BufReader::new(File::open(&file).unwrap());
    let report = verify_export(export, &[key.public().clone()], &[], &[]).unwrap();
    tell("verified an export of", report.sealed, began.elapsed());
    assert!(report.is_whole(), "{report}");
}

/// Writes what `audit export` prints. Every record is a transition, so the tree has them in their order.
async fn export(store: &dyn Store, file: &Path) {
    const PART: u32 = 5_000;
    let mut export = BufWriter::new(File::create(file).unwrap());
    let (mut after, mut index) = (Position::START, 0);
    loop {
        let part = store.audit().transitions(after, PART).await.unwrap();
        let Some(last) = part.last() else { break };
        after = last.position;
        for one in &part {
            let hash = Hash::of_leaf(one.record().bytes().as_bytes());
            let detail = serde_json::from_str(&one.detail).ok();
            let line = serde_json::to_string(&ExportedLine::of_transition(index, hash, one, detail)).unwrap();
            writeln!(export, "{line}").unwrap();
            index += 1;
        }
    }
    let note = store.audit().last_seal().await.unwrap().unwrap().note;
    writeln!(export, "{}", json!({ "checkpoint": note })).unwrap();
    export.flush().unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "records fit into 52 bits")]
fn tell(what: &str, records: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!("{what} {records} records in {seconds:.1} s, {:.0} a second", records as f64 / seconds);
}
