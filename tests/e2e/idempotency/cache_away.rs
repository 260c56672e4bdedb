//! The shared edge cache is unavailable, slow or empty, or it is all that is left.

use gateway_tests::{OwnGateway, fresh_key, until};
use serde_json::json;
use test_services::{RedisServer, Signal};

use super::{charge_of, is_replay, replays};

pub(super) async fn with_redis(settings: &[(&str, &str)]) -> Option<(RedisServer, OwnGateway)> {
    let redis = RedisServer::own(&[]).await?;
    let uri = redis.uri().to_owned();
    let settings: Vec<_> = settings.iter().copied().chain([("REDIS_URI", uri.as_str())]).collect();
    let own = OwnGateway::start(&settings).await;
    Some((redis, own))
}

#[tokio::test]
async fn a_finished_key_replays_with_the_control_plane_and_its_database_gone() {
    let Some((_redis, own)) = with_redis(&[]).await else { return };
    let gateway = own.gateway();
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge_of(740)).await;
    first.succeeds(200, &json!({ "status": "completed" }));
    gateway.kill("control-plane");
    std::fs::remove_file(own.stack.run_dir().path().join("gateway.db")).unwrap();
    for _ in 0..3 {
        replays(&gateway.charge_under(&key, &charge_of(740)).await, &first);
    }
    gateway.charge_under(&key, &charge_of(741)).await.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    let new = until("a refusal", async || {
        let response = gateway.charge_under(&fresh_key(), &charge_of(740)).await;
        (response.status == 503).then_some(response)
    });
    new.await.refuses(503, "GATEWAY_UNAVAILABLE");
    assert_eq!(gateway.sandbox.all_effects().await, ["stripe charge 740 USD"]);
}

#[tokio::test]
async fn without_the_cache_charges_pass_and_the_durable_row_lets_each_happen_once() {
    let Some((mut redis, own)) = with_redis(&[]).await else { return };
    let gateway = own.gateway();
    redis.kill();
    let (key, body) = (fresh_key(), charge_of(742));
    let charges = (0..20).map(|_| gateway.charge_under(&key, &body));
    let responses = join_all(charges).await;
    let finished =
        responses.iter().find(|response| response.status == 200).expect("one of them went through");
    for response in &responses {
        match response.status {
            200 => assert_eq!(response.body, finished.body),
            _ => drop(response.refuses(409, "IDEMPOTENCY_IN_PROGRESS")),
        }
    }
    replays(&gateway.charge_under(&key, &body).await, finished);
    gateway.charge_under(&key, &charge_of(743)).await.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(gateway.effects(&finished.transaction_id()).await, ["stripe charge 742 USD"]);
    let line = gateway.access_log_line(finished).await;
    assert_eq!(line["edge_idempotency"], "unavailable", "{line}");

    redis.start_again().await;
    until("the cache's return", async || {
        gateway.charge_under(&key, &body).await;
        (gateway.edge_claims("replay").await > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_operation_may_be_refused_without_the_cache_and_another_one_not() {
    let Some((mut redis, own)) = with_redis(&[("EDGE_CACHE_DOWN", "reject,charge=pass")]).await else {
        return;
    };
    let gateway = own.gateway();
    let charged = gateway.charge(&charge_of(744)).await;
    redis.kill();
    gateway.charge(&charge_of(745)).await.succeeds(200, &json!({ "status": "completed" }));
    let refund = json!({ "transactionId": charged.transaction_id() }).to_string();
    let key = fresh_key();
    let refused = gateway.post_under(&key, "/payments/refund", refund.clone()).await;
    let error = refused.refuses(503, "IDEMPOTENCY_UNAVAILABLE");
    assert_eq!(error["retryable"], true, "{error}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(gateway.effects(&charged.transaction_id()).await, ["stripe charge 744 USD"]);

    redis.start_again().await;
    let refunded = until("the cache's return", async || {
        let response = gateway.post_under(&key, "/payments/refund", refund.clone()).await;
        (response.status != 503).then_some(response)
    });
    refunded.await.succeeds(200, &json!({ "status": "processed" }));
}

#[tokio::test]
async fn a_cache_that_stands_still_is_not_waited_for() {
    let Some((redis, own)) = with_redis(&[]).await else { return };
    let gateway = own.gateway();
    redis.signal(Signal::STOP);
    let (key, body) = (fresh_key(), charge_of(746));
    let first = gateway.charge_under(&key, &body).await;
    first.succeeds(200, &json!({ "status": "completed" }));
    replays(&gateway.charge_under(&key, &body).await, &first);
    redis.signal(Signal::CONT);
    assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 746 USD"]);
}

#[tokio::test]
async fn an_edge_cache_that_is_gone_is_like_a_redis_that_is_gone() {
    let Some((_redis, own)) = with_redis(&[]).await else { return };
    let gateway = own.gateway();
    let (key, body) = (fresh_key(), charge_of(747));
    let first = gateway.charge_under(&key, &body).await;
    gateway.kill("edge-cache");
    replays(&gateway.charge_under(&key, &body).await, &first);
    let new = gateway.charge(&body).await;
    new.succeeds(200, &json!({ "status": "completed" }));
    assert!(!is_replay(&new));
}

#[tokio::test]
async fn a_control_plane_that_stands_still_for_longer_than_the_lease_charges_once() {
    let Some((_redis, own)) = with_redis(&[("IDEMPOTENCY_LEASE_MS", "300")]).await else { return };
    let gateway = own.gateway();
    gateway.sandbox.slow_down("stripe", "charge", 500).await;
    let (key, body) = (fresh_key(), charge_of(748));
    let (first, later) = tokio::join!(gateway.charge_under(&key, &body), async {
        until("the charge in flight", async || {
            let list = gateway.get("/payments?status=pending").await.json();
            (!list["data"].as_array()?.is_empty()).then_some(())
        })
        .await;
        gateway.signal("control-plane", Signal::STOP);
        // After the lease: the next request gets it, and waits for a frozen control plane.
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        let (second, ()) = tokio::join!(gateway.charge_under(&key, &body), async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            gateway.signal("control-plane", Signal::CONT);
        });
        second
    });
    first.succeeds(200, &json!({ "status": "completed" }));
    if later.status != 409 {
        replays(&later, &first);
    }
    replays(&gateway.charge_under(&key, &body).await, &first);
    assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 748 USD"]);
}

pub(super) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures).await
}
