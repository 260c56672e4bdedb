//! Stripe keeps a 500 under the idempotency key as it keeps every answer, and repeats it for 24 hours.

use crate::support::{Reply, World, json};

const CHARGE: &str =
    "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";

/// A request of each operation, on a payment of its own: its name, path and form.
async fn requests(world: &World) -> Vec<(&'static str, String, String)> {
    let held = || async {
        let held = world.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
        format!("payment_intents/{}", held.id())
    };
    let paid = world.stripe_pay("pm_card_visa", 4999, "").await;
    vec![
        ("charge", "payment_intents".to_owned(), CHARGE.to_owned()),
        ("authorize", "payment_intents".to_owned(), format!("{CHARGE}&capture_method=manual")),
        ("capture", format!("{}/capture", held().await), String::new()),
        ("cancel", format!("{}/cancel", held().await), String::new()),
        ("refund", "refunds".to_owned(), format!("payment_intent={}", paid.id())),
    ]
}

fn is_replay_of(first: &Reply, again: &Reply) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
}

#[tokio::test]
async fn a_failure_before_the_effect_is_repeated_for_24_hours_for_every_operation() {
    let world = World::new().await;
    for (operation, path, form) in requests(&world).await {
        let before = world.effects().await.len();
        let rule = json!({
            "provider": "stripe", "operation": operation, "fault": "error_before", "frozen": true, "times": 1,
        });
        world.fault(rule).await;
        let first = world.stripe_post_with_key(operation, &path, &form).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (500, ""), "{operation}");
        world.hours_pass(23);
        is_replay_of(&first, &world.stripe_post_with_key(operation, &path, &form).await);
        assert_eq!(world.effects().await.len(), before, "{operation}");
        world.hours_pass(1);
        assert_eq!(world.stripe_post_with_key(operation, &path, &form).await.status, 200, "{operation}");
        assert_eq!(world.effects().await.len(), before + 1, "{operation}");
    }
}

#[tokio::test]
async fn what_happens_later_does_not_change_a_saved_failure() {
    let world = World::new().await;
    let held = world.stripe_pay("pm_card_visa", 4999, "&capture_method=manual").await;
    let capture = format!("payment_intents/{}/capture", held.id());
    world
        .fault(
            json!({"provider":"stripe","operation":"capture","fault":"error_before","frozen":true,"times":1}),
        )
        .await;
    let first = world.stripe_post_with_key("dead", &capture, "").await;
    let made = world.stripe_post_with_key("other", &capture, "").await;
    assert_eq!(made.status, 200);
    is_replay_of(&first, &world.stripe_post_with_key("dead", &capture, "").await);
    is_replay_of(&made, &world.stripe_post_with_key("other", &capture, "").await);
    assert_eq!(world.effects().await, ["authorize 4999 USD", "capture 4999 USD"]);
}
