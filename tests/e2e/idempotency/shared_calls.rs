//! Many concurrent claims share calls to the cache: here they arrive while it is frozen.

use gateway_tests::{Gateway, OwnGateway, fresh_key};
use serde_json::json;
use test_services::Signal;
use tokio::io::AsyncWriteExt as _;

use super::cache_away::{join_all, with_redis};
use super::charge_of;

/// More than get their own call.
const CHARGES: u64 = 40;
/// Longer than any test freezes it.
const PATIENT: &[(&str, &str)] = &[("EDGE_CACHE_TIMEOUT_MS", "10000")];

/// Charges of 800, each under its own key, which must all succeed.
async fn charge(gateway: &Gateway<'_>, charges: u64) {
    let keys: Vec<_> = (0..charges).map(|_| fresh_key()).collect();
    let body = charge_of(800);
    for response in join_all(keys.iter().map(|key| gateway.charge_under(key, &body))).await {
        response.succeeds(200, &json!({ "status": "completed" }));
    }
}

async fn charged(own: &OwnGateway) -> usize {
    own.gateway().sandbox.all_effects().await.len()
}

#[tokio::test]
async fn what_comes_while_the_cache_is_asked_is_asked_together() {
    let Some((_redis, own)) = with_redis(PATIENT).await else { return };
    let gateway = own.gateway();
    let calls = async || gateway.envoy_count("cluster.edge_cache.upstream_rq_total").await;
    let before = calls().await;
    gateway.signal("edge-cache", Signal::STOP);
    tokio::join!(charge(&gateway, CHARGES), async {
        gateway.wait_for_in_flight(CHARGES).await;
        gateway.signal("edge-cache", Signal::CONT);
    });
    let calls = calls().await - before;
    assert!((1..=CHARGES / 2).contains(&calls), "{calls} calls for {CHARGES} claims");
    assert_eq!(charged(&own).await, 40);
    assert_eq!(gateway.edge_claims("start").await, CHARGES, "each has its own verdict");
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_other_claim_with_it_and_is_not_charged() {
    let Some((_redis, own)) = with_redis(PATIENT).await else { return };
    let gateway = own.gateway();
    gateway.signal("edge-cache", Signal::STOP);
    let mut leaving = Vec::new();
    for _ in 0..20 {
        let charge = gateway.raw_charge().body(charge_of(801).to_string());
        let mut connection = charge.begin(gateway.address()).await;
        connection.write_all(charge.body_bytes()).await.unwrap();
        leaving.push(connection);
    }
    gateway.wait_for_in_flight(20).await;
    tokio::join!(charge(&gateway, CHARGES), async {
        gateway.wait_for_in_flight(20 + CHARGES).await;
        drop(leaving);
        gateway.wait_for_in_flight(CHARGES).await;
        gateway.signal("edge-cache", Signal::CONT);
    });
    assert_eq!(gateway.sandbox.all_effects().await, vec!["stripe charge 800 USD"; 40]);
}

#[tokio::test]
async fn a_cache_that_hangs_holds_none_of_many() {
    let Some((_redis, own)) = with_redis(&[]).await else { return };
    let gateway = own.gateway();
    gateway.signal("edge-cache", Signal::STOP);
    charge(&gateway, CHARGES).await;
    charge(&gateway, CHARGES).await;
    gateway.signal("edge-cache", Signal::CONT);
    assert_eq!(charged(&own).await, 80);
    assert_eq!(gateway.edge_claims("unavailable").await, 80);
}

/// One after the other, so that each would get its own call if the earlier ones did not count.
#[tokio::test]
async fn a_call_whose_client_has_left_comes_to_its_end_and_is_forgotten() {
    let Some((_redis, own)) = with_redis(PATIENT).await else { return };
    let gateway = own.gateway();
    let calls = async || gateway.envoy_count("cluster.edge_cache.upstream_rq_total").await;
    let before = calls().await;
    gateway.signal("edge-cache", Signal::STOP);
    for _ in 0..50 {
        let charge = gateway.raw_charge().body(charge_of(802).to_string());
        let mut connection = charge.begin(gateway.address()).await;
        connection.write_all(charge.body_bytes()).await.unwrap();
        gateway.wait_for_in_flight(1).await;
        drop(connection);
        gateway.wait_for_in_flight(0).await;
    }
    let sent = calls().await - before;
    assert!((1..=5).contains(&sent), "{sent} calls for clients that have left");
    gateway.signal("edge-cache", Signal::CONT);
    charge(&gateway, CHARGES).await;
    // The filter learns of no end of an aborted call, so it would remember it forever.
    assert_eq!(gateway.envoy_count("cluster.edge_cache.upstream_rq_tx_reset").await, 0);
    assert_eq!(gateway.sandbox.all_effects().await, vec!["stripe charge 800 USD"; 40]);
}
