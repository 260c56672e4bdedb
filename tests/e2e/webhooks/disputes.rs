//! PayPal's disputes are as in PayPal's own record; those that cannot be read there are shown as unverified.

use gateway_tests::{Gateway, OwnGateway, until};
use serde_json::{Value, json};

async fn disputed(gateway: &Gateway<'_>) -> (String, Value) {
    let charge =
        json!({ "provider": "paypal", "amount": 842, "currency": "USD", "paymentMethodId": "vault-ok" });
    let transaction = gateway.charge(&charge).await.transaction_id();
    let opened =
        json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.CREATED", "transactionId": transaction });
    gateway.sandbox.happens(&opened).await;
    let dispute = until("the dispute", async || {
        let payment = gateway.payment(&transaction).await;
        payment["disputes"].as_array().and_then(|disputes| disputes.first().cloned())
    })
    .await;
    (transaction, dispute)
}

/// PayPal's response to an app that lacks the permission.
fn no_permission() -> Value {
    let body = json!({ "name": "NOT_AUTHORIZED", "debug_id": "1",
                       "message": "Authorization failed due to insufficient permissions." });
    json!({ "provider": "paypal", "operation": "dispute", "fault": "refuse",
            "refusal": { "status": 403, "body": body } })
}

#[tokio::test]
async fn a_dispute_is_read_from_paypal_and_called_verified() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    // Not shown at once.
    gateway
        .sandbox
        .fault(&json!({ "provider": "paypal", "operation": "dispute", "fault": "error_before", "times": 1 }))
        .await;
    let (transaction, dispute) = disputed(&gateway).await;
    assert_eq!(
        (&dispute["verified"], &dispute["reason"]),
        (&json!(true), &json!("UNAUTHORISED")),
        "{dispute}"
    );
    let event = gateway.last_event(&transaction).await;
    assert_eq!(
        (&event["type"], &event["unverified"]),
        (&json!("payment.dispute_opened"), &json!(null)),
        "{event}"
    );
    assert!(gateway.sandbox.requests("paypal", "dispute").await >= 2);
}

#[tokio::test]
async fn a_dispute_that_paypal_does_not_let_us_read_is_called_unverified_until_it_does() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.fault(&no_permission()).await;
    let (transaction, dispute) = disputed(&gateway).await;
    assert_eq!(dispute["verified"], false, "{dispute}");
    let event = gateway.last_event(&transaction).await;
    assert_eq!(
        (&event["type"], &event["unverified"]),
        (&json!("payment.dispute_opened"), &json!(true)),
        "{event}"
    );

    gateway.sandbox.heal().await;
    let closed = json!({ "provider": "paypal", "type": "CUSTOMER.DISPUTE.RESOLVED", "transactionId": transaction,
                         "outcome": "won" });
    gateway.sandbox.happens(&closed).await;
    let dispute = until("PayPal's own word", async || {
        let payment = gateway.payment(&transaction).await;
        Some(payment["disputes"][0].clone()).filter(|dispute| dispute["verified"] == true)
    });
    assert_eq!(dispute.await["outcome"], "won");
}
