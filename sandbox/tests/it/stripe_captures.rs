//! Authorizing with Stripe, and the states that follow.

use crate::support::{HttpResponse, TestSandbox};

async fn authorize(sandbox: &TestSandbox, amount: i64) -> HttpResponse {
    let held = sandbox
        .stripe_pay("pm_card_visa", amount, "&capture_method=manual&metadata[transactionId]=txn_1")
        .await;
    assert_eq!(held.body["status"], "requires_capture");
    assert_eq!(held.body["amount_capturable"], amount);
    held
}

#[tokio::test]
async fn a_partial_capture_takes_its_part_and_releases_the_rest() {
    let sandbox = TestSandbox::new().await;
    let held = authorize(&sandbox, 5000).await;
    let capture = format!("payment_intents/{}/capture", held.id());
    let captured = sandbox.stripe_post(&capture, "amount_to_capture=3000&final_capture=true").await;
    assert_eq!(captured.body["status"], "succeeded");
    assert_eq!(captured.body["amount_received"], 3000);
    assert_eq!(captured.body["amount_capturable"], 0);
    assert_eq!(sandbox.stripe_post(&capture, "").await.error(), (400, "payment_intent_unexpected_state", ""));
    assert_eq!(sandbox.effects().await, ["authorize 5000 USD", "capture 3000 USD"]);
    assert_eq!(sandbox.ledger().await[1]["transactionId"], "txn_1");
}

#[tokio::test]
async fn more_than_was_authorized_cannot_be_captured() {
    let sandbox = TestSandbox::new().await;
    let held = authorize(&sandbox, 5000).await;
    let capture = format!("payment_intents/{}/capture", held.id());
    let refused = sandbox.stripe_post(&capture, "amount_to_capture=5001").await;
    assert_eq!(refused.error(), (400, "amount_too_large", "amount_to_capture"));
    let refused = sandbox.stripe_post(&capture, "amount_to_capture=0").await;
    assert_eq!(refused.error(), (400, "parameter_invalid_integer", "amount_to_capture"));
    assert_eq!(sandbox.effects().await, ["authorize 5000 USD"]);
}

#[tokio::test]
async fn a_cancellation_releases_what_was_held_and_ends_the_payment() {
    let sandbox = TestSandbox::new().await;
    let held = authorize(&sandbox, 5000).await;
    let cancel = format!("payment_intents/{}/cancel", held.id());
    assert_eq!(sandbox.stripe_post(&cancel, "").await.body["status"], "canceled");
    assert_eq!(sandbox.stripe_post(&cancel, "").await.error(), (400, "payment_intent_unexpected_state", ""));
    let capture = format!("payment_intents/{}/capture", held.id());
    assert_eq!(sandbox.stripe_post(&capture, "").await.error(), (400, "payment_intent_unexpected_state", ""));
    assert_eq!(sandbox.effects().await, ["authorize 5000 USD", "cancel 5000 USD"]);
}

#[tokio::test]
async fn what_was_charged_cannot_be_canceled() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_card_visa", 5000, "").await;
    let refused = sandbox.stripe_post(&format!("payment_intents/{}/cancel", paid.id()), "").await;
    assert_eq!(refused.error(), (400, "payment_intent_unexpected_state", ""));
    assert_eq!(sandbox.effects().await, ["charge 5000 USD"]);
}
