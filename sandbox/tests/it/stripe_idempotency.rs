//! Stripe's idempotency keys.

use crate::support::{TestSandbox, json};

const PAY: &str =
    "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";
const DECLINE: &str = "amount=4999&currency=usd&payment_method=pm_card_visa_chargeDeclined&confirm=true\
     &payment_method_types[]=card";

#[tokio::test]
async fn the_first_answer_is_replayed_byte_for_byte() {
    let sandbox = TestSandbox::new().await;
    for (key, form, status) in [("k1", PAY, 200), ("k2", DECLINE, 402)] {
        let first = sandbox.stripe_post_with_key(key, "payment_intents", form).await;
        let again = sandbox.stripe_post_with_key(key, "payment_intents", form).await;
        assert_eq!((first.status, again.status), (status, status));
        assert_eq!(first.text, again.text);
        assert_eq!(first.header("idempotent-replayed"), "");
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("original-request"), first.header("request-id"));
        assert_ne!(again.header("request-id"), first.header("request-id"));
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn a_key_used_for_another_request_is_an_error_and_has_no_effect() {
    let sandbox = TestSandbox::new().await;
    sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    for (path, form) in
        [("payment_intents", PAY.replace("4999", "5000")), ("refunds", "charge=ch_1".to_owned())]
    {
        let reply = sandbox.stripe_post_with_key("k", path, &form).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.body["error"]["type"], "idempotency_error");
    }
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn what_fails_validation_is_not_kept() {
    let sandbox = TestSandbox::new().await;
    let refused = sandbox.stripe_post_with_key("k", "payment_intents", &PAY.replace("4999", "4.99")).await;
    assert_eq!(refused.status, 400);
    assert_eq!(sandbox.stripe_post_with_key("k", "payment_intents", PAY).await.status, 200);
}

#[tokio::test]
async fn a_key_is_new_again_after_twenty_four_hours() {
    let sandbox = TestSandbox::new().await;
    sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    sandbox.hours_pass(23);
    sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    assert_eq!(sandbox.effects().await.len(), 1);
    sandbox.hours_pass(1);
    sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    assert_eq!(sandbox.effects().await.len(), 2);
}

#[tokio::test]
async fn a_repeat_while_the_first_is_in_progress_is_a_conflict() {
    let sandbox = TestSandbox::new().await;
    sandbox
        .fault(json!({"provider":"stripe","operation":"charge","fault":"latency","delayMs":1500,"times":1}))
        .await;
    let first = sandbox.stripe_post_with_key("k", "payment_intents", PAY);
    let second = async {
        // The first has been received once its fault has fired.
        loop {
            let faults = sandbox.visit(reqwest::Method::GET, "/_sandbox/faults").await;
            if faults.body["faults"][0]["fired"] == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
        sandbox.stripe_post_with_key("k", "payment_intents", PAY).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.status, 200);
    assert_eq!(second.error(), (409, "idempotency_key_in_use", ""));
    assert_eq!(sandbox.stripe_post_with_key("k", "payment_intents", PAY).await.text, first.text);
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn keys_have_a_length() {
    let sandbox = TestSandbox::new().await;
    assert_eq!(sandbox.stripe_post_with_key(&"k".repeat(255), "payment_intents", PAY).await.status, 200);
    assert_eq!(sandbox.stripe_post_with_key(&"k".repeat(256), "payment_intents", PAY).await.status, 400);
    assert_eq!(sandbox.stripe_post_with_key("", "payment_intents", PAY).await.status, 400);
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn keys_belong_to_posts_only() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    let get = sandbox.stripe_request(reqwest::Method::GET, &format!("payment_intents/{}", paid.id()));
    assert_eq!(sandbox.stripe_send(get.header("Idempotency-Key", "k")).await.status, 200);
}

#[tokio::test]
async fn two_identical_requests_without_a_key_are_two_charges() {
    let sandbox = TestSandbox::new().await;
    sandbox.stripe_post("payment_intents", PAY).await;
    sandbox.stripe_post("payment_intents", PAY).await;
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn a_used_key_is_reported_before_the_parameters_are_checked() {
    let sandbox = TestSandbox::new().await;
    sandbox.stripe_post_with_key("k", "payment_intents", PAY).await;
    for form in ["", "amount=4.99&currency=usd", "color=red"] {
        let reply = sandbox.stripe_post_with_key("k", "payment_intents", form).await;
        assert_eq!(
            (reply.status, reply.body["error"]["type"].as_str()),
            (400, Some("idempotency_error")),
            "{form}"
        );
    }
    // A day later the key is free, and the parameters are rejected.
    sandbox.hours_pass(24);
    let reply = sandbox.stripe_post_with_key("k", "payment_intents", "color=red").await;
    assert_eq!(reply.body["error"]["type"], "invalid_request_error");
}
