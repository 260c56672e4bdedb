//! The edge's cost of a charge: validation, claim and attestation, then proxying to a server that does nothing.

use serde_json::json;
use test_services::RedisServer;

use crate::bench_stack::{BenchStack, PLAIN};
use crate::connection::{PreparedRequest, SERIAL};
use crate::load::Load;
use crate::replay::print;
use crate::rounds::{Comparison, compare};
use crate::screen;

const DOOR: &str = "/payments/charge";

pub(crate) async fn run() {
    let mut rows = Vec::new();
    match RedisServer::own(&[]).await {
        Some(redis) => {
            rows.push(("new keys, claimed in the edge cache on Redis", measure(Some(redis)).await));
        }
        None => screen::line("without a Redis there is nothing to say of claims in one"),
    }
    rows.push(("new keys, claimed in the edge cache in the process", measure(None).await));
    print(&rows);
}

async fn measure(redis: Option<RedisServer>) -> Comparison {
    let bench_stack = BenchStack::ending_at(&[DOOR], &[], redis).await;
    let body = json!({
        "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
    });
    let headers = BenchStack::client_headers(&format!("bench-claim-{SERIAL}"));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let load = |path| {
        let request = PreparedRequest::new("POST", path, &headers, body.to_string().as_bytes(), (200, false));
        Load::new(bench_stack.address(), vec![request])
    };
    let (plain, charges) = (load(PLAIN), load(DOOR));
    assert!(plain.try_once().await && charges.try_once().await, "both are answered as they should be");
    let compared = compare("claims", &bench_stack, &plain, &charges).await;
    bench_stack.stack.stop().await;
    compared
}
