//! Amounts are ISO 4217 minor units and keep their value, however a provider counts.

use gateway_tests::{Gateway, HttpResponse, shared};
use serde_json::json;

async fn charge(gateway: &Gateway<'_>, provider: &str, amount: u64, currency: &str) -> HttpResponse {
    let method = if provider == "stripe" { "pm_card_visa" } else { "vault-ok" };
    gateway
        .charge(&json!({ "provider": provider, "amount": amount, "currency": currency, "paymentMethodId": method }))
        .await
}

/// Charges the first amount and refunds the second.
async fn moves(provider: &str, amounts: &[(u64, u64, &str)]) {
    let gateway = shared().await;
    for &(amount, back, currency) in amounts {
        let response = charge(&gateway, provider, amount, currency).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        let transaction = response.transaction_id();
        gateway.refund(&transaction, Some(back)).await.succeeds(200, &json!({ "status": "processed" }));
        let effects = [("charge", amount), ("refund", back)];
        let effects = effects.map(|(kind, amount)| format!("{provider} {kind} {amount} {currency}"));
        assert_eq!(gateway.effects(&transaction).await, effects);
    }
}

async fn are_refused(provider: &str, amounts: &[(u64, &str, &str)]) {
    let gateway = shared().await;
    for &(amount, currency, param) in amounts {
        let error = charge(&gateway, provider, amount, currency).await.refuses(400, "INVALID_REQUEST");
        assert_eq!(error["param"], param, "{amount} {currency}: {error}");
        // Known before anything is recorded: there is no payment to ask about.
        assert_eq!(error.get("transactionId"), None, "{amount} {currency}: {error}");
    }
}

#[tokio::test]
async fn stripe_moves_currencies_of_no_two_and_three_decimals() {
    let amounts = [
        (5_000, 1, "JPY"),
        (5_000, 1_234, "KRW"),
        (49_990, 10_001, "HUF"),
        (4_999, 99, "TWD"),
        (500, 5, "ISK"),
        (5_120, 10, "KWD"),
        (99_999_990, 99_999_990, "BHD"),
        (99_999_999, 99_999_999, "USD"),
        (50_000, 100, "MGA"),
        (150_000_000_000, 999, "IDR"),
        (999_999_999_999, 999_999_999_999, "IDR"),
    ];
    moves("stripe", &amounts).await;
}

/// Stripe counts kroner in hundredths and takes eight digits, so a whole number of kroner has six. It documents more
/// digits for some currencies only.
#[tokio::test]
async fn amounts_that_stripe_cannot_count_are_refused_by_the_name_of_their_field() {
    are_refused(
        "stripe",
        &[
            (5_124, "KWD", "amount"),
            (5_121, "JOD", "amount"),
            (50_001, "MGA", "amount"),
            (1_000_000, "ISK", "amount"),
            (100_000_000, "USD", "amount"),
            (1_000_000_000, "INR", "amount"),
            (5_000, "UGX", "currency"),
        ],
    )
    .await;
}

#[tokio::test]
async fn paypal_moves_currencies_of_no_and_two_decimals() {
    let amounts = [
        (5_000, 1, "JPY"),
        (49_900, 100, "HUF"),
        (50_000, 49_900, "TWD"),
        (4_999, 1, "EUR"),
        (5, 5, "GBP"),
        (999_999_999_999, 1, "USD"),
        (999_999_999_999, 999_999_999_999, "JPY"),
    ];
    moves("paypal", &amounts).await;
}

#[tokio::test]
async fn amounts_and_currencies_that_paypal_does_not_take_are_refused_with_their_field() {
    are_refused(
        "paypal",
        &[
            (49_950, "HUF", "amount"),
            (4_999, "TWD", "amount"),
            (5_000, "KRW", "currency"),
            (5_000, "ISK", "currency"),
            (5_120, "KWD", "currency"),
            (5_000, "UGX", "currency"),
            (5_000, "MGA", "currency"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_capture_or_refund_that_the_provider_cannot_count_changes_nothing() {
    let gateway = shared().await;
    let held = json!({
        "provider": "stripe", "amount": 5_120, "currency": "KWD", "paymentMethodId": "pm_card_visa", "capture": "manual",
    });
    let transaction = gateway.charge(&held).await.transaction_id();
    let error = gateway.capture(&transaction, Some(1_234)).await.refuses(400, "INVALID_REQUEST");
    assert_eq!(error["param"], "amount");
    gateway.capture(&transaction, Some(1_230)).await.succeeds(200, &json!({ "amountCaptured": 1_230 }));
    let error = gateway.refund(&transaction, Some(5)).await.refuses(400, "INVALID_REQUEST");
    assert_eq!(error["param"], "amount");
    gateway.refund(&transaction, Some(1_230)).await.succeeds(200, &json!({ "status": "processed" }));
    let effects = ["stripe authorize 5120 KWD", "stripe capture 1230 KWD", "stripe refund 1230 KWD"];
    assert_eq!(gateway.effects(&transaction).await, effects);
}
