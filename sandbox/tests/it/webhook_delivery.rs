//! The delivery of events, and faults in it.

use reqwest::Method;

use crate::support::{TestSandbox, Value, json, receiver::Receiver, wallet, webhooks::SECRET};

/// The events of a payment that waits for its customer.
const WAITING: [&str; 2] = ["payment_intent.created", "payment_intent.requires_action"];

#[tokio::test]
async fn events_are_delivered_in_order_and_counted() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    for _ in 0..10 {
        sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    }
    receiver.wait_for(20).await;
    assert_eq!(receiver.kinds(), WAITING.repeat(10));
    let summary = sandbox.deliveries_done().await;
    assert_eq!(
        summary["stripe"],
        json!({
            "events": 20,
            "types": { "payment_intent.created": 10, "payment_intent.requires_action": 10 },
            "waiting": 0, "withheld": 0, "accepted": 20, "failed": 0, "dropped": 0,
            "attempts": { "200": 20 },
        })
    );
}

#[tokio::test]
async fn concurrent_deliveries_arrive_once_each() {
    let receiver = Receiver::start().await;
    let delivery = provider_sandbox::DeliveryConfig {
        concurrency: std::num::NonZeroU32::MIN.saturating_add(7),
        ..Default::default()
    };
    let stripe =
        provider_sandbox::StripeTarget { url: Some(receiver.url.clone()), secrets: vec![SECRET.to_owned()] };
    let webhooks = provider_sandbox::WebhookConfig { stripe, delivery, ..Default::default() };
    let sandbox = TestSandbox::with(|config| provider_sandbox::Config { webhooks, ..config }).await;
    for _ in 0..20 {
        sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    }
    receiver.wait_for(40).await;
    assert_eq!(sandbox.deliveries_done().await["stripe"]["attempts"], json!({ "200": 40 }));
    let ids: std::collections::HashSet<String> =
        receiver.arrived().iter().map(|webhook| webhook.body["id"].to_string()).collect();
    assert_eq!(ids.len(), 40);
}

#[tokio::test]
async fn without_a_target_events_are_only_kept() {
    let sandbox = TestSandbox::new().await;
    sandbox.fault(json!({ "operation": "webhook", "fault": "withhold" })).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "&metadata[transactionId]=txn_1").await;
    let webhooks = sandbox.webhooks("transactionId=txn_1&status=recorded").await;
    assert_eq!(webhooks["events"].as_array().unwrap().len(), 2);
    assert_eq!(webhooks["targets"]["stripe"], json!({ "url": null, "secrets": 0 }));
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/faults").await.body["faults"][0]["matched"], 0);
    let id = webhooks["events"][0]["id"].as_str().unwrap();
    let again = sandbox.control_post(&format!("webhooks/{id}/redeliver"), &json!({})).await;
    assert_eq!((again.status, &again.body["error"]["field"]), (400, &json!("url")));
}

#[tokio::test]
async fn a_rejected_delivery_is_retried_with_the_same_body() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    receiver.answer_with(&[200, 503, 404, 302]);
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    let arrived = receiver.wait_for(5).await;
    assert_eq!(receiver.kinds()[1..], [WAITING[1]; 4]);
    assert!(arrived[1..].iter().all(|webhook| webhook.text == arrived[1].text));
    let summary = sandbox.deliveries_done().await;
    assert_eq!(summary["stripe"]["attempts"], json!({ "200": 2, "503": 1, "404": 1, "302": 1 }));
    let kept = sandbox.webhooks(&format!("type={}", WAITING[1])).await;
    let statuses: Vec<&Value> =
        kept["events"][0]["attempts"].as_array().unwrap().iter().map(|it| &it["status"]).collect();
    assert_eq!(statuses, [503, 404, 302, 200]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_given_up_after_the_tries() {
    let gone = Receiver::start().await;
    let url = Some(gone.url.clone());
    drop(gone);
    let delivery = provider_sandbox::DeliveryConfig {
        tries: std::num::NonZeroU32::MIN.saturating_add(2),
        first_wait: std::time::Duration::from_millis(1),
        ..Default::default()
    };
    let stripe = provider_sandbox::StripeTarget { url, secrets: vec![SECRET.to_owned()] };
    let webhooks = provider_sandbox::WebhookConfig { stripe, delivery, ..Default::default() };
    let sandbox = TestSandbox::with(|config| provider_sandbox::Config { webhooks, ..config }).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    let summary = sandbox.deliveries_done().await;
    assert_eq!(
        (&summary["stripe"]["failed"], &summary["stripe"]["attempts"]),
        (&json!(2), &json!({ "none": 6 }))
    );
    let failed = sandbox.webhooks("status=failed").await;
    assert!(failed["events"][0]["attempts"][0]["error"].as_str().unwrap().contains("refused"), "{failed}");
}

#[tokio::test]
async fn a_target_can_be_set_while_the_sandbox_runs_and_nothing_else_is_taken() {
    let (sandbox, receiver) = (TestSandbox::new().await, Receiver::start().await);
    let set = json!({ "stripe": { "url": receiver.url, "secrets": [SECRET] } });
    assert_eq!(sandbox.aim(&set).await.status, 200);
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    receiver.wait_for(2).await;
    for (change, field) in [
        (json!({ "stripe": { "url": "nowhere" } }), "stripe.url"),
        (json!({ "stripe": { "secrets": [] } }), "stripe.secrets"),
        (json!({ "stripe": { "secrets": [""] } }), "stripe.secrets"),
        (json!({ "stripe": { "urll": "x" } }), "stripe.urll"),
        (json!({ "stripe": { "url": null }, "paypal": { "url": receiver.url } }), "paypal.webhookId"),
        (json!({ "adyen": {} }), "adyen"),
    ] {
        let refused = sandbox.aim(&change).await;
        assert_eq!((refused.status, &refused.body["error"]["field"]), (400, &json!(field)), "{change}");
    }
    assert_eq!(sandbox.webhooks("").await["targets"]["stripe"]["url"], json!(receiver.url));
}

#[tokio::test]
async fn duplicates_arrive_as_often_as_asked() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.fault(json!({ "operation": "webhook", "fault": "duplicate", "every": 2, "count": 3 })).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    let arrived = receiver.wait_for(4).await;
    assert_eq!(receiver.kinds(), [WAITING[0], WAITING[1], WAITING[1], WAITING[1]]);
    assert!(arrived[1..].iter().all(|webhook| webhook.text == arrived[1].text));
    let duplicated = sandbox.webhooks(&format!("type={}", WAITING[1])).await;
    assert_eq!(duplicated["events"][0]["faults"], json!(["duplicate"]));
}

#[tokio::test]
async fn a_reordered_event_follows_the_one_after_it() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    let rule = json!({ "operation": "webhook", "fault": "reorder", "times": 1, "delayMs": 600_000 });
    sandbox.fault(rule).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    receiver.wait_for(2).await;
    assert_eq!(receiver.kinds(), [WAITING[1], WAITING[0]]);
}

#[tokio::test]
async fn a_delayed_event_is_overtaken_and_arrives() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.fault(json!({ "operation": "webhook", "fault": "delay", "times": 1, "delayMs": 300 })).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    receiver.wait_for(2).await;
    assert_eq!(receiver.kinds(), [WAITING[1], WAITING[0]]);
}

#[tokio::test]
async fn what_is_withheld_arrives_when_it_is_released() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.fault(json!({ "provider": "stripe", "operation": "webhook", "fault": "withhold" })).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    receiver.wait_for(2).await;
    let summary = sandbox.deliveries_done().await;
    assert_eq!((&summary["stripe"]["withheld"], &summary["stripe"]["attempts"]), (&json!(2), &json!({})));
    assert_eq!(sandbox.webhooks("status=withheld").await["events"].as_array().unwrap().len(), 2);
    let released = sandbox.control_post("webhooks/release?provider=stripe", &json!({})).await;
    assert_eq!(released.body, json!({ "released": 2 }));
    receiver.wait_for(4).await;
    assert_eq!(receiver.kinds()[2..], WAITING);
    assert_eq!(sandbox.deliveries_done().await["stripe"]["withheld"], 0);
}

#[tokio::test]
async fn a_forged_webhook_is_sent_once_and_can_follow_well_signed() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.fault(json!({ "operation": "webhook", "fault": "forge", "times": 1 })).await;
    receiver.answer_with(&[401]);
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    let forged = receiver.wait_for(2).await.remove(0);
    let summary = sandbox.deliveries_done().await;
    assert_eq!((&summary["stripe"]["accepted"], &summary["stripe"]["failed"]), (&json!(1), &json!(1)));
    let kept = sandbox.webhooks(&format!("type={}", WAITING[0])).await["events"][0].clone();
    assert_eq!((&kept["status"], &kept["attempts"][0]["forged"]), (&json!("failed"), &json!(true)));
    let path = format!("webhooks/{}/redeliver", kept["id"].as_str().unwrap());
    assert_eq!(sandbox.control_post(&path, &json!({})).await.status, 202);
    let genuine = receiver.wait_for(3).await.remove(2);
    assert_eq!(genuine.text, forged.text);
    // The clock does not move, so only the key makes the difference.
    assert_ne!(genuine.header("stripe-signature"), forged.header("stripe-signature"));
    sandbox.deliveries_done().await;
    let path = format!("/_sandbox/webhooks/{}", kept["id"].as_str().unwrap());
    assert_eq!(sandbox.visit(Method::GET, &path).await.body["status"], "delivered");
}

#[tokio::test]
async fn a_reset_forgets_events_and_deliveries_and_keeps_targets_and_certificates() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.fault(json!({ "operation": "webhook", "fault": "withhold" })).await;
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    let root = sandbox.visit(Method::GET, "/_sandbox/paypal-ca.pem").await.text;
    sandbox.visit(Method::DELETE, "/_sandbox").await;
    let webhooks = sandbox.webhooks("").await;
    assert_eq!(
        (&webhooks["events"], &webhooks["targets"]["stripe"]["url"]),
        (&json!([]), &json!(receiver.url))
    );
    assert_eq!(sandbox.control_post("webhooks/release", &json!({})).await.body, json!({ "released": 0 }));
    assert_eq!(sandbox.visit(Method::GET, "/_sandbox/paypal-ca.pem").await.text, root);
    sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
    receiver.wait_for(2).await;
    assert_eq!(receiver.kinds(), WAITING);
}
