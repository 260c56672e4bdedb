//! Two of each part, restarted one after another under load: for a new release, or to replace a key.

mod fleet;
mod load;
mod rotations;
mod stored_keys;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use fleet::{CONTROL_PLANE, EDGE_CACHE, ENVOY, Fleet, WORKER};
use gateway_tests::{HttpResponse, OwnGateway};
use load::{Load, Make};
use reqwest::Client;
use serde_json::json;
use test_services::{PostgresServer, RabbitServer, RedisServer};
use watcher::Watcher;

/// Each of these tests loads a small machine fully, so they run one after another: parts that starve are taken for
/// dead, and their requests are refused.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long a part serves requests before the next one is restarted.
const STEADY: Duration = Duration::from_secs(1);

/// Charges per second that a rolling restart must not fail, beside other tests. An idle machine is asked for 200 by
/// `ROLLING_CHARGES_PER_SECOND=200`.
const CHARGES_PER_SECOND: u32 = 40;

const ALL: [&str; 4] = [CONTROL_PLANE, EDGE_CACHE, WORKER, ENVOY];

/// Each request opens a connection, as new clients do.
fn new_clients() -> Client {
    Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

async fn servers() -> Option<(PostgresServer, RedisServer)> {
    Some((PostgresServer::own().await?, RedisServer::own(&[]).await?))
}

/// A gateway on a PostgreSQL and a Redis of its own, two of each part, and clients that open connections. Everything
/// has these settings.
async fn started(
    postgres: &PostgresServer,
    redis: &RedisServer,
    settings: &[(&str, &str)],
) -> (OwnGateway, Fleet, Client) {
    let database = postgres.database().await;
    let of_servers = [("DB_URI", database.uri()), ("REDIS_URI", redis.uri())];
    let own = OwnGateway::start(&[&of_servers[..], settings].concat()).await;
    let client = new_clients();
    let mut fleet = Fleet::of(&own);
    for part in &mut fleet.parts {
        settings.iter().for_each(|(name, value)| part.set(name, value));
    }
    fleet.start(&client).await;
    (own, fleet, client)
}

/// Restarts one part after the other, of these kinds, with variables set to other values.
async fn set(fleet: &mut Fleet, kinds: &[&str], variables: &[(&str, &str)], client: &Client) {
    for n in 0..fleet.parts.len() {
        if kinds.contains(&fleet.parts[n].name) {
            variables.iter().for_each(|(name, value)| fleet.parts[n].set(name, value));
            fleet.restart(n, client).await;
            tokio::time::sleep(STEADY).await;
        }
    }
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
    let _turn = TURN.lock().await;
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

    let watcher = Watcher::start(&fleet, &client);
    let make = charges(&client, || "demo-key".to_owned());
    let load = Load::at(CHARGES_PER_SECOND, &fleet, &client, make);
    tokio::time::sleep(STEADY).await;
    set(&mut fleet, &ALL, &[], &client).await;
    let wanted = load.wanted();
    let charged = each_was_charged_once(&own, &fleet, &client, load).await;
    assert!(charged >= wanted, "{charged} instead of {wanted}");
    let connections = watcher.end(charged).await.connections;
    assert!(connections > 2, "{connections}: control planes and Envoys have ended streams");
}
