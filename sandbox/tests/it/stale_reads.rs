//! Stale reads: they show the state of some seconds ago.

use jiff::SignedDuration;
use reqwest::Method;

use crate::support::{TestSandbox, json, wallet};

async fn reads_lag_by_five_seconds(sandbox: &TestSandbox, provider: &str) {
    let lag =
        json!({ "provider": provider, "operation": "retrieve", "fault": "stale_read", "staleMs": 5000 });
    sandbox.fault(lag).await;
}

fn seconds_pass(sandbox: &TestSandbox, seconds: i64) {
    sandbox.clock.advance(SignedDuration::from_secs(seconds));
}

#[tokio::test]
async fn a_stale_read_of_stripe_shows_the_state_before_the_last_change() {
    let sandbox = TestSandbox::new().await;
    reads_lag_by_five_seconds(&sandbox, "stripe").await;
    let held = sandbox.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
    let path = format!("payment_intents/{}", held.id());
    seconds_pass(&sandbox, 4);
    assert_eq!(sandbox.stripe_get(&path).await.error(), (404, "resource_missing", "intent"));
    assert_eq!(sandbox.stripe_get("payment_intents").await.body["data"], json!([]));
    seconds_pass(&sandbox, 1);
    assert_eq!(sandbox.stripe_get(&path).await.body["status"], "requires_capture");

    sandbox.stripe_post(&format!("{path}/capture"), "").await;
    seconds_pass(&sandbox, 4);
    let stale = sandbox.stripe_get(&format!("{path}?expand[]=latest_charge")).await;
    assert_eq!(
        (&stale.body["status"], &stale.body["latest_charge"]["captured"]),
        (&json!("requires_capture"), &json!(false))
    );
    assert_eq!(sandbox.stripe_get("payment_intents").await.body["data"][0]["status"], "requires_capture");
    seconds_pass(&sandbox, 1);
    assert_eq!(sandbox.stripe_get(&path).await.body["status"], "succeeded");

    sandbox.stripe_post("refunds", &format!("payment_intent={}", held.id())).await;
    let refunds = format!("refunds?payment_intent={}", held.id());
    assert_eq!(sandbox.stripe_get(&refunds).await.body["data"], json!([]));
    sandbox.visit(Method::DELETE, "/_sandbox/faults").await;
    assert_eq!(sandbox.stripe_get(&refunds).await.body["data"][0]["amount"], 4999);
}

#[tokio::test]
async fn a_stale_read_of_paypal_shows_the_state_before_the_last_change() {
    let sandbox = TestSandbox::new().await;
    reads_lag_by_five_seconds(&sandbox, "paypal").await;
    let order = sandbox.paypal_order("AUTHORIZE", wallet("vault-ok")).await;
    let order_path = format!("checkout/orders/{}", order.id());
    assert_eq!(sandbox.paypal_get(&order_path).await.issue(), (404, "INVALID_RESOURCE_ID", ""));
    seconds_pass(&sandbox, 5);
    assert_eq!(sandbox.paypal_get(&order_path).await.body["status"], "COMPLETED");

    let path = format!("payments/authorizations/{}", order.authorization()["id"].as_str().unwrap());
    let capture = sandbox.paypal_post(&format!("{path}/capture"), &json!({})).await;
    let capture_path = format!("payments/captures/{}", capture.id());
    assert_eq!(sandbox.paypal_get(&path).await.body["status"], "CREATED");
    assert_eq!(sandbox.paypal_get(&order_path).await.capture(), &json!(null));
    assert_eq!(sandbox.paypal_get(&capture_path).await.status, 404);
    seconds_pass(&sandbox, 5);
    assert_eq!(sandbox.paypal_get(&path).await.body["status"], "CAPTURED");
    assert_eq!(sandbox.paypal_get(&order_path).await.capture()["status"], "COMPLETED");
    assert_eq!(sandbox.paypal_get(&capture_path).await.status, 200);
}

#[tokio::test]
async fn calls_that_change_something_see_the_present() {
    let sandbox = TestSandbox::new().await;
    reads_lag_by_five_seconds(&sandbox, "*").await;
    let held = sandbox.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
    let capture = format!("payment_intents/{}/capture", held.id());
    assert_eq!(sandbox.stripe_post(&capture, "").await.status, 200);
    assert_eq!(sandbox.stripe_post(&capture, "").await.error().1, "payment_intent_unexpected_state");
}
