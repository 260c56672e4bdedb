//! Changes of a Stripe payment without a request from the gateway.

use crate::support::{HttpResponse, TestSandbox, json};

async fn authorize(sandbox: &TestSandbox) -> HttpResponse {
    sandbox.stripe_pay("pm_card_visa", 5000, "&capture_method=manual&metadata[transactionId]=txn_1").await
}

#[tokio::test]
async fn an_authorization_that_expires_is_canceled_by_stripe_and_cannot_be_captured() {
    let sandbox = TestSandbox::new().await;
    let held = authorize(&sandbox).await;
    let response =
        sandbox.happens(json!({"provider":"stripe","type":"charge.expired","transactionId":"txn_1"})).await;
    let kinds: Vec<_> =
        response.body["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["charge.expired", "payment_intent.canceled"]);
    let path = format!("payment_intents/{}", held.id());
    let seen = sandbox.stripe_get(&path).await;
    assert_eq!(
        (&seen.body["status"], &seen.body["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    for call in ["capture", "cancel"] {
        let refused = sandbox.stripe_post(&format!("{path}/{call}"), "").await;
        assert_eq!(refused.error(), (400, "payment_intent_unexpected_state", ""), "{call}");
    }
    assert_eq!(sandbox.effects().await, ["authorize 5000 USD", "expire 5000 USD"]);
}

#[tokio::test]
async fn a_capture_can_fail_on_an_expired_authorization_before_stripe_shows_it() {
    let sandbox = TestSandbox::new().await;
    let by_script = authorize(&sandbox).await;
    sandbox.happens(json!({"provider":"stripe","type":"authorization.expired","id":by_script.id()})).await;
    let by_time = authorize(&sandbox).await;
    let charge = format!("charges/{}", by_time.body["latest_charge"].as_str().unwrap());
    let shown = &sandbox.stripe_get(&charge).await.body["payment_method_details"]["card"]["capture_before"];
    assert_eq!(shown.as_i64().unwrap() - by_time.body["created"].as_i64().unwrap(), 7 * 24 * 3600);
    let path = |held: &HttpResponse| format!("payment_intents/{}", held.id());
    let refused = sandbox.stripe_post(&format!("{}/capture", path(&by_script)), "").await;
    assert_eq!(refused.error(), (400, "charge_expired_for_capture", ""));
    assert_eq!(sandbox.stripe_get(&path(&by_script)).await.body["status"], "requires_capture");
    sandbox.hours_pass(7 * 24);
    let refused = sandbox.stripe_post(&format!("{}/capture", path(&by_time)), "").await;
    assert_eq!(refused.error(), (400, "charge_expired_for_capture", ""));
    // Stripe lets it be canceled.
    assert_eq!(sandbox.stripe_post(&format!("{}/cancel", path(&by_time)), "").await.status, 200);
}

#[tokio::test]
async fn the_dashboard_can_cancel_capture_and_refund() {
    let sandbox = TestSandbox::new().await;
    let canceled = authorize(&sandbox).await;
    sandbox.happens(json!({"provider":"stripe","type":"payment_intent.canceled","id":canceled.id()})).await;
    let path = |payment: &HttpResponse| format!("payment_intents/{}", payment.id());
    assert_eq!(sandbox.stripe_get(&path(&canceled)).await.body["status"], "canceled");

    let captured = authorize(&sandbox).await;
    let script =
        json!({"provider":"stripe","type":"payment_intent.succeeded","id":captured.id(),"amount":3000});
    sandbox.happens(script).await;
    let seen = sandbox.stripe_get(&path(&captured)).await;
    assert_eq!((&seen.body["status"], &seen.body["amount_received"]), (&json!("succeeded"), &json!(3000)));

    let script = json!({"provider":"stripe","type":"charge.refunded","id":captured.id(),"amount":1000});
    let refund = sandbox.happens(script).await.body["object"].clone();
    assert_eq!((&refund["amount"], &refund["metadata"]), (&json!(1000), &json!({})));
    sandbox.happens(json!({"provider":"stripe","type":"charge.refunded","transactionId":"txn_1"})).await;
    assert_eq!(
        sandbox.effects().await,
        [
            "authorize 5000 USD",
            "cancel 5000 USD",
            "authorize 5000 USD",
            "capture 3000 USD",
            "refund 1000 USD",
            "refund 2000 USD"
        ]
    );
    assert_eq!(sandbox.ledger().await[4]["idempotencyKey"], json!(null));
    let too_much = json!({"provider":"stripe","type":"charge.refunded","id":captured.id()});
    assert_eq!(sandbox.control_post("happen", &too_much).await.body["error"]["field"], "id");
}

#[tokio::test]
async fn a_script_can_withhold_its_events() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    let held = authorize(&sandbox).await;
    receiver.wait_for(3).await;
    let script = json!({"provider":"stripe","type":"charge.expired","id":held.id(),"withhold":true});
    sandbox.happens(script).await;
    let withheld = sandbox.webhooks("status=withheld").await;
    assert_eq!(withheld["events"].as_array().unwrap().len(), 2);
    // Only those.
    authorize(&sandbox).await;
    assert_eq!(sandbox.deliveries_done().await["stripe"]["withheld"], 2);
    sandbox.control_post("webhooks/release", &json!({})).await;
    assert_eq!(sandbox.deliveries_done().await["stripe"]["withheld"], 0);
}
