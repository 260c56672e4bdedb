//! Every third response of the providers is lost after the charge was executed.

use futures_util::{StreamExt as _, stream};
use gateway_tests::{Gateway, OwnGateway, fresh_key, until};
use serde_json::json;

use super::{all_payments, charge, each_happened_once};

const CHARGES: u64 = 60;

/// A client that retries under its key until it knows the outcome.
async fn charge_until_decided(gateway: &Gateway<'_>, number: u64) {
    let key = fresh_key();
    let response = until("a final answer", async || {
        let response = gateway.charge_under(&key, &charge(number)).await;
        assert!(matches!(response.status, 200 | 202 | 409), "{} {}", response.status, response.text());
        (response.status == 200).then_some(response)
    });
    response.await.succeeds(200, &json!({ "status": "completed" }));
}

#[tokio::test]
async fn when_every_third_answer_is_lost_each_client_completes_once() {
    // Webhooks are off.
    let settings = [("SANDBOX_STRIPE_WEBHOOK_URL", ""), ("SANDBOX_PAYPAL_WEBHOOK_URL", "")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let lost = json!({ "provider": "*", "operation": "charge", "fault": "drop_after", "every": 3 });
    gateway.sandbox.fault(&lost).await;
    let clients = stream::iter(0..CHARGES).map(|number| charge_until_decided(&gateway, number));
    clients.buffer_unordered(8).collect::<Vec<_>>().await;
    let payments = all_payments(&gateway.http, &own.stack.gateway_url()).await;
    each_happened_once(&payments, &gateway.sandbox, CHARGES as usize).await;
}

#[tokio::test]
async fn when_every_third_answer_is_lost_each_charge_completes_once_without_its_client() {
    let settings = [
        ("SANDBOX_STRIPE_WEBHOOK_URL", ""),
        ("SANDBOX_PAYPAL_WEBHOOK_URL", ""),
        ("RETRY_BASE_MS", "200"),
        ("RETRY_CAP_SECONDS", "1"),
        ("INLINE_REPEAT_WITHIN_MS", "0"),
    ];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let lost = json!({ "provider": "*", "operation": "charge", "fault": "drop_after", "every": 3 });
    gateway.sandbox.fault(&lost).await;
    let clients = stream::iter(0..CHARGES).map(async |number| gateway.charge(&charge(number)).await.status);
    let statuses = clients.buffer_unordered(8).collect::<Vec<_>>().await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 202)), "{statuses:?}");
    assert!(statuses.contains(&202), "no answer was lost");
    let payments = until("the end of each charge", async || {
        let payments = all_payments(&gateway.http, &own.stack.gateway_url()).await;
        payments.iter().all(|payment| payment["status"] != "pending").then_some(payments)
    });
    each_happened_once(&payments.await, &gateway.sandbox, CHARGES as usize).await;
}
