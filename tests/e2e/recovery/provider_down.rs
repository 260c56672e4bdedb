//! The providers are down for a while, under load.

use std::env;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use gateway_tests::{OwnGateway, Sandbox, until_within};
use provider_sandbox::Config;
use serde_json::Value;
use test_services::proxy::{Mode, Proxy};
use tokio::time::sleep;

use super::{all_payments, charge, each_happened_once};

/// Retries per second for each provider.
const BUDGET: u32 = 50;

/// The load: eight concurrent charges.
const EVERY: Duration = Duration::from_millis(100);

/// `PROVIDER_DOWN_SECONDS` sets for how long; ten by default.
fn outage() -> Duration {
    let seconds = env::var("PROVIDER_DOWN_SECONDS").ok().map_or(10, |text| text.parse().unwrap());
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn charges_are_accepted_while_the_providers_are_down_and_completed_later() {
    let providers = provider_sandbox::start(Config::default()).await.unwrap();
    let wire = Proxy::to(providers.url()["http://".len()..].parse().unwrap()).await;
    let url = format!("http://{}", wire.address());
    let cap = (outage() / 4).clamp(Duration::from_secs(3), Duration::from_secs(30));
    let own = OwnGateway::start(&[
        ("STRIPE_API_BASE", url.as_str()),
        ("PAYPAL_API_BASE", &url),
        ("RETRY_CAP_SECONDS", &cap.as_secs().to_string()),
        ("RETRY_BUDGET_PER_SECOND", &BUDGET.to_string()),
    ])
    .await;
    let gateway = own.gateway();
    let ended = Instant::now() + outage();

    wire.set(Mode::Refuse);
    let mut number = 0;
    let load = stream::iter(std::iter::from_fn(|| {
        number += 1;
        (Instant::now() < ended).then_some(number - 1)
    }));
    let responses = load.map(async |number| {
        sleep(EVERY).await;
        gateway.charge(&charge(number)).await
    });
    let responses: Vec<_> = responses.buffer_unordered(8).collect().await;
    for response in &responses {
        assert_eq!(response.status, 202, "{}", response.text());
        assert_eq!(response.json()["status"], "pending");
    }
    wire.set(Mode::Pass);

    // Each is due within the longest pause, and then only waits for the budget.
    let waiting = u32::try_from(responses.len()).unwrap();
    let patience = cap + Duration::from_secs(20) + Duration::from_secs(1) * waiting / BUDGET;
    let payments = until_within(patience, "the end of each charge", async || {
        let payments = all_payments(&gateway.http, &own.stack.gateway_url()).await;
        payments.iter().all(|payment| payment["status"] != "pending").then_some(payments)
    });
    let ledger = Sandbox::at(providers.url());
    each_happened_once(&payments.await, &ledger, responses.len()).await;
    schedule_is_visible(&gateway.events(&responses[0].transaction_id()).await);
}

/// Each failed attempt records how many there were and when the next one is due. While the circuit breaker is open
/// there are none.
fn schedule_is_visible(events: &[Value]) {
    let queued: Vec<_> = events.iter().filter(|event| event["to"] == "queued").collect();
    assert!(!queued.is_empty(), "{events:?}");
    for (n, event) in (1..).zip(&queued) {
        assert_eq!(event["tries"], n, "{event}");
        assert!(event["nextAt"].as_str() > event["at"].as_str(), "{event}");
        assert!(event["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{event}");
    }
    assert_eq!(events.last().unwrap()["to"], "completed", "{events:?}");
}
