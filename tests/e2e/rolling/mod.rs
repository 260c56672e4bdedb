//! Two of each part, restarted one after another under load: for a new release, or to replace a key.

mod fleet;
mod load;
mod rotations;

use std::sync::Arc;
use std::time::Duration;

use fleet::Fleet;
use gateway_tests::{HttpResponse, OwnGateway};
use load::{Load, Make};
use reqwest::Client;
use serde_json::json;
use test_services::{PostgresServer, RabbitServer, RedisServer};

/// How long a part serves requests before the next one is restarted.
const SETTLED: Duration = Duration::from_secs(3);

/// Each request opens a connection, as new clients do.
fn new_clients() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

/// Charges with the client key that `key` gives at the moment.
fn charges(client: &Client, key: impl Fn() -> String + Send + Sync + 'static) -> Make {
    let client = client.clone();
    Arc::new(move |gateway: &str, name: &str| {
        let request = client.post(format!("{gateway}/payments/charge")).bearer_auth(key());
        request.header("idempotency-key", name).json(&json!({
            "provider": "stripe", "amount": 530, "currency": "USD", "paymentMethodId": "pm_card_visa",
        }))
    })
}

/// How many charges were made: each one that was asked for, once.
async fn each_was_charged_once(own: &OwnGateway, fleet: &Fleet, client: &Client, load: Load) -> usize {
    let charged = succeeded(fleet, load).await;
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", own.stack.sandbox_url());
    let summary = HttpResponse::of(client.get(ledger)).await.json();
    assert_eq!(summary["total"], charged, "each once: {summary}");
    charged
}

/// How many requests succeeded; none may have failed.
async fn succeeded(fleet: &Fleet, load: Load) -> usize {
    let (succeeded, failed) = load.end().await;
    assert_eq!(failed, Vec::<String>::new(), "of {succeeded}; restarted {:?}", fleet.restarted);
    succeeded
}

#[tokio::test]
async fn a_rolling_restart_of_every_part_fails_no_charge() {
    let (Some(postgres), Some(redis), Some(rabbit)) =
        (PostgresServer::own().await, RedisServer::own(&[]).await, RabbitServer::own().await)
    else {
        return;
    };
    let database = postgres.database().await;
    let own = OwnGateway::start(&[
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.uri()),
        ("AMQP_URI", rabbit.uri()),
    ])
    .await;
    let client = new_clients();
    let mut fleet = Fleet::of(&own);
    fleet.start(&client).await;

    let load = Load::start(&fleet, &client, charges(&client, || "demo-key".to_owned()));
    tokio::time::sleep(SETTLED).await;
    for n in 0..fleet.parts.len() {
        fleet.restart(n, &client).await;
        tokio::time::sleep(SETTLED).await;
    }
    let charged = each_was_charged_once(&own, &fleet, &client, load).await;
    assert!(charged > 500, "{charged}");
}
