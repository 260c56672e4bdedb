//! Stripe accounts on older API versions show uncaptured amounts as refunds.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, Value, json};

async fn older_account() -> TestSandbox {
    let sandbox = TestSandbox::new().await;
    let request = sandbox.http.put(sandbox.url("/_sandbox/stripe/account"));
    let changed = HttpResponse::of(request.json(&json!({ "releasesAsRefunds": true }))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    sandbox
}

async fn authorize(sandbox: &TestSandbox) -> HttpResponse {
    sandbox.stripe_pay("pm_card_visa", 5000, "&capture_method=manual&metadata[transactionId]=txn_1").await
}

async fn refunds(sandbox: &TestSandbox, payment: &HttpResponse) -> Vec<Value> {
    let list = sandbox.stripe_get(&format!("refunds?payment_intent={}", payment.id())).await;
    list.body["data"].as_array().unwrap().clone()
}

async fn charge(sandbox: &TestSandbox, payment: &HttpResponse) -> Value {
    sandbox.stripe_get(&format!("charges/{}", payment.body["latest_charge"].as_str().unwrap())).await.body
}

fn is_a_release(refund: &Value, amount: i64) {
    assert_eq!((&refund["amount"], &refund["status"]), (&json!(amount), &json!("succeeded")));
    assert_eq!((&refund["balance_transaction"], &refund["metadata"]), (&json!(null), &json!({})));
}

#[tokio::test]
async fn what_a_partial_capture_releases_is_a_refund_that_moves_no_money() {
    let sandbox = older_account().await;
    let held = authorize(&sandbox).await;
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "amount_to_capture=4000").await;
    let listed = refunds(&sandbox, &held).await;
    assert_eq!(listed.len(), 1);
    is_a_release(&listed[0], 1000);
    let shown = charge(&sandbox, &held).await;
    assert_eq!(
        (&shown["amount_captured"], &shown["amount_refunded"], &shown["refunded"]),
        (&json!(4000), &json!(1000), &json!(false))
    );
    assert!(sandbox.event_kinds().await.contains(&"charge.refunded".to_owned()));

    // The captured amount can still be refunded, and such a refund moves the balance.
    let refund = sandbox.stripe_post("refunds", &format!("payment_intent={}", held.id())).await;
    assert_eq!(refund.body["amount"], 4000);
    assert!(refund.body["balance_transaction"].as_str().unwrap().starts_with("txn_"));
    let shown = charge(&sandbox, &held).await;
    assert_eq!((&shown["amount_refunded"], &shown["refunded"]), (&json!(5000), &json!(true)));
    assert_eq!(refunds(&sandbox, &held).await.len(), 2);
    assert_eq!(sandbox.effects().await, ["authorize 5000 USD", "capture 4000 USD", "refund 4000 USD"]);
    let fails = json!({"provider":"stripe","type":"refund.failed","id":listed[0]["id"]});
    assert_eq!(sandbox.control_post("happen", &fails).await.status, 400);
}

#[tokio::test]
async fn a_released_hold_is_a_refund_that_moves_no_money() {
    let sandbox = older_account().await;
    for (expires, reason) in [(false, json!(null)), (true, json!("expired_uncaptured_charge"))] {
        let held = authorize(&sandbox).await;
        if expires {
            sandbox.happens(json!({"provider":"stripe","type":"charge.expired","id":held.id()})).await;
        } else {
            sandbox.stripe_post(&format!("payment_intents/{}/cancel", held.id()), "").await;
        }
        let listed = refunds(&sandbox, &held).await;
        is_a_release(&listed[0], 5000);
        assert_eq!((listed.len(), &listed[0]["reason"]), (1, &reason));
        let shown = charge(&sandbox, &held).await;
        assert_eq!(
            (&shown["captured"], &shown["amount_refunded"], &shown["refunded"]),
            (&json!(false), &json!(5000), &json!(true))
        );
    }
    let ends = ["authorize 5000 USD", "cancel 5000 USD", "authorize 5000 USD", "expire 5000 USD"];
    assert_eq!(sandbox.effects().await, ends);
}

#[tokio::test]
async fn newer_accounts_show_no_refund_and_the_reset_returns_to_the_configured_account() {
    let sandbox = older_account().await;
    sandbox.visit(Method::DELETE, "/_sandbox").await;
    let held = authorize(&sandbox).await;
    sandbox.stripe_post(&format!("payment_intents/{}/capture", held.id()), "amount_to_capture=4000").await;
    assert_eq!(refunds(&sandbox, &held).await, [json!(null); 0]);
    let account = sandbox.visit(Method::GET, "/_sandbox/stripe/account").await;
    assert_eq!(account.body, json!({ "releasesAsRefunds": false }));
    let configured =
        TestSandbox::with(|config| provider_sandbox::Config { stripe_releases_as_refunds: true, ..config })
            .await;
    configured.visit(Method::DELETE, "/_sandbox").await;
    let account = configured.visit(Method::GET, "/_sandbox/stripe/account").await;
    assert_eq!(account.body, json!({ "releasesAsRefunds": true }));
    let wrong =
        HttpResponse::of(sandbox.http.put(sandbox.url("/_sandbox/stripe/account")).json(&json!({ "x": 1 })))
            .await;
    assert_eq!(wrong.status, 400);
}
