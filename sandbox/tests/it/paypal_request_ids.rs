//! `PayPal-Request-Id`: a retry gets the current state, not the first response.

use crate::support::{TestSandbox, agreement, json, order, wallet};

#[tokio::test]
async fn a_repeated_create_answers_200_with_the_orders_current_state() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    let first = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    let refund = format!("payments/captures/{}/refund", first.capture()["id"].as_str().unwrap());
    sandbox.paypal_post(&refund, &json!({})).await;
    let again = sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.id(), again.id());
    assert_eq!(again.capture()["status"], "REFUNDED");
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "refund 4999 USD"]);
}

#[tokio::test]
async fn a_repeated_capture_and_refund_happen_once() {
    let sandbox = TestSandbox::new().await;
    let created = sandbox.paypal_order("CAPTURE", agreement("B-1")).await;
    let capture = format!("checkout/orders/{}/capture", created.id());
    let first = sandbox.paypal_post_with_id("c", &capture, &json!({})).await;
    let again = sandbox.paypal_post_with_id("c", &capture, &json!({})).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.body, again.body);
    let refund = format!("payments/captures/{}/refund", first.capture()["id"].as_str().unwrap());
    let part = json!({ "amount": { "currency_code": "USD", "value": "1.00" } });
    // The same id on another kind of call is separate.
    let first = sandbox.paypal_post_with_id("c", &refund, &part).await;
    let again = sandbox.paypal_post_with_id("c", &refund, &part).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.id(), again.id());
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "refund 100 USD"]);
}

#[tokio::test]
async fn orders_are_remembered_for_six_hours() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    let create = async || sandbox.paypal_post_with_id("k", "checkout/orders", &body).await.status;
    assert_eq!(create().await, 201);
    sandbox.hours_pass(5);
    assert_eq!(create().await, 200);
    sandbox.hours_pass(1);
    assert_eq!(create().await, 201);
    assert_eq!(sandbox.effects().await.len(), 2);
}

/// A sandbox whose access token outlives all horizons.
async fn with_lasting_token() -> TestSandbox {
    TestSandbox::with(|config| provider_sandbox::Config { paypal_token_seconds: 10_000_000, ..config }).await
}

#[tokio::test]
async fn captures_and_authorizations_of_orders_are_remembered_for_six_hours() {
    let sandbox = with_lasting_token().await;
    for (intent, call, done) in [
        ("CAPTURE", "capture", "ORDER_ALREADY_CAPTURED"),
        ("AUTHORIZE", "authorize", "ORDER_ALREADY_AUTHORIZED"),
    ] {
        let created = sandbox.paypal_order(intent, agreement("B-1")).await;
        let path = format!("checkout/orders/{}/{call}", created.id());
        let repeat = async || sandbox.paypal_post_with_id("k", &path, &json!({})).await;
        assert_eq!(repeat().await.status, 201);
        sandbox.hours_pass(5);
        assert_eq!(repeat().await.status, 200);
        sandbox.hours_pass(1);
        assert_eq!(repeat().await.issue(), (422, done, ""));
    }
}

#[tokio::test]
async fn calls_on_authorizations_are_remembered_for_forty_five_days() {
    let sandbox = with_lasting_token().await;
    for (call, status, done) in
        [("capture", 201, "AUTHORIZATION_ALREADY_CAPTURED"), ("void", 200, "PREVIOUSLY_VOIDED")]
    {
        let held = sandbox.paypal_order("AUTHORIZE", wallet("vault-ok")).await;
        let id = held.authorization()["id"].as_str().unwrap().to_owned();
        let path = format!("payments/authorizations/{id}/{call}");
        let repeat = async || sandbox.paypal_post_with_id("k", &path, &json!({})).await;
        assert_eq!(repeat().await.status, status, "{call}");
        sandbox.hours_pass(44 * 24);
        assert_eq!(repeat().await.status, 200, "{call}");
        sandbox.hours_pass(24);
        assert_eq!(repeat().await.issue(), (422, done, ""), "{call}");
    }
    assert_eq!(sandbox.effects().await.len(), 4);
}

#[tokio::test]
async fn a_declined_request_is_not_remembered() {
    let sandbox = TestSandbox::new().await;
    let declined = order("CAPTURE", "USD", "49.99", wallet("vault-declined"));
    assert_eq!(sandbox.paypal_post_with_id("k", "checkout/orders", &declined).await.status, 422);
    let good = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    assert_eq!(sandbox.paypal_post_with_id("k", "checkout/orders", &good).await.status, 201);
}

#[tokio::test]
async fn a_payment_source_needs_a_request_id_of_the_right_length() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    let refused = sandbox.paypal_post("checkout/orders", &body).await;
    assert_eq!(refused.issue(), (400, "PAYPAL_REQUEST_ID_REQUIRED", "PayPal-Request-Id"));
    let refused = sandbox.paypal_post_with_id(&"k".repeat(109), "checkout/orders", &body).await;
    assert_eq!(refused.issue(), (400, "INVALID_STRING_LENGTH", "PayPal-Request-Id"));
    assert_eq!(sandbox.paypal_post_with_id(&"k".repeat(108), "checkout/orders", &body).await.status, 201);
}

#[tokio::test]
async fn a_repeat_while_the_first_is_in_progress_is_a_conflict() {
    let sandbox = TestSandbox::new().await;
    let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
    sandbox.paypal_token().await;
    sandbox
        .fault(json!({"provider":"paypal","operation":"charge","fault":"latency","delayMs":1500,"times":1}))
        .await;
    let second = async {
        loop {
            let faults = sandbox.visit(reqwest::Method::GET, "/_sandbox/faults").await;
            if faults.body["faults"][0]["fired"] == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
        sandbox.paypal_post_with_id("k", "checkout/orders", &body).await
    };
    let (first, second) = tokio::join!(sandbox.paypal_post_with_id("k", "checkout/orders", &body), second);
    assert_eq!(first.status, 201);
    assert_eq!(second.issue(), (409, "PREVIOUS_REQUEST_IN_PROGRESS", ""));
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}
