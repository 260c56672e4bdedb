//! Every documented test payment method, and its outcome.

use gateway_tests::{Gateway, HttpResponse, shared};
use serde_json::json;

async fn charge(gateway: &Gateway<'_>, provider: &str, method: &str) -> HttpResponse {
    gateway
        .charge(
            &json!({ "provider": provider, "amount": 2500, "currency": "USD", "paymentMethodId": method }),
        )
        .await
}

async fn completes(provider: &str, methods: &[&str]) {
    let gateway = shared().await;
    for method in methods {
        let response = charge(&gateway, provider, method).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        let effects = gateway.effects(&response.transaction_id()).await;
        assert_eq!(effects, [format!("{provider} charge 2500 USD")], "{method}");
    }
}

/// `methods`: each with the decline code for the client.
async fn is_declined(provider: &str, methods: &[(&str, &str)]) {
    let gateway = shared().await;
    for (method, decline_code) in methods {
        let response = charge(&gateway, provider, method).await;
        let error = response.refuses(402, "PAYMENT_FAILED");
        assert_eq!(error["declineCode"], *decline_code, "{method}");
        let transaction = response.transaction_id();
        let payment = gateway.payment(&transaction).await;
        assert_eq!(payment["status"], "failed", "{method}");
        assert_eq!(payment["amountCaptured"], 0, "{method}");
        assert_eq!(gateway.effects(&transaction).await, [""; 0], "{method}");
    }
}

#[tokio::test]
async fn good_stripe_cards_are_charged() {
    completes(
        "stripe",
        &[
            "pm_card_visa",
            "pm_card_visa_debit",
            "pm_card_mastercard",
            "pm_card_mastercard_debit",
            "pm_card_mastercard_prepaid",
            "pm_card_amex",
            "pm_card_discover",
            "pm_card_diners",
            "pm_card_jcb",
            "pm_card_unionpay",
            "pm_card_us",
        ],
    )
    .await;
}

#[tokio::test]
async fn declined_stripe_cards_fail_with_stripes_reason() {
    is_declined(
        "stripe",
        &[
            ("pm_card_chargeDeclined", "generic_decline"),
            ("pm_card_visa_chargeDeclined", "generic_decline"),
            ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
            ("pm_card_visa_chargeDeclinedStolenCard", "stolen_card"),
            ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_velocity_exceeded"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
            ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
            ("pm_card_chargeDeclinedProcessingError", "processing_error"),
            ("pm_card_chargeDeclinedFraudulent", "fraudulent"),
            ("pm_card_chargeCustomerFail", "generic_decline"),
            ("pm_card_radarBlock", "fraudulent"),
        ],
    )
    .await;
}

/// Without a return URL the payer cannot authenticate.
#[tokio::test]
async fn stripe_cards_that_need_authentication_are_declined_without_a_return_url() {
    is_declined(
        "stripe",
        &[
            ("pm_card_threeDSecure2Required", "authentication_not_handled"),
            ("pm_card_threeDSecureRequired", "authentication_not_handled"),
            ("pm_card_authenticationRequired", "authentication_not_handled"),
        ],
    )
    .await;
}

#[tokio::test]
async fn good_paypal_vault_ids_and_billing_agreements_are_charged() {
    completes("paypal", &["vault-ok", "card:vault-ok", "B-1AB23456CD789012E"]).await;
}

/// A declined wallet is an error at PayPal, a declined card a success with a declined capture.
#[tokio::test]
async fn declined_paypal_wallets_and_cards_fail_with_paypals_reason() {
    is_declined("paypal", &[("vault-declined", "INSTRUMENT_DECLINED"), ("card:vault-declined", "0500")])
        .await;
}

/// PayPal has not decided, so the payment has neither happened nor failed.
#[tokio::test]
async fn what_paypal_reviews_is_pending() {
    let gateway = shared().await;
    for (method, capture) in
        [("vault-pending", "automatic"), ("card:vault-pending", "automatic"), ("vault-pending", "manual")]
    {
        let response = gateway
            .charge(&json!({
                "provider": "paypal", "amount": 2500, "currency": "USD", "paymentMethodId": method, "capture": capture,
            }))
            .await;
        response.succeeds(202, &json!({ "status": "pending" }));
        let payment = gateway.payment(&response.transaction_id()).await;
        assert_eq!((&payment["status"], payment.get("failure")), (&json!("pending"), None), "{method}");
        assert_eq!(gateway.effects(&response.transaction_id()).await, [""; 0], "{method}");
    }
}

#[tokio::test]
async fn a_payment_method_that_stripe_does_not_know_is_the_clients_mistake() {
    let gateway = shared().await;
    let response = charge(&gateway, "stripe", "pm_unheard_of").await;
    assert_eq!(response.refuses(400, "INVALID_REQUEST")["param"], "paymentMethodId");
}

#[tokio::test]
async fn a_payment_method_that_paypal_does_not_know_is_the_clients_mistake() {
    let gateway = shared().await;
    let response = charge(&gateway, "paypal", "vault-unheard-of").await;
    assert_eq!(response.refuses(400, "INVALID_REQUEST")["param"], "paymentMethodId");
}
