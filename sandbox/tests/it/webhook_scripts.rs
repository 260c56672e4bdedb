//! Scripted events: failed refunds, disputes, and hand-written events.

use jiff::SignedDuration;

use crate::support::{HttpResponse, TestSandbox, Value, json, receiver::Receiver, wallet};

async fn send(sandbox: &TestSandbox, script: Value) -> HttpResponse {
    sandbox.control_post("webhooks/send", &script).await
}

async fn sent(sandbox: &TestSandbox, script: Value) -> HttpResponse {
    let reply = send(sandbox, script).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply
}

async fn paid_with_stripe(sandbox: &TestSandbox) -> HttpResponse {
    sandbox.stripe_pay("pm_card_visa", 4999, "&metadata[transactionId]=txn_1").await
}

#[tokio::test]
async fn a_stripe_refund_that_had_succeeded_fails_and_can_be_made_again() {
    let sandbox = TestSandbox::new().await;
    let paid = paid_with_stripe(&sandbox).await;
    let form = format!("payment_intent={}&metadata[transactionId]=txn_1", paid.id());
    let refund = sandbox.stripe_post("refunds", &form).await;
    let script = json!({
        "provider": "stripe", "type": "refund.failed", "transactionId": "txn_1", "reason": "lost_or_stolen_card",
    });
    let failed = sent(&sandbox, script.clone()).await;
    let kinds: Vec<&Value> = failed.body["events"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, ["refund.updated", "refund.failed", "charge.refund.updated"]);
    let seen = sandbox.stripe_get(&format!("refunds/{}", refund.id())).await;
    assert_eq!(
        (&seen.body["status"], &seen.body["failure_reason"]),
        (&json!("failed"), &json!("lost_or_stolen_card"))
    );
    let charge = format!("charges/{}", paid.body["latest_charge"].as_str().unwrap());
    assert_eq!(sandbox.stripe_get(&charge).await.body["amount_refunded"], 0);
    let event = &sandbox.stripe_get("events?type=refund.updated").await.body["data"][0];
    assert_eq!(event["data"]["previous_attributes"], json!({ "status": "succeeded" }));
    assert_eq!(send(&sandbox, script).await.body["error"]["field"], "id");
    assert_eq!(sandbox.stripe_post("refunds", &form).await.status, 200);
    assert_eq!(
        sandbox.effects().await,
        ["charge 4999 USD", "refund 4999 USD", "refund_failed 4999 USD", "refund 4999 USD"]
    );
}

#[tokio::test]
async fn a_pending_stripe_refund_succeeds_or_fails_later() {
    let sandbox = TestSandbox::new().await;
    let more = "&metadata[transactionId]=txn_1";
    let paid = sandbox.stripe_pay("pm_card_pendingRefund", 4999, more).await;
    let form = format!("payment_intent={}&amount=1000", paid.id());
    let ends = [("refund.updated", "succeeded", 2), ("refund.failed", "failed", 3)];
    for (kind, status, events) in ends {
        let refund = sandbox.stripe_post("refunds", &form).await;
        assert_eq!(refund.body["status"], "pending");
        let script = json!({ "provider": "stripe", "type": kind, "transactionId": "txn_1" });
        let response = sent(&sandbox, script).await;
        assert_eq!(response.body["events"].as_array().unwrap().len(), events);
        let seen = sandbox.stripe_get(&format!("refunds/{}", refund.id())).await;
        assert_eq!(seen.body["status"], status);
        let updates = sandbox.stripe_get("events?type=refund.updated").await;
        assert_eq!(updates.body["data"][0]["data"]["previous_attributes"], json!({ "status": "pending" }));
    }
    let again = json!({ "provider": "stripe", "type": "refund.updated", "transactionId": "txn_1" });
    assert_eq!(send(&sandbox, again).await.body["error"]["field"], "id");
    assert_eq!(
        sandbox.effects().await,
        ["charge 4999 USD", "refund 1000 USD", "refund 1000 USD", "refund_failed 1000 USD"]
    );
}

#[tokio::test]
async fn a_stripe_dispute_takes_the_charge_and_is_decided_once() {
    let sandbox = TestSandbox::new().await;
    let paid = paid_with_stripe(&sandbox).await;
    let open = json!({ "provider": "stripe", "type": "charge.dispute.created", "transactionId": "txn_1" });
    let dispute = sent(&sandbox, open.clone()).await.body["object"].clone();
    assert_eq!((&dispute["amount"], &dispute["payment_intent"]), (&json!(4999), &json!(paid.id())));
    assert_eq!(send(&sandbox, open).await.body["error"]["message"], "is disputed already");
    let charge = format!("charges/{}", paid.body["latest_charge"].as_str().unwrap());
    assert_eq!(sandbox.stripe_get(&charge).await.body["disputed"], true);
    let refused = sandbox.stripe_post("refunds", &format!("payment_intent={}", paid.id())).await;
    assert_eq!(refused.error(), (400, "charge_disputed", ""));

    let close = |outcome: &str| json!({ "provider": "stripe", "type": "charge.dispute.closed", "id": dispute["id"], "outcome": outcome });
    assert_eq!(send(&sandbox, close("draw")).await.body["error"]["field"], "outcome");
    sent(&sandbox, close("won")).await;
    assert_eq!(send(&sandbox, close("lost")).await.body["error"]["message"], "is decided already");
    let seen = sandbox.stripe_get(&format!("disputes/{}", dispute["id"].as_str().unwrap())).await;
    assert_eq!(seen.body["status"], "won");
    // What was won back can be refunded.
    assert_eq!(sandbox.stripe_post("refunds", &format!("payment_intent={}", paid.id())).await.status, 200);
    let expected = ["charge.dispute.created", "charge.dispute.closed"];
    assert_eq!(sandbox.event_kinds().await[3..5], expected);
}

#[tokio::test]
async fn a_paypal_refund_that_had_completed_fails() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let capture = format!("payments/captures/{}", paid.capture()["id"].as_str().unwrap());
    let refund = sandbox.paypal_post(&format!("{capture}/refund"), &json!({})).await;
    let script = json!({ "provider": "paypal", "type": "PAYMENT.REFUND.FAILED", "id": refund.id() });
    sent(&sandbox, script).await;
    let seen = sandbox.paypal_get(&format!("payments/refunds/{}", refund.id())).await;
    assert_eq!(seen.body["status"], "FAILED");
    assert_eq!(sandbox.paypal_get(&capture).await.body["status"], "COMPLETED");
    let last = sandbox.ledger().await.pop().unwrap();
    assert_eq!((&last["kind"], &last["transactionId"]), (&json!("refund_failed"), &json!("txn_1")));
}

#[tokio::test]
async fn a_paypal_dispute_is_about_its_capture_until_it_is_resolved() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let capture = paid.capture()["id"].as_str().unwrap().to_owned();
    let open = json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.CREATED", "transactionId": "txn_1" });
    let opened = sent(&sandbox, open).await;
    let dispute = &opened.body["object"];
    assert_eq!(dispute["disputed_transactions"][0]["seller_transaction_id"], json!(capture));
    assert_eq!(
        (&opened.body["events"][0]["type"], &dispute["status"]),
        (&json!("CUSTOMER.DISPUTE.CREATED"), &json!("WAITING_FOR_SELLER_RESPONSE"))
    );
    let refund = format!("payments/captures/{capture}/refund");
    assert_eq!(sandbox.paypal_post(&refund, &json!({})).await.issue(), (422, "TRANSACTION_DISPUTED", ""));
    let resolve = json!({
        "provider": "paypal", "type": "CUSTOMER.DISPUTE.RESOLVED", "id": capture, "outcome": "lost",
    });
    sent(&sandbox, resolve).await;
    let url = format!("/v1/customer/disputes/{}", dispute["dispute_id"].as_str().unwrap());
    let request = sandbox.http.get(sandbox.url(&url)).bearer_auth(sandbox.paypal_token().await);
    let seen = HttpResponse::of(request).await;
    assert_eq!(seen.body["dispute_outcome"]["outcome_code"], "RESOLVED_BUYER_FAVOUR");
    assert_eq!(seen.body["status"], "RESOLVED");
}

#[tokio::test]
async fn a_paypal_dispute_tells_its_outcome_and_orders_its_changes_within_a_second() {
    let sandbox = TestSandbox::new().await;
    for (outcome, refundable) in [
        (json!({ "outcomeCode": "RESOLVED_SELLER_FAVOUR" }), true),
        (json!({ "outcome": "won" }), true),
        (json!({ "outcomeCode": "CANCELED_BY_BUYER" }), true),
        (json!({ "outcomeCode": "RESOLVED_BUYER_FAVOUR" }), false),
    ] {
        let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
        let capture = &paid.capture()["id"];
        let script = |kind: &str| json!({ "provider": "paypal", "type": kind, "id": capture });
        let mut times = Vec::new();
        let mut resolve = script("CUSTOMER.DISPUTE.RESOLVED");
        resolve.as_object_mut().unwrap().extend(outcome.as_object().unwrap().clone());
        for script in [script("CUSTOMER.DISPUTE.CREATED"), script("CUSTOMER.DISPUTE.UPDATED"), resolve] {
            let response = sent(&sandbox, script).await;
            times.push(response.body["object"]["update_time"].as_str().unwrap().to_owned());
            sandbox.clock.advance(SignedDuration::from_millis(7));
        }
        assert!(times.is_sorted() && times[0] < times[1] && times[1] < times[2], "{times:?}");
        let event = sandbox.webhooks("type=CUSTOMER.DISPUTE.RESOLVED").await["events"].clone();
        let event = event.as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
        let shown = sandbox.visit(reqwest::Method::GET, &format!("/_sandbox/webhooks/{event}")).await;
        let code = &shown.body["event"]["resource"]["dispute_outcome"]["outcome_code"];
        assert_eq!(code, outcome.get("outcomeCode").unwrap_or(&json!("RESOLVED_SELLER_FAVOUR")));
        let refund = format!("payments/captures/{}/refund", capture.as_str().unwrap());
        let refunded = sandbox.paypal_post(&refund, &json!({})).await.status == 201;
        assert_eq!(refunded, refundable, "{outcome}");
    }
}

#[tokio::test]
async fn a_stripe_dispute_passes_through_its_review() {
    let sandbox = TestSandbox::new().await;
    let paid = paid_with_stripe(&sandbox).await;
    let script =
        |kind: &str| json!({ "provider": "stripe", "type": kind, "id": paid.id(), "outcome": "lost" });
    let mut statuses = Vec::new();
    for kind in ["charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"] {
        statuses.push(sent(&sandbox, script(kind)).await.body["object"]["status"].clone());
    }
    assert_eq!(statuses, ["needs_response", "under_review", "lost"]);
    assert_eq!(
        send(&sandbox, script("charge.dispute.updated")).await.body["error"]["message"],
        "is decided already"
    );
}

#[tokio::test]
async fn an_event_made_by_hand_is_delivered_to_the_byte() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    let text = r#"{"id":"evt_mine", "type":"payment_intent.unheard_of","amount":1.0}"#;
    let request = sandbox.http.post(sandbox.url("/_sandbox/webhooks/send"));
    let request = request.body(format!(r#"{{"provider":"stripe","event":{text}}}"#));
    let reply = HttpResponse::of(request).await;
    assert_eq!((reply.status, &reply.body["events"][0]["id"]), (201, &json!("evt_mine")));
    assert_eq!(receiver.wait_for(1).await[0].text, text);
}

#[tokio::test]
async fn wrong_scripts_are_refused_by_the_name_of_the_field() {
    let (sandbox, _receiver): (TestSandbox, Receiver) = TestSandbox::with_receiver().await;
    for (script, field) in [
        (json!({ "provider": "stripe", "type": "charge.exploded", "id": "pi_1" }), "type"),
        (json!({ "provider": "stripe", "type": "refund.failed" }), "id"),
        (json!({ "provider": "stripe", "type": "refund.failed", "id": "re_1", "transactionId": "t" }), "id"),
        (json!({ "provider": "stripe", "type": "refund.failed", "id": "re_1", "reason": "bad" }), "reason"),
        (json!({ "provider": "stripe", "type": "charge.dispute.created", "id": "pi_1" }), "id"),
        (json!({ "provider": "stripe", "type": "charge.dispute.closed", "id": "pi_1" }), "outcome"),
        (json!({ "provider": "paypal", "type": "PAYMENT.REFUND.FAILED", "transactionId": "t" }), "id"),
        (json!({ "provider": "adyen", "type": "x" }), "provider"),
        (json!({ "provider": "stripe", "type": "charge.expired", "id": "pi_1" }), "id"),
        (json!({ "provider": "stripe", "type": "charge.expired", "id": "pi_1", "amount": 1 }), "amount"),
        (json!({ "provider": "stripe", "type": "charge.refunded", "id": "pi_1", "amount": 0 }), "amount"),
        (json!({ "provider": "paypal", "type": "order.forgotten" }), "id"),
        (json!({ "provider": "paypal", "type": "order.voided", "id": "NONE" }), "id"),
        (
            json!({ "provider": "stripe", "type": "charge.dispute.closed", "id": "pi_1", "outcomeCode": "DENIED" }),
            "outcomeCode",
        ),
        (json!({ "provider": "stripe", "event": 1 }), "event"),
    ] {
        let reply = send(&sandbox, script.clone()).await;
        assert_eq!((reply.status, &reply.body["error"]["field"]), (400, &json!(field)), "{script}");
    }
    assert_eq!(sandbox.event_kinds().await, [""; 0]);
}
