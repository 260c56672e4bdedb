//! The Stripe adapter against the sandbox.

use payments::model::provider::{CancelTarget, Captured, ProviderRef, Refunded, RefusalKind};

use crate::sandbox_fixture::{
    Expect, SandboxFixture, authorized, completed, effect, invalid, settings, to_be_acted_on,
};

#[tokio::test]
async fn every_documented_card_that_works_is_charged_once() {
    let fixture = SandboxFixture::open().await;
    for method in ["pm_card_visa", "pm_card_mastercard", "pm_card_amex"] {
        let order = fixture.charge(4_999, "USD", Some(method));
        completed(fixture.stripe().charge(&order).await.done());
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")], "{method}");
    }
}

#[tokio::test]
async fn every_documented_decline_keeps_its_reason_and_moves_nothing() {
    let fixture = SandboxFixture::open().await;
    for (method, code, decline_code) in [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ] {
        let order = fixture.charge(4_999, "USD", Some(method));
        let refusal = fixture.stripe().charge(&order).await.refused();
        assert_eq!(refusal.kind, RefusalKind::Declined, "{method}");
        assert_eq!(refusal.code.as_deref(), Some(code), "{method}");
        assert_eq!(refusal.decline_code.as_deref(), Some(decline_code), "{method}");
        assert!(refusal.reference.is_some_and(|left| left.as_str().starts_with("pi_")), "{method}");
        assert_eq!(fixture.effects(order.payment).await, [], "{method}");
    }
}

#[tokio::test]
async fn a_payer_who_authenticates_has_paid_and_one_who_does_not_has_not() {
    let fixture = SandboxFixture::with(|settings| {
        settings.default_return_url = Some("https://shop.example/back".to_owned());
    })
    .await;
    for (outcome, pays) in [("succeed", true), ("fail", false)] {
        let order = fixture.charge(4_999, "USD", Some("pm_card_threeDSecure2Required"));
        let (intent, page) = to_be_acted_on(fixture.stripe().charge(&order).await.done());
        let resume = fixture.resume(&order, &intent);
        assert_eq!(to_be_acted_on(fixture.stripe().resume(&resume).await.done()).1, page);
        fixture.visit(&page, outcome).await;
        let answer = fixture.stripe().resume(&resume).await;
        if pays {
            assert_eq!(completed(answer.done()), intent);
        } else {
            let refusal = answer.refused();
            assert_eq!(refusal.kind, RefusalKind::Declined);
            assert_eq!(refusal.code.as_deref(), Some("payment_intent_authentication_failure"));
        }
        assert_eq!(fixture.effects(order.payment).await.len(), usize::from(pays));
    }
}

#[tokio::test]
async fn where_the_payer_cannot_be_sent_anywhere_authentication_is_a_decline() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("pm_card_threeDSecure2Required"));
    let refusal = fixture.stripe().charge(&order).await.refused();
    assert_eq!(refusal.kind, RefusalKind::Declined);
    assert_eq!(refusal.code.as_deref(), Some("authentication_required"));
}

#[tokio::test]
async fn a_part_of_what_is_held_is_captured_once() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(fixture.stripe().charge(&order).await.done());
    let capture = fixture.capture(&order, &intent, 2_000);
    let captured = Captured::Completed { charge: intent.clone() };
    assert_eq!(fixture.stripe().capture(&capture).await.done(), captured);
    assert_eq!(fixture.stripe().capture(&capture).await.done(), captured);
    let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);

    // Another attempt at the same finds it done; at something else, that it cannot be.
    let again = fixture.capture(&order, &intent, 2_000);
    assert_eq!(fixture.stripe().capture(&again).await.done(), captured);
    let more = fixture.capture(&order, &intent, 2_999);
    assert_eq!(fixture.stripe().capture(&more).await.refused().kind, RefusalKind::State);
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn more_than_is_held_cannot_be_captured() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(fixture.stripe().charge(&order).await.done());
    let capture = fixture.capture(&order, &intent, 5_000);
    assert_eq!(fixture.stripe().capture(&capture).await.refused().kind, invalid("amount"));
}

#[tokio::test]
async fn what_is_held_is_released_and_stays_so() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(fixture.stripe().charge(&order).await.done());
    let target = CancelTarget::Authorization(intent.clone());
    fixture.stripe().cancel(&fixture.cancel(&order, target.clone())).await.done();
    fixture.stripe().cancel(&fixture.cancel(&order, target)).await.done();
    let effects = [effect("authorize", 4_999, "USD"), effect("cancel", 4_999, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
    let capture = fixture.capture(&order, &intent, 4_999);
    assert_eq!(fixture.stripe().capture(&capture).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn what_is_captured_cannot_be_released() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let intent = completed(fixture.stripe().charge(&order).await.done());
    let cancel = fixture.cancel(&order, CancelTarget::Authorization(intent));
    assert_eq!(fixture.stripe().cancel(&cancel).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn a_payment_that_waits_for_its_payer_can_be_ended() {
    let fixture = SandboxFixture::open().await;
    let mut order = fixture.charge(4_999, "USD", Some("pm_card_threeDSecure2Required"));
    order.return_url = Some("https://shop.example/back".to_owned());
    let (intent, _) = to_be_acted_on(fixture.stripe().charge(&order).await.done());
    let cancel = fixture.cancel(&order, CancelTarget::Session(intent.clone()));
    fixture.stripe().cancel(&cancel).await.done();
    let refusal = fixture.stripe().resume(&fixture.resume(&order, &intent)).await.refused();
    assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Declined, Some("canceled")));
}

#[tokio::test]
async fn refunds_add_up_to_the_charge_and_no_further() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(100, "USD", Some("pm_card_visa"));
    let charge = completed(fixture.stripe().charge(&order).await.done());
    let first = fixture.refund(&order, &charge, 60);
    let Refunded::Processed { refund } = fixture.stripe().refund(&first).await.done() else {
        panic!("pending")
    };
    let repeated = fixture.stripe().refund(&first).await.done();
    assert_eq!(repeated, Refunded::Processed { refund });

    let beyond = fixture.refund(&order, &charge, 60);
    assert_eq!(fixture.stripe().refund(&beyond).await.refused().kind, RefusalKind::RefundExceeds);
    fixture.stripe().refund(&fixture.refund(&order, &charge, 40)).await.done();
    let another = fixture.refund(&order, &charge, 1);
    assert_eq!(fixture.stripe().refund(&another).await.refused().kind, RefusalKind::RefundExceeds);
    let effects = [effect("charge", 100, "USD"), effect("refund", 60, "USD"), effect("refund", 40, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn what_is_only_held_cannot_be_refunded() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(fixture.stripe().charge(&order).await.done());
    let refund = fixture.refund(&order, &intent, 100);
    assert_eq!(fixture.stripe().refund(&refund).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn other_decimals_are_charged_captured_and_refunded_exactly() {
    let fixture = SandboxFixture::open().await;
    for (currency, amount, part) in [
        ("JPY", 500, 120),
        ("ISK", 5_000, 1_000),
        ("KWD", 5_120, 2_560),
        ("HUF", 49_900, 10_001),
        ("MGA", 500_000, 200),
        ("IDR", 999_999_999_999, 1),
    ] {
        let order = fixture.authorize(amount, currency, Some("pm_card_visa"));
        let intent = authorized(fixture.stripe().charge(&order).await.done());
        fixture.stripe().capture(&fixture.capture(&order, &intent, amount)).await.done();
        fixture.stripe().refund(&fixture.refund(&order, &intent, part)).await.done();
        let effects = [
            effect("authorize", amount, currency),
            effect("capture", amount, currency),
            effect("refund", part, currency),
        ];
        assert_eq!(fixture.effects(order.payment).await, effects);
    }
}

#[tokio::test]
async fn an_amount_that_stripe_cannot_express_is_never_sent() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(5_124, "KWD", Some("pm_card_visa"));
    assert_eq!(fixture.stripe().accepts(order.money).unwrap_err().param, "amount");
    assert_eq!(fixture.stripe().charge(&order).await.refused().kind, invalid("amount"));
    assert_eq!(fixture.received("stripe", "charge").await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named_as_the_client_knows_it() {
    let fixture = SandboxFixture::open().await;
    let unknown = fixture.charge(4_999, "USD", Some("pm_unknown"));
    assert_eq!(fixture.stripe().charge(&unknown).await.refused().kind, invalid("paymentMethodId"));
    let missing = fixture.charge(4_999, "USD", None);
    assert_eq!(fixture.stripe().charge(&missing).await.refused().kind, invalid("paymentMethodId"));
    let small = fixture.charge(1, "USD", Some("pm_card_visa"));
    assert_eq!(fixture.stripe().charge(&small).await.refused().kind, invalid("amount"));
    let currency = fixture.charge(4_999, "KPW", Some("pm_card_visa"));
    assert_eq!(fixture.stripe().charge(&currency).await.refused().kind, invalid("currency"));
}

#[tokio::test]
async fn a_wrong_key_is_the_operators_matter() {
    let fixture = SandboxFixture::with(|settings| {
        let stripe = settings.stripe.as_mut().unwrap();
        stripe.secret_key = "sk_test_wrong".to_owned().into();
    })
    .await;
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let refusal = fixture.stripe().charge(&order).await.refused();
    assert_eq!(refusal.kind, RefusalKind::Configuration);
    assert!(!refusal.message.contains("sk_test"), "{}", refusal.message);
}

#[tokio::test]
async fn a_payment_that_is_not_ours_is_never_adopted() {
    let fixture = SandboxFixture::open().await;
    let (mine, other) = (
        fixture.charge(4_999, "USD", Some("pm_card_visa")),
        fixture.charge(4_999, "USD", Some("pm_card_visa")),
    );
    let intent = completed(fixture.stripe().charge(&other).await.done());
    let answer = fixture.stripe().resume(&fixture.resume(&mine, &intent)).await;
    assert!(matches!(answer, payments::model::provider::Outcome::Unknown(_)), "{answer:?}");
    let gone = fixture.stripe().resume(&fixture.resume(&mine, &ProviderRef::new("pi_gone"))).await;
    assert_eq!(gone.refused().kind, RefusalKind::Configuration);
}

#[tokio::test]
async fn a_provider_without_credentials_is_absent() {
    let mut settings = settings("http://127.0.0.1:9");
    settings.stripe = None;
    let clock = std::sync::Arc::new(payments::ports::clock::SystemClock);
    let providers = payments_providers::Providers::new(settings, clock).unwrap();
    assert!(providers.get(edge_core::provider::Provider::Stripe).is_none());
    assert!(providers.get(edge_core::provider::Provider::Paypal).is_some());
}
