//! Charge, refund and list.

use gateway_tests::shared;
use serde_json::{Value, json};

async fn charged_refunded_and_listed(provider: &str, method: &str) {
    let gateway = shared().await;
    let charge = gateway
        .charge(
            &json!({ "provider": provider, "amount": 4999, "currency": "USD", "paymentMethodId": method }),
        )
        .await;
    charge.succeeds(200, &json!({ "status": "completed" }));
    let transaction = charge.transaction_id();

    let refund = gateway.refund(&transaction, Some(4999)).await;
    refund.succeeds(200, &json!({ "status": "processed" }));
    let refund = refund.at("/refundId");

    let payment = gateway.payment(&transaction).await;
    for (field, value) in [
        ("provider", json!(provider)),
        ("status", json!("completed")),
        ("amount", json!(4999)),
        ("amountCaptured", json!(4999)),
        ("amountRefunded", json!(4999)),
        ("currency", json!("USD")),
        ("paymentMethodId", json!(method)),
    ] {
        assert_eq!(payment[field], value, "{field} in {payment}");
    }
    assert_eq!(payment["refunds"][0]["refundId"], refund);
    let expected = json!({ "refundId": refund, "status": "processed", "amount": 4999, "currency": "USD" });
    gateway.get(&format!("/refunds/{refund}")).await.succeeds(200, &expected);

    let listed = gateway.get(&format!("/payments?limit=100&provider={provider}")).await.json();
    let listed = listed["data"].as_array().unwrap();
    assert!(listed.iter().any(|payment| payment["transactionId"] == transaction.as_str()));

    let trail: Vec<Value> =
        gateway.events(&transaction).await.iter().map(|event| event["type"].clone()).collect();
    let steps = [
        "payment.created",
        "payment.processing",
        "payment.completed",
        "refund.processing",
        "refund.processed",
    ];
    assert_eq!(trail, steps);

    let effects = [format!("{provider} charge 4999 USD"), format!("{provider} refund 4999 USD")];
    assert_eq!(gateway.effects(&transaction).await, effects);
}

#[tokio::test]
async fn a_stripe_charge_of_49_99_is_made_refunded_and_listed_once_each() {
    charged_refunded_and_listed("stripe", "pm_card_visa").await;
}

#[tokio::test]
async fn a_paypal_charge_of_49_99_is_made_refunded_and_listed_once_each() {
    charged_refunded_and_listed("paypal", "vault-ok").await;
}

#[tokio::test]
async fn what_a_client_says_about_a_payment_is_kept_with_it() {
    let gateway = shared().await;
    let said = json!({
        "description": "Two tickets – Zürich",
        "customerReference": "order-7",
        "metadata": { "order": "7", "note": "naïve ☕" },
    });
    let mut charge =
        json!({ "provider": "stripe", "amount": 1200, "currency": "EUR", "paymentMethodId": "pm_card_visa" });
    charge.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let transaction = gateway.charge(&charge).await.transaction_id();
    let payment = gateway.payment(&transaction).await;
    for field in ["description", "customerReference", "metadata"] {
        assert_eq!(payment[field], said[field]);
    }
}

#[tokio::test]
async fn the_list_goes_on_behind_the_last_payment_of_a_page() {
    let gateway = shared().await;
    let mut made = Vec::new();
    for amount in [101, 102, 103] {
        let charge = json!({
            "provider": "stripe", "amount": amount, "currency": "NOK", "paymentMethodId": "pm_card_visa",
        });
        made.push(gateway.charge(&charge).await.transaction_id());
    }
    // Newest first, and other tests make payments too: read on until the oldest of ours.
    let (mut seen, mut after) = (Vec::new(), String::new());
    while !seen.contains(&made[0]) {
        let page = gateway.get(&format!("/payments?limit=2{after}")).await.json();
        let data = page["data"].as_array().unwrap();
        assert!((1..=2).contains(&data.len()), "{page}");
        seen.extend(data.iter().map(|payment| payment["transactionId"].as_str().unwrap().to_owned()));
        after = format!("&startingAfter={}", seen.last().unwrap());
    }
    let ours: Vec<_> = seen.iter().filter(|id| made.contains(id)).collect();
    assert_eq!(ours, made.iter().rev().collect::<Vec<_>>());
}
