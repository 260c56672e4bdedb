//! What happens to a Stripe payment without a request of the gateway.

use crate::support::{Reply, World, json};

async fn authorize(world: &World) -> Reply {
    world.stripe_pay("pm_card_visa", 5000, "&capture_method=manual&metadata[transactionId]=txn_1").await
}

#[tokio::test]
async fn an_authorization_that_expires_is_canceled_by_stripe_and_cannot_be_captured() {
    let world = World::new().await;
    let held = authorize(&world).await;
    let told =
        world.happens(json!({"provider":"stripe","type":"charge.expired","transactionId":"txn_1"})).await;
    let kinds: Vec<_> = told.body["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["charge.expired", "payment_intent.canceled"]);
    let path = format!("payment_intents/{}", held.id());
    let seen = world.stripe_get(&path).await;
    assert_eq!(
        (&seen.body["status"], &seen.body["cancellation_reason"]),
        (&json!("canceled"), &json!("automatic"))
    );
    for call in ["capture", "cancel"] {
        let refused = world.stripe_post(&format!("{path}/{call}"), "").await;
        assert_eq!(refused.error(), (400, "payment_intent_unexpected_state", ""), "{call}");
    }
    assert_eq!(world.effects().await, ["authorize 5000 USD", "expire 5000 USD"]);
}

#[tokio::test]
async fn a_capture_can_find_out_that_the_authorization_has_expired_before_stripe_shows_it() {
    let world = World::new().await;
    let by_script = authorize(&world).await;
    world.happens(json!({"provider":"stripe","type":"authorization.expired","id":by_script.id()})).await;
    let by_time = authorize(&world).await;
    let charge = format!("charges/{}", by_time.body["latest_charge"].as_str().unwrap());
    let shown = &world.stripe_get(&charge).await.body["payment_method_details"]["card"]["capture_before"];
    assert_eq!(shown.as_i64().unwrap() - by_time.body["created"].as_i64().unwrap(), 7 * 24 * 3600);
    let path = |held: &Reply| format!("payment_intents/{}", held.id());
    let refused = world.stripe_post(&format!("{}/capture", path(&by_script)), "").await;
    assert_eq!(refused.error(), (400, "charge_expired_for_capture", ""));
    assert_eq!(world.stripe_get(&path(&by_script)).await.body["status"], "requires_capture");
    world.hours_pass(7 * 24);
    let refused = world.stripe_post(&format!("{}/capture", path(&by_time)), "").await;
    assert_eq!(refused.error(), (400, "charge_expired_for_capture", ""));
    // Stripe lets it be canceled.
    assert_eq!(world.stripe_post(&format!("{}/cancel", path(&by_time)), "").await.status, 200);
}

#[tokio::test]
async fn people_cancel_capture_and_refund_in_the_dashboard() {
    let world = World::new().await;
    let canceled = authorize(&world).await;
    world.happens(json!({"provider":"stripe","type":"payment_intent.canceled","id":canceled.id()})).await;
    let path = |payment: &Reply| format!("payment_intents/{}", payment.id());
    assert_eq!(world.stripe_get(&path(&canceled)).await.body["status"], "canceled");

    let captured = authorize(&world).await;
    let script =
        json!({"provider":"stripe","type":"payment_intent.succeeded","id":captured.id(),"amount":3000});
    world.happens(script).await;
    let seen = world.stripe_get(&path(&captured)).await;
    assert_eq!((&seen.body["status"], &seen.body["amount_received"]), (&json!("succeeded"), &json!(3000)));

    let script = json!({"provider":"stripe","type":"charge.refunded","id":captured.id(),"amount":1000});
    let refund = world.happens(script).await.body["object"].clone();
    assert_eq!((&refund["amount"], &refund["metadata"]), (&json!(1000), &json!({})));
    world.happens(json!({"provider":"stripe","type":"charge.refunded","transactionId":"txn_1"})).await;
    assert_eq!(
        world.effects().await,
        [
            "authorize 5000 USD",
            "cancel 5000 USD",
            "authorize 5000 USD",
            "capture 3000 USD",
            "refund 1000 USD",
            "refund 2000 USD"
        ]
    );
    assert_eq!(world.ledger().await[4]["idempotencyKey"], json!(null));
    let too_much = json!({"provider":"stripe","type":"charge.refunded","id":captured.id()});
    assert_eq!(world.control_post("happen", &too_much).await.body["error"]["field"], "id");
}

#[tokio::test]
async fn what_happens_can_keep_its_events_back() {
    let (world, receiver) = World::with_receiver().await;
    let held = authorize(&world).await;
    receiver.wait_for(3).await;
    let script = json!({"provider":"stripe","type":"charge.expired","id":held.id(),"withhold":true});
    world.happens(script).await;
    let withheld = world.webhooks("status=withheld").await;
    assert_eq!(withheld["events"].as_array().unwrap().len(), 2);
    // Only those.
    authorize(&world).await;
    assert_eq!(world.deliveries_done().await["stripe"]["withheld"], 2);
    world.control_post("webhooks/release", &json!({})).await;
    assert_eq!(world.deliveries_done().await["stripe"]["withheld"], 0);
}
