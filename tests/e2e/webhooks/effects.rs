//! What a webhook changes without any other request.

use gateway_tests::{Gateway, OwnGateway, until};
use serde_json::{Value, json};

fn charge(provider: &str, method: &str, amount: u64) -> Value {
    json!({ "provider": provider, "amount": amount, "currency": "USD", "paymentMethodId": method })
}

async fn reaches(gateway: &Gateway<'_>, transaction: &str, status: &str) -> Value {
    until(&format!("{transaction} being {status}"), async || {
        let payment = gateway.payment(transaction).await;
        (payment["status"] == status).then_some(payment)
    })
    .await
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_completed_by_its_webhook() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    for (provider, method) in [("stripe", "pm_card_visa"), ("paypal", "vault-ok")] {
        gateway.sandbox.break_down(provider, "charge", "drop_after").await;
        let response = gateway.charge(&charge(provider, method, 820)).await;
        gateway.sandbox.heal().await;
        let transaction = response.transaction_id();
        reaches(&gateway, &transaction, "completed").await;
        assert_eq!(gateway.effects(&transaction).await, [format!("{provider} charge 820 USD")]);
    }
}

#[tokio::test]
async fn a_capture_that_paypal_reviews_is_completed_when_the_review_ends() {
    let own = OwnGateway::start(&[("SANDBOX_PAYPAL_REVIEW_SECONDS", "1")]).await;
    let gateway = own.gateway();
    let response = gateway.charge(&charge("paypal", "vault-pending", 821)).await;
    response.succeeds(202, &json!({ "status": "pending" }));
    reaches(&gateway, &response.transaction_id(), "completed").await;
}

#[tokio::test]
async fn an_order_that_the_payer_approved_is_captured_without_the_client_coming_back() {
    let own = OwnGateway::start(&[("PAYMENT_RETURN_URL", "https://shop.example/back")]).await;
    let gateway = own.gateway();
    let body = json!({ "provider": "paypal", "amount": 822, "currency": "USD" });
    let response = gateway.charge(&body).await;
    response.succeeds(200, &json!({ "status": "requires_action" }));
    let transaction = response.transaction_id();
    gateway.sandbox.decide(&response.at("/nextAction/url"), "approve").await;
    reaches(&gateway, &transaction, "completed").await;
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 822 USD"]);
}

#[tokio::test]
async fn a_refund_that_had_succeeded_can_fail_and_its_amount_can_be_refunded_again() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let transaction = gateway.charge(&charge("stripe", "pm_card_visa", 823)).await.transaction_id();
    gateway.refund(&transaction, None).await.succeeds(200, &json!({ "status": "processed" }));
    gateway
        .sandbox
        .happens(&json!({ "provider": "stripe", "type": "refund.failed", "transactionId": transaction }))
        .await;
    until("the amount being back", async || {
        (gateway.payment(&transaction).await["amountRefunded"] == 0).then_some(())
    })
    .await;
    gateway.refund(&transaction, None).await.succeeds(200, &json!({ "status": "processed" }));
}

#[tokio::test]
async fn a_dispute_is_recorded_on_its_payment() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    for (provider, method, opened) in [
        ("stripe", "pm_card_visa", "charge.dispute.created"),
        ("paypal", "vault-ok", "CUSTOMER.DISPUTE.CREATED"),
    ] {
        let transaction = gateway.charge(&charge(provider, method, 824)).await.transaction_id();
        gateway
            .sandbox
            .happens(&json!({ "provider": provider, "type": opened, "transactionId": transaction }))
            .await;
        let disputed = until("the dispute", async || {
            let payment = gateway.payment(&transaction).await;
            payment["disputes"].as_array().is_some_and(|disputes| disputes.len() == 1).then_some(payment)
        });
        assert_eq!(disputed.await["status"], "completed");
    }
}

#[tokio::test]
async fn duplicates_delays_and_any_order_end_in_the_same_state() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    for fault in [
        json!({ "operation": "webhook", "fault": "duplicate", "every": 2, "count": 3 }),
        json!({ "operation": "webhook", "fault": "reorder", "every": 3, "count": 2 }),
        json!({ "operation": "webhook", "fault": "delay", "every": 5, "delayMs": 300 }),
        json!({ "operation": "webhook", "fault": "forge", "every": 7 }),
    ] {
        gateway.sandbox.fault(&fault).await;
    }
    let mut transactions = Vec::new();
    for n in 0..30 {
        let (provider, method) = [("stripe", "pm_card_visa"), ("paypal", "vault-ok")][n % 2];
        let transaction = gateway.charge(&charge(provider, method, 825)).await.transaction_id();
        if n % 3 == 0 {
            gateway.refund(&transaction, Some(25)).await.succeeds(200, &json!({ "status": "processed" }));
        }
        transactions.push(transaction);
    }
    gateway.sandbox.is_quiet().await;
    for (n, transaction) in transactions.iter().enumerate() {
        let payment = gateway.payment(transaction).await;
        let refunded = if n % 3 == 0 { 25 } else { 0 };
        assert_eq!(
            (&payment["status"], &payment["amountRefunded"]),
            (&json!("completed"), &json!(refunded)),
            "{payment}"
        );
        let effects = gateway.effects(transaction).await;
        assert_eq!(effects.len(), if n % 3 == 0 { 2 } else { 1 }, "{effects:?}");
    }
    assert!(gateway.edge_count("signature_invalid").await > 0, "no webhook was forged");
}
