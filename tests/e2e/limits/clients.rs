//! A client that exceeds its limit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gateway_tests::{HttpResponse, OwnGateway};
use serde_json::json;
use tokio::time::sleep;

use super::{caller, charge, flood, url};

#[tokio::test]
async fn one_clients_flood_leaves_another_clients_requests_alone() {
    let settings = [("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "50"), ("GATEWAY_REQUESTS_PER_SECOND", "120")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let other = gateway.as_demo_2();
    let flooding = caller(2);
    let reads = || flooding.get(url(&gateway, "/payments?limit=1")).bearer_auth("demo-key");
    let charges = async {
        for n in 0..40 {
            other.charge(&charge(700 + n)).await.succeeds(200, &json!({ "status": "completed" }));
            sleep(Duration::from_millis(25)).await;
        }
    };
    let ((), flooded) = flood(reads, charges).await;
    flooded.was_held_to(50, 200);
}

#[tokio::test]
async fn a_client_with_a_limit_of_its_own_is_held_to_that_one() {
    let own = OwnGateway::start(&[("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "5,demo-2=90")]).await;
    let gateway = own.gateway();
    let second = gateway.as_demo_2();
    for (client, rate) in [(&gateway, 5), (&second, 90)] {
        // Wait until the requests of the start are replenished.
        sleep(Duration::from_secs(1)).await;
        let begin = Instant::now();
        let responses = join_all((0..80).map(|_| client.get("/payments?limit=1"))).await;
        let whole_seconds = begin.elapsed().as_secs() + 1;
        let mut counts = BTreeMap::<u16, u64>::new();
        for response in &responses {
            *counts.entry(response.status).or_default() += 1;
            assert_eq!(response.header("ratelimit-policy"), Some(&*format!("\"client\";q={rate};w=1")));
        }
        let passed = counts.get(&200).copied().unwrap_or_default();
        if rate > 80 {
            assert_eq!(passed, 80, "{counts:?}");
        } else {
            assert!((rate..=rate * (whole_seconds + 1)).contains(&passed), "{counts:?}");
            assert_eq!(counts.get(&429).copied(), Some(80 - passed), "{counts:?}");
        }
    }
}

/// A client that waits as advised gets everything through.
#[tokio::test]
async fn a_client_that_waits_as_advised_gets_through() {
    let own = OwnGateway::start(&[("GATEWAY_CLIENT_REQUESTS_PER_SECOND", "4")]).await;
    let gateway = own.gateway();
    let mut told_to_wait = 0;
    for n in 0..10 {
        let mut tries = 0;
        loop {
            let response: HttpResponse = gateway.charge(&charge(800 + n)).await;
            if response.status == 200 {
                break;
            }
            assert_eq!(response.refuses(429, "RATE_LIMITED")["retryable"], true);
            let seconds: u64 = response.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=2).contains(&seconds), "{seconds}");
            sleep(Duration::from_secs(seconds)).await;
            told_to_wait += 1;
            tries += 1;
            assert!(tries < 4, "waiting does not help");
        }
    }
    assert!(told_to_wait > 0, "nothing was turned away");
    assert_eq!(gateway.sandbox.all_effects().await.len(), 10);
}
