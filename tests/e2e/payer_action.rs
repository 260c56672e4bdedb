//! Payments that wait for their payer: 3-D Secure at Stripe, approval at PayPal.

use gateway_tests::{Gateway, HttpResponse, without_webhooks};
use serde_json::{Value, json};

const RETURN_URL: &str = "https://shop.example/back";

fn paypal_order(method: Option<&str>, amount: u64) -> Value {
    let mut charge =
        json!({ "provider": "paypal", "amount": amount, "currency": "USD", "returnUrl": RETURN_URL });
    if let Some(method) = method {
        charge["paymentMethodId"] = method.into();
    }
    charge
}

/// Starts a payment that waits for its payer; returns its transaction id and the payer's page.
async fn waiting(gateway: &Gateway<'_>, charge: &Value) -> (String, String) {
    let response = gateway.charge(charge).await;
    response.succeeds(200, &json!({ "status": "requires_action" }));
    let (transaction, page) = (response.transaction_id(), response.at("/nextAction/url"));
    assert_eq!(gateway.payment(&transaction).await["nextAction"]["url"], page);
    assert_eq!(gateway.effects(&transaction).await, [""; 0]);
    (transaction, page)
}

/// The order's id, from the payer's page.
fn order_of(page: &str) -> String {
    page.split_once("token=").map(|(_, order)| order.to_owned()).expect("a PayPal page names its order")
}

async fn resubmit(gateway: &Gateway<'_>, page: &str, amount: u64) -> HttpResponse {
    gateway.charge(&paypal_order(Some(&order_of(page)), amount)).await
}

#[tokio::test]
async fn a_stripe_card_with_3d_secure_waits_for_its_payer_and_charges_once_after_that() {
    let gateway = without_webhooks().await;
    for method in
        ["pm_card_threeDSecure2Required", "pm_card_threeDSecureRequired", "pm_card_authenticationRequired"]
    {
        let charge = json!({
            "provider": "stripe", "amount": 3100, "currency": "USD", "paymentMethodId": method, "returnUrl": RETURN_URL,
        });
        let (transaction, page) = waiting(&gateway, &charge).await;
        gateway.sandbox.decide(&page, "succeed").await;
        assert_eq!(gateway.effects(&transaction).await, ["stripe charge 3100 USD"], "{method}");
    }
}

#[tokio::test]
async fn a_payment_that_waits_for_its_payer_can_be_canceled_and_not_captured_or_refunded() {
    let gateway = without_webhooks().await;
    let charge = json!({
        "provider": "stripe", "amount": 3100, "currency": "USD",
        "paymentMethodId": "pm_card_threeDSecure2Required", "returnUrl": RETURN_URL,
    });
    for charge in [charge, paypal_order(None, 3100)] {
        let (transaction, _) = waiting(&gateway, &charge).await;
        gateway.capture(&transaction, None).await.refuses(409, "INVALID_STATE");
        gateway.refund(&transaction, None).await.refuses(409, "INVALID_STATE");
        gateway.cancel(&transaction).await.succeeds(200, &json!({ "status": "canceled" }));
        assert_eq!(gateway.payment(&transaction).await["status"], "canceled");
        let effects = gateway.effects(&transaction).await;
        assert!(!effects.iter().any(|effect| effect.contains("charge")), "{effects:?}");
    }
}

#[tokio::test]
async fn an_approved_paypal_order_completes_the_payment_it_was_made_for() {
    let gateway = without_webhooks().await;
    for method in [None, Some("vault-action")] {
        let (transaction, page) = waiting(&gateway, &paypal_order(method, 4200)).await;
        gateway.sandbox.decide(&page, "approve").await;
        let response = resubmit(&gateway, &page, 4200).await;
        response.succeeds(200, &json!({ "status": "completed", "transactionId": transaction }));
        assert_eq!(gateway.payment(&transaction).await["status"], "completed");
        assert_eq!(gateway.effects(&transaction).await, ["paypal charge 4200 USD"], "{method:?}");

        gateway.refund(&transaction, None).await.succeeds(200, &json!({ "status": "processed" }));
        let effects = ["paypal charge 4200 USD", "paypal refund 4200 USD"];
        assert_eq!(gateway.effects(&transaction).await, effects, "{method:?}");
    }
}

#[tokio::test]
async fn an_approved_paypal_order_is_charged_once_however_often_it_is_resubmitted() {
    let gateway = without_webhooks().await;
    let (transaction, page) = waiting(&gateway, &paypal_order(None, 4300)).await;
    gateway.sandbox.decide(&page, "approve").await;
    let charge = paypal_order(Some(&order_of(&page)), 4300);
    let (first, second) = tokio::join!(gateway.charge(&charge), gateway.charge(&charge));
    let paid = json!({ "status": "completed", "transactionId": transaction });
    assert!([first.status, second.status].contains(&200), "{} {}", first.text(), second.text());
    for told in [first, second] {
        if told.status == 200 {
            told.succeeds(200, &paid);
        } else {
            assert_eq!(told.refuses(409, "INVALID_STATE")["retryable"], true);
        }
    }
    gateway.charge(&charge).await.succeeds(200, &paid);
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 4300 USD"]);
}

#[tokio::test]
async fn a_paypal_order_that_is_not_approved_yet_goes_on_waiting() {
    let gateway = without_webhooks().await;
    let (transaction, page) = waiting(&gateway, &paypal_order(None, 4400)).await;
    let response = resubmit(&gateway, &page, 4400).await;
    response.succeeds(200, &json!({ "status": "requires_action", "transactionId": transaction }));
    assert_eq!(gateway.effects(&transaction).await, [""; 0]);
}

#[tokio::test]
async fn an_approved_order_is_refused_for_another_amount_currency_or_capture() {
    let gateway = without_webhooks().await;
    let (transaction, page) = waiting(&gateway, &paypal_order(None, 4500)).await;
    gateway.sandbox.decide(&page, "approve").await;
    let right = paypal_order(Some(&order_of(&page)), 4500);
    for (field, wrong, param) in [
        ("amount", json!(4600), "amount"),
        ("currency", json!("EUR"), "amount"),
        ("capture", json!("manual"), "capture"),
    ] {
        let mut charge = right.clone();
        charge[field] = wrong;
        assert_eq!(gateway.charge(&charge).await.refuses(400, "INVALID_REQUEST")["param"], param);
    }
    assert_eq!(gateway.effects(&transaction).await, [""; 0]);
    gateway.charge(&right).await.succeeds(200, &json!({ "status": "completed" }));
}

fn credentials<'s>(gateway: &Gateway<'s>) -> (&'s str, &'s str) {
    let setting = |name| gateway.stack().setting(name).expect("the stack has PayPal credentials");
    (setting("PAYPAL_CLIENT_ID"), setting("PAYPAL_CLIENT_SECRET"))
}

/// The amounts are unique to this test.
async fn times_charged(gateway: &Gateway<'_>, amount: u64) -> usize {
    let effect = format!("paypal charge {amount} USD");
    gateway.sandbox.all_effects().await.iter().filter(|other| **other == effect).count()
}

#[tokio::test]
async fn an_approved_foreign_order_at_the_same_account_is_charged_as_a_new_payment() {
    let gateway = without_webhooks().await;
    let (order, page) = gateway.sandbox.paypal_order(credentials(&gateway), "CAPTURE", "73.41").await;
    gateway.sandbox.decide(&page, "approve").await;
    let response = gateway.charge(&paypal_order(Some(&order), 7341)).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    assert_eq!(times_charged(&gateway, 7341).await, 1);
}

#[tokio::test]
async fn a_foreign_order_in_two_charges_at_once_is_charged_once_for_one_payment() {
    let gateway = without_webhooks().await;
    for cents in 51..56 {
        let dollars = format!("73.{cents}");
        let (order, page) = gateway.sandbox.paypal_order(credentials(&gateway), "CAPTURE", &dollars).await;
        gateway.sandbox.decide(&page, "approve").await;
        let charge = paypal_order(Some(&order), 7300 + cents);
        let (first, second) = tokio::join!(gateway.charge(&charge), gateway.charge(&charge));
        // The later one may come when the payment has its outcome, and gets it.
        let completed: Vec<_> = [&first, &second]
            .into_iter()
            .filter(|response| response.status == 200 && response.json()["status"] == "completed")
            .map(HttpResponse::transaction_id)
            .collect();
        let one = completed.first().expect("one of the two is completed");
        assert!(completed.iter().all(|id| id == one), "{} {}", first.text(), second.text());
        assert_eq!(times_charged(&gateway, 7300 + cents).await, 1);
    }
}

#[tokio::test]
async fn a_foreign_order_is_refused_if_it_differs_or_is_not_approved() {
    let gateway = without_webhooks().await;
    let (order, page) = gateway.sandbox.paypal_order(credentials(&gateway), "CAPTURE", "73.42").await;
    let right = paypal_order(Some(&order), 7342);
    let too_early = gateway.charge(&right).await;
    assert_eq!(too_early.refuses(400, "INVALID_REQUEST")["param"], "paymentMethodId");

    gateway.sandbox.decide(&page, "approve").await;
    let mut manual = right.clone();
    manual["capture"] = json!("manual");
    let wrong = [(paypal_order(Some(&order), 7343), "amount"), (manual, "capture")];
    for (charge, param) in wrong {
        let response = gateway.charge(&charge).await;
        assert_eq!(response.refuses(400, "INVALID_REQUEST")["param"], param);
        assert_eq!(gateway.effects(&response.transaction_id()).await, [""; 0]);
    }
    gateway.charge(&right).await.succeeds(200, &json!({ "status": "completed" }));
}
