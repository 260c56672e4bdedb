//! The events of each change, and their content.

use reqwest::Method;

use crate::support::{TestSandbox, card, json, order, wallet};

#[tokio::test]
async fn a_stripe_charge_and_its_refund_have_events_in_order() {
    let sandbox = TestSandbox::new().await;
    let form = "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card\
                &metadata[transactionId]=txn_1";
    let paid = sandbox.stripe_post_with_key("key-1", "payment_intents", form).await;
    let refund = sandbox.stripe_post("refunds", &format!("payment_intent={}&amount=1000", paid.id())).await;
    let expected = [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ];
    assert_eq!(sandbox.event_kinds().await, expected);

    let list = sandbox.stripe_get("events").await;
    let events = list.body["data"].as_array().unwrap();
    assert_eq!(events.len(), 5);
    let (refunded, created, succeeded, made) = (&events[0], &events[1], &events[2], &events[4]);
    assert_eq!(events[3]["data"]["object"]["id"], paid.body["latest_charge"]);
    assert_eq!(refunded["data"]["object"]["amount_refunded"], 1000);
    assert_eq!(created["data"]["object"]["id"], refund.id());
    // An event is a snapshot, and does not follow later changes.
    assert_eq!(made["data"]["object"]["status"], "requires_confirmation");
    let object = &succeeded["data"]["object"];
    assert_eq!(
        (&object["status"], &object["metadata"]["transactionId"]),
        (&json!("succeeded"), &json!("txn_1"))
    );
    assert_eq!(succeeded["request"], json!({ "id": paid.header("request-id"), "idempotency_key": "key-1" }));
    assert_eq!((&succeeded["livemode"], &succeeded["pending_webhooks"]), (&json!(false), &json!(0)));
    assert!(succeeded["id"].as_str().unwrap().starts_with("evt_"));
    let one = sandbox.stripe_get(&format!("events/{}", succeeded["id"].as_str().unwrap())).await;
    assert_eq!(&one.body, succeeded);
}

#[tokio::test]
async fn every_transition_of_a_payment_intent_has_its_event() {
    let sandbox = TestSandbox::new().await;
    let last = async || sandbox.event_kinds().await.pop().unwrap();
    sandbox.stripe_pay("pm_card_visa_chargeDeclined", 500, "").await;
    assert_eq!(last().await, "payment_intent.payment_failed");
    let held = sandbox.stripe_pay("pm_card_visa", 500, "&capture_method=manual").await;
    assert_eq!(last().await, "payment_intent.amount_capturable_updated");
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "").await;
    assert_eq!(last().await, "payment_intent.succeeded");
    let held = sandbox.stripe_pay("pm_card_visa", 500, "&capture_method=manual").await;
    sandbox.stripe_post(&format!("payment_intents/{}/cancel", held.id()), "").await;
    assert_eq!(last().await, "payment_intent.canceled");
    for (outcome, event) in
        [("succeed", "payment_intent.succeeded"), ("fail", "payment_intent.payment_failed")]
    {
        let waiting = sandbox.stripe_pay("pm_card_threeDSecure2Required", 500, "").await;
        assert_eq!(last().await, "payment_intent.requires_action");
        let page = format!("/_sandbox/stripe/authenticate/{}?outcome={outcome}", waiting.id());
        sandbox.visit(Method::GET, &page).await;
        assert_eq!(last().await, event);
        // No request caused it.
        let newest = &sandbox.stripe_get("events?limit=1").await.body["data"][0];
        assert_eq!(newest["request"], json!({ "id": null, "idempotency_key": null }));
    }
}

#[tokio::test]
async fn a_repeat_with_the_same_key_makes_no_event() {
    let sandbox = TestSandbox::new().await;
    let form =
        "amount=4999&currency=usd&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card";
    for _ in 0..2 {
        assert_eq!(sandbox.stripe_post_with_key("k", "payment_intents", form).await.status, 200);
        let body = order("CAPTURE", "USD", "49.99", wallet("vault-ok"));
        sandbox.paypal_post_with_id("k", "checkout/orders", &body).await;
    }
    assert_eq!(sandbox.event_kinds().await.len(), 5);
}

#[tokio::test]
async fn stripes_events_are_listed_by_type_and_time() {
    let sandbox = TestSandbox::new().await;
    let start = 1_767_225_600; // 2026-01-01T00:00:00Z
    for _ in 0..3 {
        sandbox.stripe_pay("pm_card_visa", 500, "").await;
        sandbox.hours_pass(1);
    }
    let count = async |query: &str| {
        let list = sandbox.stripe_get(&format!("events?{query}")).await;
        (list.body["data"].as_array().unwrap().len(), list.body["has_more"] == true)
    };
    assert_eq!(count("type=payment_intent.succeeded").await, (3, false));
    assert_eq!(count("type=payment_intent.*").await, (6, false));
    assert_eq!(count("types[]=payment_intent.created&types[]=refund.created").await, (3, false));
    assert_eq!(count("type=refund.*").await, (0, false));
    assert_eq!(count("type=charge.*").await, (3, false));
    assert_eq!(count(&format!("created[gte]={}&limit=3", start + 3600)).await, (3, true));
    let newest = sandbox.stripe_get("events?limit=1").await.body["data"][0]["id"].clone();
    let rest = format!("limit=10&starting_after={}", newest.as_str().unwrap());
    assert_eq!(count(&rest).await, (8, false));
    assert_eq!(sandbox.stripe_get("events/evt_none").await.error(), (404, "resource_missing", "id"));
}

#[tokio::test]
async fn paypals_flows_have_their_events() {
    let sandbox = TestSandbox::new().await;
    let mut seen = 0;
    let mut new = async || {
        let all = sandbox.event_kinds().await;
        let new = all[seen..].to_vec();
        seen = all.len();
        new
    };
    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    assert_eq!(new().await, ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]);
    let capture = paid.capture()["id"].as_str().unwrap().to_owned();
    sandbox.paypal_post(&format!("payments/captures/{capture}/refund"), &json!({})).await;
    assert_eq!(new().await, ["PAYMENT.CAPTURE.REFUNDED"]);
    sandbox.paypal_order("CAPTURE", card("vault-declined")).await;
    assert_eq!(new().await, ["PAYMENT.CAPTURE.DECLINED", "CHECKOUT.ORDER.COMPLETED"]);
    sandbox.paypal_order("CAPTURE", wallet("vault-declined")).await;
    assert_eq!(new().await, [""; 0]);

    let held = sandbox.paypal_order("AUTHORIZE", wallet("vault-ok")).await;
    assert_eq!(new().await, ["PAYMENT.AUTHORIZATION.CREATED", "CHECKOUT.ORDER.COMPLETED"]);
    let authorization = held.authorization()["id"].as_str().unwrap().to_owned();
    let own = format!("payments/authorizations/{authorization}");
    let part = json!({ "amount": { "currency_code": "USD", "value": "10.00" } });
    sandbox.paypal_post(&format!("{own}/capture"), &part).await;
    assert_eq!(new().await, ["PAYMENT.CAPTURE.COMPLETED"]);
    sandbox.paypal_post(&format!("{own}/void"), &json!({})).await;
    assert_eq!(new().await, ["PAYMENT.AUTHORIZATION.VOIDED"]);

    let created = sandbox.paypal_order("CAPTURE", wallet("vault-action")).await;
    assert_eq!(new().await, [""; 0]);
    sandbox.visit(Method::GET, &format!("{}&outcome=approve", created.link("payer-action").unwrap())).await;
    assert_eq!(new().await, ["CHECKOUT.ORDER.APPROVED"]);
    sandbox.paypal_post(&format!("checkout/orders/{}/capture", created.id()), &json!({})).await;
    assert_eq!(new().await, ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]);
}

#[tokio::test]
async fn a_review_at_paypal_has_events_at_its_start_and_end() {
    let sandbox = TestSandbox::new().await;
    let review = async |id: &str, outcome: &str| {
        let path = format!("/_sandbox/paypal/payments/{id}/review?outcome={outcome}");
        assert_eq!(sandbox.visit(Method::POST, &path).await.status, 200);
        sandbox.event_kinds().await.pop().unwrap()
    };
    for (outcome, of_capture, of_authorization) in [
        ("accept", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.AUTHORIZATION.CREATED"),
        ("deny", "PAYMENT.CAPTURE.DENIED", "PAYMENT.AUTHORIZATION.VOIDED"),
    ] {
        let pending = sandbox.paypal_order("CAPTURE", wallet("vault-pending")).await;
        assert!(sandbox.event_kinds().await.contains(&"PAYMENT.CAPTURE.PENDING".to_owned()));
        assert_eq!(review(pending.capture()["id"].as_str().unwrap(), outcome).await, of_capture);
        let pending = sandbox.paypal_order("AUTHORIZE", wallet("vault-pending")).await;
        assert_eq!(review(pending.authorization()["id"].as_str().unwrap(), outcome).await, of_authorization);
    }
}

#[tokio::test]
async fn a_review_may_end_by_itself() {
    let sandbox = TestSandbox::with(|config| provider_sandbox::Config {
        paypal_review_after: Some(std::time::Duration::from_secs(3600)),
        ..config
    })
    .await;
    let pending = sandbox.paypal_order("CAPTURE", wallet("vault-pending")).await;
    let capture = format!("payments/captures/{}", pending.capture()["id"].as_str().unwrap());
    assert_eq!(sandbox.paypal_get(&capture).await.body["status"], "PENDING");
    sandbox.hours_pass(1);
    let accepted = async {
        while sandbox.paypal_get(&capture).await.body["status"] == "PENDING" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), accepted).await.unwrap();
    assert_eq!(sandbox.event_kinds().await.pop().unwrap(), "PAYMENT.CAPTURE.COMPLETED");
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);
}

#[tokio::test]
async fn paypals_events_have_the_shape_of_paypals() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let capture = paid.capture()["id"].as_str().unwrap().to_owned();
    let part = json!({ "amount": { "currency_code": "USD", "value": "0.99" } });
    let refund = sandbox.paypal_post(&format!("payments/captures/{capture}/refund"), &part).await;
    let event = async |kind: &str| {
        let found = sandbox.webhooks(&format!("type={kind}")).await["events"][0]["id"].clone();
        let path = format!("/_sandbox/webhooks/{}", found.as_str().unwrap());
        sandbox.visit(Method::GET, &path).await.body["event"].clone()
    };
    let completed = event("PAYMENT.CAPTURE.COMPLETED").await;
    let resource = &completed["resource"];
    assert_eq!((&resource["id"], &resource["custom_id"]), (&json!(capture), &json!("txn_1")));
    assert_eq!(resource["supplementary_data"]["related_ids"]["order_id"], paid.id());
    assert_eq!(completed["create_time"], "2026-01-01T00:00:00.000Z");
    assert_eq!(completed["summary"], "Payment completed for 49.99 USD");
    let id = completed["id"].as_str().unwrap();
    assert!(id.starts_with("WH-") && id.len() == 38, "{id}");

    let refunded = event("PAYMENT.CAPTURE.REFUNDED").await;
    assert_eq!(
        (&refunded["resource_type"], &refunded["resource_version"]),
        (&json!("refund"), &json!("2.0"))
    );
    assert_eq!(refunded["resource"]["id"], refund.id());
    let links = refunded["resource"]["links"].as_array().unwrap();
    let up = links.iter().find(|link| link["rel"] == "up").unwrap();
    assert!(up["href"].as_str().unwrap().ends_with(&format!("/v2/payments/captures/{capture}")));

    let order = event("CHECKOUT.ORDER.COMPLETED").await;
    assert_eq!(order["resource_type"], "checkout-order");
    let payments = &order["resource"]["purchase_units"][0]["payments"];
    assert_eq!(payments["captures"][0]["status"], "COMPLETED");
}

#[tokio::test]
async fn every_attempt_to_charge_has_its_event() {
    let sandbox = TestSandbox::new().await;
    let count = async |kind: &str| sandbox.event_kinds().await.iter().filter(|other| *other == kind).count();
    sandbox.stripe_pay("pm_card_visa_chargeDeclined", 500, "").await;
    assert_eq!(count("charge.failed").await, 1);
    let held = sandbox.stripe_pay("pm_card_visa", 500, "&capture_method=manual").await;
    assert_eq!((count("charge.succeeded").await, count("charge.captured").await), (1, 0));
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "").await;
    assert_eq!((count("charge.succeeded").await, count("charge.captured").await), (1, 1));
    sandbox.stripe_pay("pm_card_visa", 500, "").await;
    assert_eq!((count("charge.succeeded").await, count("charge.captured").await), (2, 1));
}
