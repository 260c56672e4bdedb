//! Stripe's documented test payment methods refuse as documented.

use crate::support::{TestSandbox, json};

#[tokio::test]
async fn each_test_card_declines_with_its_own_codes() {
    let sandbox = TestSandbox::new().await;
    for (method, code, decline_code, param, advice) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline", None, Some("try_again_later")),
        ("pm_card_chargeDeclined", "card_declined", "generic_decline", None, Some("try_again_later")),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
            None,
            Some("try_again_later"),
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", None, Some("do_not_try_again")),
        (
            "pm_card_visa_chargeDeclinedStolenCard",
            "card_declined",
            "stolen_card",
            None,
            Some("do_not_try_again"),
        ),
        (
            "pm_card_chargeDeclinedExpiredCard",
            "expired_card",
            "expired_card",
            Some("exp_month"),
            Some("confirm_card_data"),
        ),
        (
            "pm_card_chargeDeclinedIncorrectCvc",
            "incorrect_cvc",
            "incorrect_cvc",
            Some("cvc"),
            Some("confirm_card_data"),
        ),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
            None,
            Some("try_again_later"),
        ),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", None, None),
        (
            "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
            "card_declined",
            "card_velocity_exceeded",
            None,
            None,
        ),
        ("pm_card_chargeCustomerFail", "card_declined", "generic_decline", None, Some("try_again_later")),
        ("pm_card_radarBlock", "card_declined", "fraudulent", None, None),
    ] {
        let reply = sandbox.stripe_pay(method, 4999, "").await;
        let error = &reply.body["error"];
        assert_eq!(reply.status, 402, "{method}");
        assert_eq!(error["type"], "card_error");
        let seen = [&error["code"], &error["decline_code"], &error["param"], &error["advice_code"]];
        assert_eq!(seen, [&json!(code), &json!(decline_code), &json!(param), &json!(advice)], "{method}");
        assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
        assert_eq!(error["payment_intent"]["last_payment_error"]["decline_code"], decline_code);
        assert!(error["charge"].as_str().unwrap().starts_with("ch_"));
    }
    assert_eq!(sandbox.effects().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_declined_payment_intent_stays_and_can_be_paid_with_another_card_or_canceled() {
    let sandbox = TestSandbox::new().await;
    let declined = sandbox.stripe_pay("pm_card_visa_chargeDeclined", 4999, "").await;
    let id = declined.body["error"]["payment_intent"]["id"].as_str().unwrap();
    let confirm = format!("payment_intents/{id}/confirm");
    assert_eq!(
        sandbox.stripe_post(&confirm, "payment_method=pm_card_visa").await.body["status"],
        "succeeded"
    );
    assert_eq!(sandbox.effects().await, ["charge 4999 USD"]);

    let other = sandbox.stripe_pay("pm_card_visa_chargeDeclined", 4999, "").await;
    let id = other.body["error"]["payment_intent"]["id"].as_str().unwrap();
    let canceled =
        sandbox.stripe_post(&format!("payment_intents/{id}/cancel"), "cancellation_reason=abandoned").await;
    assert_eq!(canceled.body["status"], "canceled");
    assert_eq!(canceled.body["cancellation_reason"], "abandoned");
    // Nothing had been held, so nothing was released.
    assert_eq!(sandbox.effects().await, ["charge 4999 USD", "cancel 0 USD"]);
}
