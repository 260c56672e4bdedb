//! Money held first and taken later.

use gateway_tests::{Gateway, shared};
use serde_json::json;

const METHODS: [(&str, &str); 4] = [
    ("stripe", "pm_card_visa"),
    ("paypal", "vault-ok"),
    ("paypal", "card:vault-ok"),
    ("paypal", "B-1AB23456CD789012E"),
];

async fn authorized(gateway: &Gateway<'_>, (provider, method): (&str, &str)) -> String {
    let charge = json!({
        "provider": provider, "amount": 8000, "currency": "USD", "paymentMethodId": method, "capture": "manual",
    });
    let response = gateway.charge(&charge).await;
    response.succeeds(200, &json!({ "status": "authorized" }));
    let transaction = response.transaction_id();
    assert_eq!(gateway.payment(&transaction).await["amountCaptured"], 0);
    assert_eq!(gateway.effects(&transaction).await, [format!("{provider} authorize 8000 USD")]);
    transaction
}

async fn has_effects(gateway: &Gateway<'_>, transaction: &str, provider: &str, effects: &[&str]) {
    let effects: Vec<_> = effects.iter().map(|effect| format!("{provider} {effect} USD")).collect();
    assert_eq!(gateway.effects(transaction).await, effects);
}

#[tokio::test]
async fn an_authorized_payment_is_captured_in_full_once() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        let response = gateway.capture(&transaction, None).await;
        response.succeeds(200, &json!({ "status": "captured", "amountCaptured": 8000 }));
        for amount in [None, Some(1)] {
            gateway.capture(&transaction, amount).await.refuses(409, "INVALID_STATE");
        }
        has_effects(&gateway, &transaction, method.0, &["authorize 8000", "capture 8000"]).await;
    }
}

#[tokio::test]
async fn a_capture_in_part_releases_the_rest_and_only_the_part_can_be_refunded() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        let response = gateway.capture(&transaction, Some(3000)).await;
        response.succeeds(200, &json!({ "status": "captured", "amountCaptured": 3000 }));
        gateway.refund(&transaction, Some(3001)).await.refuses(422, "REFUND_EXCEEDS_CHARGE");
        gateway.refund(&transaction, None).await.succeeds(200, &json!({ "status": "processed" }));
        let effects = ["authorize 8000", "capture 3000", "refund 3000"];
        has_effects(&gateway, &transaction, method.0, &effects).await;
    }
}

#[tokio::test]
async fn more_than_is_authorized_is_not_captured() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        let error = gateway.capture(&transaction, Some(8001)).await.refuses(400, "INVALID_REQUEST");
        assert_eq!(error["param"], "amount");
        assert_eq!(gateway.payment(&transaction).await["status"], "authorized");
        has_effects(&gateway, &transaction, method.0, &["authorize 8000"]).await;
    }
}

#[tokio::test]
async fn a_canceled_payment_is_released_and_can_be_neither_captured_nor_canceled_again() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        gateway.cancel(&transaction).await.succeeds(200, &json!({ "status": "canceled" }));
        gateway.capture(&transaction, None).await.refuses(409, "INVALID_STATE");
        gateway.cancel(&transaction).await.refuses(409, "INVALID_STATE");
        has_effects(&gateway, &transaction, method.0, &["authorize 8000", "cancel 8000"]).await;
    }
}

#[tokio::test]
async fn a_captured_payment_cannot_be_canceled() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        gateway.capture(&transaction, None).await.succeeds(200, &json!({}));
        gateway.cancel(&transaction).await.refuses(409, "INVALID_STATE");
        has_effects(&gateway, &transaction, method.0, &["authorize 8000", "capture 8000"]).await;
    }
}

#[tokio::test]
async fn of_a_capture_and_a_cancellation_at_once_exactly_one_happens() {
    let gateway = shared().await;
    for method in METHODS {
        let transaction = authorized(&gateway, method).await;
        let (capture, cancel) =
            tokio::join!(gateway.capture(&transaction, None), gateway.cancel(&transaction));
        let (effect, refused) = match (capture.status, cancel.status) {
            (200, 409) => ("capture 8000", cancel),
            (409, 200) => ("cancel 8000", capture),
            _ => panic!("{} {}", capture.text(), cancel.text()),
        };
        refused.refuses(409, "INVALID_STATE");
        has_effects(&gateway, &transaction, method.0, &["authorize 8000", effect]).await;
    }
}

#[tokio::test]
async fn a_declined_payment_method_authorizes_nothing() {
    let gateway = shared().await;
    for (provider, method) in [
        ("stripe", "pm_card_visa_chargeDeclinedInsufficientFunds"),
        ("paypal", "vault-declined"),
        ("paypal", "card:vault-declined"),
    ] {
        let charge = json!({
            "provider": provider, "amount": 8000, "currency": "USD", "paymentMethodId": method, "capture": "manual",
        });
        let response = gateway.charge(&charge).await;
        response.refuses(402, "PAYMENT_FAILED");
        assert_eq!(gateway.effects(&response.transaction_id()).await, [""; 0], "{method}");
    }
}
