//! The database's primary vanishes without a word, and its standby takes over at the same address. Service and worker
//! are processes of their own.

use std::time::{Duration, Instant};

use gateway_tests::{Gateway, OwnGateway, until_within};
use payments_stores as stores;
use serde_json::json;
use test_services::proxy::{Mode, Proxy};
use test_services::{PostgresServer, RabbitServer};
use tokio::time::sleep;

use super::charge;

/// By then everything works again. 10 s on an idle machine: a request that meets a silent connection takes 7 s of them,
/// and this asks for one thing after another while other tests run.
const HEALED: Duration = Duration::from_secs(20);

/// Until the standby is there in the primary's place.
const AWAY: Duration = Duration::from_secs(3);

/// Writes, reads, lists, webhooks and due work. `paid` and `pending` are payments from before.
async fn everything_works(gateway: &Gateway<'_>, paid: &str, pending: &str) {
    let begun = Instant::now();
    let left = || HEALED.saturating_sub(begun.elapsed());
    let dispute = json!({ "provider": "stripe", "type": "charge.dispute.created", "transactionId": paid });
    gateway.sandbox.happens(&dispute).await;
    let made = until_within(left(), "a charge", async || {
        let response = gateway.charge(&charge(2)).await;
        (response.status == 200).then(|| response.transaction_id())
    })
    .await;
    until_within(left(), "a read", async || {
        let response = gateway.get(&format!("/payments/{made}")).await;
        // The answer that there is none would be untrue.
        assert_ne!(response.status, 404, "{}", response.text());
        (response.status == 200).then_some(())
    })
    .await;
    until_within(left(), "a list", async || {
        let response = gateway.get("/payments?limit=100").await;
        (response.status == 200 && response.text().contains(&made)).then_some(())
    })
    .await;
    until_within(left(), "what the webhook says", async || {
        let response = gateway.get(&format!("/payments/{paid}")).await;
        let is_there = || response.json()["disputes"].as_array().is_some_and(|all| all.len() == 1);
        (response.status == 200 && is_there()).then_some(())
    })
    .await;
    until_within(left(), "the end of what was pending", async || {
        let response = gateway.get(&format!("/payments/{pending}")).await;
        (response.status == 200 && response.json()["status"] == "completed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn service_and_worker_leave_a_primary_that_vanished_for_the_new_one() {
    let (Some(old), Some(rabbit)) = (PostgresServer::own().await, RabbitServer::any().await) else { return };
    let database = old.database().await;
    stores::migrate(database.uri()).await.unwrap();
    let new = old.standby().await;
    let way = Proxy::to_port(old.port()).await;
    let uri = database.uri().replace(&format!("127.0.0.1:{}", old.port()), &way.address().to_string());
    let prefix = format!("primary-lost-{}", std::process::id());
    let settings = [
        ("DB_URI", uri.as_str()),
        ("AMQP_URI", rabbit.uri()),
        ("AMQP_QUEUE_PREFIX", &prefix),
        ("RETRY_CAP_SECONDS", "1"),
    ];
    let own = OwnGateway::start(&settings).await;
    assert!(own.stack.run_dir().log("worker").exists(), "the worker is a process of its own");
    let gateway = own.gateway();
    let paid = gateway.charge(&charge(0)).await.transaction_id();
    // One after another is delivered, so none must be under way when the primary vanishes.
    gateway.sandbox.deliveries("stripe", 1).await;
    gateway.sandbox.break_down("stripe", "charge", "error_before").await;
    let response = gateway.charge(&charge(4)).await;
    response.succeeds(202, &json!({ "status": "pending" }));
    let pending = response.transaction_id();

    way.set(Mode::BlackHole);
    gateway.sandbox.heal().await;
    new.promote().await;
    sleep(AWAY).await;
    way.lead_to_port(new.port());
    way.set(Mode::Silence);
    everything_works(&gateway, &paid, &pending).await;
    assert_eq!(gateway.effects(&pending).await, ["stripe charge 1004 USD"]);
}
