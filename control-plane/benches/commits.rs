//! How many commits a second the stores make: a charge is two of them, the intent with its key and the outcome with
//! its answer, for more and more clients at once. Beside it, what the same PostgreSQL does with two single-row
//! commits for each transaction of `pgbench`.
//!
//! `cargo bench -p control-plane --bench commits [-- SECONDS]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program to be looked at: it prints a table, and what fails ends it"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use control_plane::http::charge_terms;
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use edge_core::request::ChargeRequest;
use payments::model::event::{Cause, Event};
use payments::model::id::{AttemptId, PaymentId};
use payments::model::idempotency::{KeyChange, KeyClaim, StoredAnswer, Subject};
use payments::model::payment::Payment;
use payments::model::provider::{Charged, Outcome, ProviderRef};
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::{Change, Mutation, Store};
use test_services::{PairsOfCommits, PostgresServer};

const CLIENTS: [usize; 4] = [1, 8, 64, 256];
const SECONDS: u64 = 5;
const REQUEST: &[u8] =
    br#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;

/// The two changes of one charge.
fn charge(n: u64) -> [Change; 2] {
    let client = ClientId::parse("bench").unwrap();
    let cause = Cause::request(client.clone(), format!("req-{n}"));
    let at = SystemClock.now();
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&n.to_be_bytes());
    let id = PaymentId::new(at, bytes);
    let request = charge_terms(ChargeRequest::parse(REQUEST).unwrap());
    let key = Key::parse([id.to_string().as_bytes()]).unwrap();
    let scope = Scope::new(&client, "POST", "/payments/charge", &key);
    let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"application/json", REQUEST);
    let take =
        KeyChange::Take { claim: KeyClaim { scope, fingerprint }, client: client.clone(), at, answer: None };

    let created = Payment::open(id, client, request, None, at);
    let begun = created.clone().begin_charge(AttemptId::new(at, bytes), None, at).unwrap();
    let events = vec![
        Event::payment_moved(None, &created, &cause),
        Event::payment_moved(Some(&created.state), &begun, &cause),
    ];
    let reference = ProviderRef::new(format!("pi_{id}"));
    let answer =
        Outcome::Done(Charged::Completed { payment: reference.clone(), charge: reference, paid_with: None });
    let done = begun.clone().charge_answered(answer, at).unwrap();
    let event = Event::payment_moved(Some(&begun.state), &done, &cause);
    let body = format!(r#"{{"success":true,"transactionId":"{id}","status":"completed"}}"#);
    let answered = KeyChange::Answer {
        scope,
        subject: Subject::Payment(id),
        answer: StoredAnswer { status: 200, body },
    };
    [
        Change::from(Mutation::OpenPayment { payment: begun, events }).with_key(Some(take)),
        Change::from(Mutation::MovePayment { payment: done, event }).with_key(Some(answered)),
    ]
}

/// Commits a second, and the median time of one in microseconds.
async fn measure(store: &Arc<dyn Store>, clients: usize, time: Duration) -> (f64, u128) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let started = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while started.elapsed() < time {
                    for change in charge(NEXT.fetch_add(1, Ordering::Relaxed)) {
                        let begun = Instant::now();
                        store.commit(change).await.unwrap();
                        took.push(begun.elapsed().as_micros());
                    }
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let rate = f64::from(u32::try_from(took.len()).unwrap()) / started.elapsed().as_secs_f64();
    took.sort_unstable();
    (rate, took.get(took.len() / 2).copied().unwrap_or(0))
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(SECONDS);
    let time = Duration::from_secs(seconds);
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
    let sqlite = payments_stores::open(&uri).await.unwrap();
    let server = PostgresServer::any().await;
    let mut postgres = None;
    if let Some(server) = server {
        let database = server.database().await;
        let store = payments_stores::open(database.uri()).await.unwrap();
        let pairs = match server.programs() {
            Some(programs) => Some(PairsOfCommits::new(programs, server.database().await).await),
            None => None,
        };
        postgres = Some((store, database, pairs));
    }

    println!("commits a second (median of one, in microseconds)");
    println!(
        "{:>7} {:>18} {:>18} {:>12} {:>18}",
        "clients", "SQLite", "PostgreSQL", "pgbench", "PostgreSQL/pgbench"
    );
    for clients in CLIENTS {
        let (rate, median) = measure(&sqlite, clients, time).await;
        let mut line = format!("{clients:>7} {:>18}", format!("{rate:.0} ({median})"));
        if let Some((store, _, pairs)) = &postgres {
            let (rate, median) = measure(store, clients, time).await;
            line += &format!(" {:>18}", format!("{rate:.0} ({median})"));
            if let Some(pairs) = pairs.as_ref().and_then(|pairs| pairs.per_second(clients, time)) {
                let beside = pairs * 2.0;
                line += &format!(" {beside:>12.0} {:>18.2}", rate / beside);
            }
        }
        println!("{line}");
    }
}
