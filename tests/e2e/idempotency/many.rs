//! A thousand identical requests at once, through two Envoys that share a Redis.

use std::collections::HashSet;

use futures_util::StreamExt as _;
use futures_util::stream;
use gateway_tests::{HttpResponse, OwnGateway, fresh_key};
use serde_json::json;
use test_services::RedisServer;

use super::{charge_of, is_replay};

#[tokio::test]
async fn a_thousand_identical_charges_through_two_envoys_are_one_effect_and_one_answer() {
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let own = OwnGateway::start(&[("REDIS_URI", redis.uri())]).await;
    let second = own.stack.second_edge().await.unwrap();
    let gateway = own.gateway();
    let (key, body) = (fresh_key(), charge_of(760));
    let edges = [own.stack.gateway_url(), second.gateway_url()];
    // Long enough that all of them arrive before the first is answered.
    gateway.sandbox.slow_down("stripe", "charge", 1_000).await;

    let send = async |n: usize| {
        let url = format!("{}/payments/charge", edges[n % 2]);
        let mut waited = 0;
        loop {
            let request = gateway.http.post(&url).bearer_auth("demo-key").header("idempotency-key", &key);
            let response = HttpResponse::of(request.json(&body)).await;
            if response.status != 409 {
                return (response, waited);
            }
            response.refuses(409, "IDEMPOTENCY_IN_PROGRESS");
            waited += 1;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let ends: Vec<_> = stream::iter(0..1_000).map(send).buffer_unordered(1_000).collect().await;

    let bodies: HashSet<_> =
        ends.iter().map(|(response, _)| (response.status, response.body.clone())).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let (response, _) = &ends[0];
    response.succeeds(200, &json!({ "status": "completed" }));
    let first = ends.iter().filter(|(response, _)| !is_replay(response)).count();
    assert_eq!(first, 1, "all but one get the response of the first");
    assert!(ends.iter().any(|(_, waited)| *waited > 0), "nobody had to wait");
    assert_eq!(gateway.sandbox.all_effects().await, ["stripe charge 760 USD"]);
}
