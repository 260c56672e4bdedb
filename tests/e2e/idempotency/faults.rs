//! A thousand keys, each sent five times, while the cache and the control plane fail at random moments.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use gateway_tests::{HttpResponse, OwnGateway, fresh_key};
use serde_json::Value;
use test_services::{RedisServer, Signal};
use tokio::time::sleep;

use super::charge_of;

const KEYS: usize = 1_000;
const SENDS: usize = 5;
/// Short, so that a control plane can be frozen for longer.
const LEASE: &str = "400";

#[tokio::test]
async fn a_thousand_keys_amid_faults_have_a_thousand_effects_and_one_answer_each() {
    let Some(mut redis) = RedisServer::own(&[]).await else { return };
    let mut own = OwnGateway::start(&[("REDIS_URI", redis.uri()), ("IDEMPOTENCY_LEASE_MS", LEASE)]).await;
    let second = own.stack.second_edge().await.unwrap();
    let edges = [own.stack.gateway_url(), second.gateway_url()];
    let http = own.gateway().http;
    let keys: Vec<_> = (0..KEYS).map(|_| fresh_key()).collect();

    let clients = stream::iter(0..KEYS * SENDS)
        .map(|n| {
            // The sends of a key are close together, some at once, through both edges.
            let key = keys[n / SENDS].clone();
            let amount = 1_000 + n / SENDS;
            let url = format!("{}/payments/charge", edges[n % 2]);
            let http = &http;
            async move { (key.clone(), final_answer(http, &url, &key, &charge_of(amount as u64)).await) }
        })
        .buffer_unordered(60)
        .collect::<Vec<_>>();
    let mut clients = std::pin::pin!(clients);
    let mut faults = 0;
    let responses = loop {
        tokio::select! {
            responses = &mut clients => break responses,
            () = strike(faults, &mut redis, &mut own) => faults += 1,
        }
    };
    assert!(faults >= 5, "the clients had ended after {faults} faults");

    let mut by_key: HashMap<_, HashSet<_>> = HashMap::new();
    for (key, response) in &responses {
        assert_eq!(response.status, 200, "{}", response.text());
        by_key.entry(key).or_default().insert(response.body.clone());
    }
    assert_eq!(by_key.len(), KEYS);
    for (key, bodies) in by_key {
        assert_eq!(bodies.len(), 1, "{key}: {bodies:?}");
    }
    let mut effects = own.gateway().sandbox.all_effects().await;
    let mut expected: Vec<_> = (0..KEYS).map(|n| format!("stripe charge {} USD", 1_000 + n)).collect();
    effects.sort();
    expected.sort();
    assert_eq!(effects, expected);
}

/// Sends until there is a final answer.
async fn final_answer(http: &reqwest::Client, url: &str, key: &str, charge: &Value) -> HttpResponse {
    for _ in 0..2_000 {
        let request = http.post(url).bearer_auth("demo-key").header("idempotency-key", key).json(charge);
        match HttpResponse::try_of(request).await {
            Ok(response) if !matches!(response.status, 202 | 409 | 500..) => return response,
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("no final answer for {key}");
}

/// The next fault, after a pause.
async fn strike(n: usize, redis: &mut RedisServer, own: &mut OwnGateway) {
    sleep(Duration::from_millis(350)).await;
    match n % 5 {
        0 => redis.run::<()>(&["FLUSHALL"]).await,
        1 => {
            own.gateway().kill("control-plane");
            sleep(Duration::from_millis(100)).await;
            own.stack.restart_control_plane().await.unwrap();
        }
        2 => {
            redis.kill();
            sleep(Duration::from_millis(200)).await;
            redis.start_again().await;
        }
        3 => {
            own.gateway().signal("control-plane", Signal::STOP);
            sleep(Duration::from_millis(600)).await;
            own.gateway().signal("control-plane", Signal::CONT);
        }
        _ => redis.run::<()>(&["SCRIPT", "FLUSH"]).await,
    }
}
