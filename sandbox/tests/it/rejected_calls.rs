//! Payments and refunds rejected because of the payer's or the merchant's account, not because of an invalid request.

use crate::support::{TestSandbox, agreement, json, wallet};

#[tokio::test]
async fn a_used_up_payment_method_is_refused_without_code_and_param_and_makes_nothing() {
    let sandbox = TestSandbox::new().await;
    let refused = sandbox.stripe_pay("pm_sandbox_usedUp", 4999, "").await;
    assert_eq!(refused.error(), (400, "", ""));
    assert_eq!(refused.body["error"]["type"], "invalid_request_error");
    let open =
        sandbox.stripe_post("payment_intents", "amount=500&currency=usd&payment_method_types[]=card").await;
    let confirm = format!("payment_intents/{}/confirm", open.id());
    assert_eq!(
        sandbox.stripe_post(&confirm, "payment_method=pm_sandbox_usedUp").await.error(),
        (400, "", "")
    );
    assert_eq!(sandbox.stripe_post(&confirm, "payment_method=pm_card_visa").await.status, 200);
    let made = sandbox.stripe_get("payment_intents").await;
    assert_eq!(made.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_payment_method_pays_in_its_own_currency_only() {
    let sandbox = TestSandbox::new().await;
    let refused = sandbox.stripe_pay("pm_sandbox_onlyEuro", 4999, "").await;
    assert_eq!(refused.error(), (400, "", "payment_method_types"));
    let form = "amount=4999&currency=eur&payment_method=pm_sandbox_onlyEuro&confirm=true&payment_method_types[]=card";
    assert_eq!(sandbox.stripe_post("payment_intents", form).await.body["status"], "succeeded");
    assert_eq!(sandbox.effects().await, ["charge 4999 EUR"]);
}

#[tokio::test]
async fn an_account_without_balance_refunds_nothing() {
    let sandbox = TestSandbox::new().await;
    let paid = sandbox.stripe_pay("pm_sandbox_noBalanceForRefunds", 4999, "").await;
    let refused = sandbox.stripe_post("refunds", &format!("payment_intent={}", paid.id())).await;
    assert_eq!(refused.error(), (400, "balance_insufficient", ""));

    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-no-funds-for-refunds")).await;
    let capture = format!("payments/captures/{}", paid.capture()["id"].as_str().unwrap());
    let refused = sandbox.paypal_post(&format!("{capture}/refund"), &json!({})).await;
    assert_eq!(refused.issue(), (422, "REFUND_FAILED_INSUFFICIENT_FUNDS", ""));
    assert_eq!(sandbox.paypal_get(&capture).await.body["status"], "COMPLETED");
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "charge 4999 USD"]);
}

#[tokio::test]
async fn a_locked_payer_and_agreements_that_ended_cannot_pay() {
    let sandbox = TestSandbox::new().await;
    for (source, issue) in [
        (wallet("vault-locked"), "PAYER_ACCOUNT_LOCKED_OR_CLOSED"),
        (agreement("B-CANCELLED"), "AGREEMENT_ALREADY_CANCELLED"),
        (agreement("B-EXPIRED"), "TOKEN_EXPIRED"),
    ] {
        let refused = sandbox.paypal_order("CAPTURE", source).await;
        assert_eq!((refused.status, refused.issue().1), (422, issue));
    }
    assert_eq!(sandbox.effects().await, [""; 0]);
}

#[tokio::test]
async fn rupiah_take_twelve_digits() {
    let sandbox = TestSandbox::new().await;
    let pay = async |amount: i64, currency: &str| {
        let form = format!("amount={amount}&currency={currency}&payment_method_types[]=card");
        sandbox.stripe_post("payment_intents", &form).await.error().1.to_owned()
    };
    assert_eq!(pay(999_999_999_999, "idr").await, "");
    assert_eq!(pay(1_000_000_000_000, "idr").await, "amount_too_large");
    assert_eq!(pay(100_000_000, "usd").await, "amount_too_large");
}
