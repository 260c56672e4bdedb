//! The cost of replaying an answer, by where it is stored.

use serde_json::json;
use test_services::RedisServer;

use crate::bench_stack::{BenchStack, PLAIN};
use crate::connection::PreparedRequest;
use crate::load::Load;
use crate::rounds::{Comparison, TableRow, compare};
use crate::{screen, table};

const KEY: &str = "bench-replay-0001";
/// The worker's own memory is off: every retry asks the cache.
const ALWAYS_ASK: (&str, &str) = ("IDEMPOTENCY_RECENT_ANSWERS", "0");

pub(crate) async fn run() {
    let mut rows = Vec::new();
    let by_memory = BenchStack::set(&[], None).await;
    rows.push(("replays, remembered by the worker", measure(by_memory).await));
    match RedisServer::own(&[]).await {
        Some(redis) => {
            let by_redis = BenchStack::set(&[ALWAYS_ASK], Some(redis)).await;
            rows.push(("replays, from the edge cache on Redis", measure(by_redis).await));
        }
        None => screen::line("without a Redis there is nothing to say of the edge cache on one"),
    }
    let by_process = BenchStack::set(&[ALWAYS_ASK], None).await;
    rows.push(("replays, from the edge cache in the process", measure(by_process).await));
    print(&rows);
}

async fn measure(bench_stack: BenchStack) -> Comparison {
    let body = charge();
    let headers = BenchStack::client_headers(KEY);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let charge =
        |replayed| PreparedRequest::new("POST", "/payments/charge", &headers, &body, (200, replayed));
    let first = Load::new(bench_stack.address(), vec![charge(false), charge(true)]);
    assert!(first.try_once().await, "a charge succeeds, and again it is a replay");
    let replay = Load::new(bench_stack.address(), vec![charge(true)]);
    // The same request, bypassing the filter.
    let plain = Load::new(
        bench_stack.address(),
        vec![PreparedRequest::new("POST", PLAIN, &headers, &body, (200, false))],
    );
    let compared = compare("replays", &bench_stack, &plain, &replay).await;
    bench_stack.stack.stop().await;
    compared
}

fn charge() -> Vec<u8> {
    let charge = json!({
        "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
    });
    charge.to_string().into_bytes()
}

pub(crate) fn print(rows: &[(&str, Comparison)]) {
    let processes = ["load", "Envoy", "control plane", "edge cache", "Redis"];
    let head = [
        ["one worker of Envoy, 64 connections", "requests/s", "of plain", "p50 ms", "p99 ms", "wrong"]
            .as_slice(),
        &processes,
    ]
    .concat();
    let row = |name: &str, measured: &TableRow, ratio: String| {
        let cpu = processes.map(|process| {
            let found = measured.cpu_seconds.iter().find(|(name, _)| *name == process);
            found.map_or_else(|| "-".to_owned(), |(_, seconds)| format!("{seconds:.2}"))
        });
        let ms = |us: u32| format!("{:.2}", f64::from(us) / 1_000.0);
        let mut cells = vec![name.to_owned(), format!("{:.0}", measured.per_second), ratio];
        cells.extend([ms(measured.p50), ms(measured.p99), measured.wrong.to_string()]);
        cells.extend(cpu);
        cells
    };
    let rows: Vec<_> = rows
        .iter()
        .flat_map(|(name, compared)| {
            [
                row("plain proxying", &compared.plain, String::new()),
                row(name, &compared.load, format!("{:.2}", compared.ratio)),
            ]
        })
        .collect();
    for line in table::lines(&head, &rows) {
        screen::line(&line);
    }
    screen::line(
        "latencies at half of the throughput of what stands beside plain proxying; the last columns are CPU seconds for 10,000 requests",
    );
}
