//! Stripe stores a 500 under the idempotency key like any response, and replays it for 24 hours.

use crate::support::{HttpResponse, TestSandbox, json};

const CHARGE: &str =
    "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";

/// A request of each operation, for its own payment: its name, path and form.
async fn requests(sandbox: &TestSandbox) -> Vec<(&'static str, String, String)> {
    let held = || async {
        let held = sandbox.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
        format!("payment_intents/{}", held.id())
    };
    let paid = sandbox.stripe_pay("pm_card_visa", 4999, "").await;
    vec![
        ("charge", "payment_intents".to_owned(), CHARGE.to_owned()),
        ("authorize", "payment_intents".to_owned(), format!("{CHARGE}&capture_method=manual")),
        ("capture", format!("{}/capture", held().await), String::new()),
        ("cancel", format!("{}/cancel", held().await), String::new()),
        ("refund", "refunds".to_owned(), format!("payment_intent={}", paid.id())),
    ]
}

fn is_replay_of(first: &HttpResponse, again: &HttpResponse) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
}

#[tokio::test]
async fn a_failure_before_the_effect_is_repeated_for_24_hours_for_every_operation() {
    let sandbox = TestSandbox::new().await;
    for (operation, path, form) in requests(&sandbox).await {
        let before = sandbox.effects().await.len();
        let rule = json!({
            "provider": "stripe", "operation": operation, "fault": "error_before", "frozen": true, "times": 1,
        });
        sandbox.fault(rule).await;
        let first = sandbox.stripe_post_with_key(operation, &path, &form).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (500, ""), "{operation}");
        sandbox.hours_pass(23);
        is_replay_of(&first, &sandbox.stripe_post_with_key(operation, &path, &form).await);
        assert_eq!(sandbox.effects().await.len(), before, "{operation}");
        sandbox.hours_pass(1);
        assert_eq!(sandbox.stripe_post_with_key(operation, &path, &form).await.status, 200, "{operation}");
        assert_eq!(sandbox.effects().await.len(), before + 1, "{operation}");
    }
}

#[tokio::test]
async fn what_happens_later_does_not_change_a_saved_failure() {
    let sandbox = TestSandbox::new().await;
    let held = sandbox.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
    let capture = format!("payment_intents/{}/capture", held.id());
    sandbox
        .fault(
            json!({"provider":"stripe","operation":"capture","fault":"error_before","frozen":true,"times":1}),
        )
        .await;
    let first = sandbox.stripe_post_with_key("dead", &capture, "").await;
    let made = sandbox.stripe_post_with_key("other", &capture, "").await;
    assert_eq!(made.status, 200);
    is_replay_of(&first, &sandbox.stripe_post_with_key("dead", &capture, "").await);
    is_replay_of(&made, &sandbox.stripe_post_with_key("other", &capture, "").await);
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD", "capture 4999 USD"]);
}
