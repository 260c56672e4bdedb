//! Many claims at once share calls to the cache: here they come while it stands still.

use gateway_tests::{Gateway, Own, fresh_key, until};
use serde_json::json;
use test_services::Signal;
use tokio::io::AsyncWriteExt as _;

use super::cache_away::{join_all, with_redis};
use super::charge_of;

/// More than go alone.
const CHARGES: u64 = 40;
/// Longer than any of the tests lets it stand still.
const PATIENT: &[(&str, &str)] = &[("EDGE_CACHE_TIMEOUT_MS", "10000")];

/// What Envoy counts under this name.
async fn envoy_counts(gateway: &Gateway<'_>, name: &str) -> u64 {
    let url = format!("{}/stats?filter=^{name}$", gateway.stack().admin_url());
    let text = gateway.http.get(url).send().await.unwrap().text().await.unwrap();
    text.trim().rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

async fn under_way(gateway: &Gateway<'_>, requests: u64) {
    until("the requests at the edge", async || {
        (envoy_counts(gateway, "http.gateway.downstream_rq_active").await == requests).then_some(())
    })
    .await;
}

/// Charges of 800, each under its own key, which must all succeed.
async fn charge(gateway: &Gateway<'_>, charges: u64) {
    let keys: Vec<_> = (0..charges).map(|_| fresh_key()).collect();
    let body = charge_of(800);
    for answer in join_all(keys.iter().map(|key| gateway.charge_under(key, &body))).await {
        answer.succeeds(200, &json!({ "status": "completed" }));
    }
}

async fn charged(own: &Own) -> usize {
    own.gateway().sandbox.all_effects().await.len()
}

#[tokio::test]
async fn what_comes_while_the_cache_is_asked_is_asked_together() {
    let Some((_redis, own)) = with_redis(PATIENT).await else { return };
    let gateway = own.gateway();
    let calls = async || envoy_counts(&gateway, "cluster.edge_cache.upstream_rq_total").await;
    let before = calls().await;
    gateway.signal("edge-cache", Signal::STOP);
    tokio::join!(charge(&gateway, CHARGES), async {
        under_way(&gateway, CHARGES).await;
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
    under_way(&gateway, 20).await;
    tokio::join!(charge(&gateway, CHARGES), async {
        under_way(&gateway, 20 + CHARGES).await;
        drop(leaving);
        under_way(&gateway, CHARGES).await;
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
