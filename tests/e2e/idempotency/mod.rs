//! A client may repeat a charge or a refund any number of times, through any Envoy, and it is executed once.

mod cache_away;
mod cache_lies;
mod faults;
mod keys;
mod many;
mod replays;
mod shared_calls;

use gateway_tests::{Gateway, HttpResponse, until};
use serde_json::{Value, json};

fn charge_of(amount: u64) -> Value {
    json!({ "provider": "stripe", "amount": amount, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

fn is_replay(response: &HttpResponse) -> bool {
    response.header("idempotency-replayed") == Some("true")
}

/// Asserts that it is the same response, marked as a replay.
#[track_caller]
fn replays(again: &HttpResponse, first: &HttpResponse) {
    assert_eq!((again.status, &again.body), (first.status, &first.body), "{}", again.text());
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert!(is_replay(again), "{:?}", again.headers);
    // A replay has its own request id.
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

/// Charges under `key`; returns the response, and how many charges reached the control plane.
async fn counted_charge(gateway: &Gateway<'_>, key: &str, charge: &Value) -> (HttpResponse, u64) {
    let before = gateway.control_plane_charges().await;
    let response = gateway.charge_under(key, charge).await;
    (response, gateway.control_plane_charges().await - before)
}

/// The edge replays answers itself. On a busy machine it may occasionally be too slow; the durable row then gives the
/// same answer.
/// durable row then gives the same answer.
async fn the_edge_replays(gateway: &Gateway<'_>, key: &str, charge: &Value, first: &HttpResponse) {
    until("an answer of the edge's own", async || {
        let (again, asked) = counted_charge(gateway, key, charge).await;
        replays(&again, first);
        (asked == 0).then_some(())
    })
    .await;
}
