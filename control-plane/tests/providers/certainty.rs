//! Whatever goes wrong on the way, an answer claims no more than is known, and the same order sent again has
//! no second effect.

use std::sync::Arc;

use payments::model::provider::{CancelTarget, Captured, Outcome};
use payments::ports::provider::PaymentProvider;

use crate::sandbox_fixture::{Expect, SandboxFixture, authorized, completed, effect, to_be_acted_on};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    Done,
    Refused,
    NotSent,
    Unknown,
}

fn certainty<T>(outcome: &Outcome<T>) -> Certainty {
    match outcome {
        Outcome::Done(_) => Certainty::Done,
        Outcome::Refused(_) => Certainty::Refused,
        Outcome::NotSent(_) => Certainty::NotSent,
        Outcome::Unknown(_) => Certainty::Unknown,
    }
}

/// A fault, what can be known under it, and whether the effect happens all the same.
const FAULTS: [(&str, Certainty, bool); 7] = [
    ("rate_limited", Certainty::NotSent, false),
    ("error_before", Certainty::Unknown, false),
    ("error_after", Certainty::Unknown, true),
    ("drop_before", Certainty::Unknown, false),
    ("drop_after", Certainty::Unknown, true),
    ("html_error", Certainty::Unknown, false),
    ("truncated", Certainty::Unknown, true),
];

fn sides(fixture: &SandboxFixture) -> [(&'static str, &'static str, Arc<dyn PaymentProvider>); 2] {
    [("stripe", "pm_card_visa", fixture.stripe()), ("paypal", "vault-ok", fixture.paypal())]
}

#[tokio::test]
async fn a_charge_under_each_fault() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        for (fault, known, happens) in FAULTS {
            let order = fixture.charge(4_999, "USD", Some(method));
            fixture.fault(name, "charge", fault).await;
            let answer = provider.charge(&order).await;
            assert_eq!(certainty(&answer), known, "{name} {fault}: {answer:?}");
            assert_eq!(fixture.effects(order.payment).await.len(), usize::from(happens), "{name} {fault}");
            fixture.heal().await;
            completed(provider.charge(&order).await.done());
            assert_eq!(
                fixture.effects(order.payment).await,
                [effect("charge", 4_999, "USD")],
                "{name} {fault}"
            );
        }
    }
}

#[tokio::test]
async fn a_capture_under_each_fault() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        for (fault, known, _) in FAULTS {
            let order = fixture.authorize(4_999, "USD", Some(method));
            let authorization = authorized(provider.charge(&order).await.done());
            let capture = fixture.capture(&order, &authorization, 2_000);
            fixture.fault(name, "capture", fault).await;
            assert_eq!(certainty(&provider.capture(&capture).await), known, "{name} {fault}");
            fixture.heal().await;
            let captured = provider.capture(&capture).await.done();
            assert!(matches!(captured, Captured::Completed { .. }), "{name} {fault}");
            let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
            assert_eq!(fixture.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_cancellation_under_each_fault() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        for (fault, known, _) in FAULTS {
            let order = fixture.authorize(4_999, "USD", Some(method));
            let authorization = authorized(provider.charge(&order).await.done());
            let cancel = fixture.cancel(&order, CancelTarget::Authorization(authorization));
            fixture.fault(name, "cancel", fault).await;
            let answer = provider.cancel(&cancel).await;
            // Voiding has no body worth reading, so nothing of it can be lost.
            let answered = name == "paypal" && fault == "truncated" && certainty(&answer) == Certainty::Done;
            assert!(answered || certainty(&answer) == known, "{name} {fault}: {answer:?}");
            fixture.heal().await;
            provider.cancel(&cancel).await.done();
            let effects = [effect("authorize", 4_999, "USD"), effect("cancel", 4_999, "USD")];
            assert_eq!(fixture.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_refund_under_each_fault() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        for (fault, known, _) in FAULTS {
            let order = fixture.charge(4_999, "USD", Some(method));
            let charge = completed(provider.charge(&order).await.done());
            let refund = fixture.refund(&order, &charge, 2_000);
            fixture.fault(name, "refund", fault).await;
            assert_eq!(certainty(&provider.refund(&refund).await), known, "{name} {fault}");
            fixture.heal().await;
            provider.refund(&refund).await.done();
            let effects = [effect("charge", 4_999, "USD"), effect("refund", 2_000, "USD")];
            assert_eq!(fixture.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_payer_who_comes_back_while_the_provider_cannot_be_asked_can_come_back_later() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in [
        ("stripe", Some("pm_card_threeDSecure2Required"), fixture.stripe()),
        ("paypal", None, fixture.paypal()),
    ] {
        let mut order = fixture.charge(4_999, "USD", method);
        order.return_url = Some("https://shop.example/back".to_owned());
        let (session, _) = to_be_acted_on(provider.charge(&order).await.done());
        for (fault, _, _) in FAULTS {
            fixture.fault(name, "retrieve", fault).await;
            let answer = provider.resume(&fixture.resume(&order, &session)).await;
            assert_eq!(certainty(&answer), Certainty::NotSent, "{name} {fault}: {answer:?}");
            fixture.heal().await;
        }
    }
}

#[tokio::test]
async fn a_capture_under_a_forgotten_key_is_found_and_not_repeated() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        let order = fixture.authorize(4_999, "USD", Some(method));
        let authorization = authorized(provider.charge(&order).await.done());
        let capture = fixture.capture(&order, &authorization, 2_000);
        fixture.fault(name, "capture", "drop_after").await;
        assert_eq!(certainty(&provider.capture(&capture).await), Certainty::Unknown);
        fixture.heal().await;
        fixture.fault(name, "capture", "forget_key").await;
        // While it cannot be looked up, it stays open. At PayPal that is tried first, so this call sends nothing, and
        // of a repeat that says nothing about the call before.
        fixture.fault(name, "retrieve", "error_before").await;
        let open = if name == "paypal" { Certainty::NotSent } else { Certainty::Unknown };
        assert_eq!(certainty(&provider.capture(&capture).await), open, "{name}");
        fixture.heal().await;
        fixture.fault(name, "capture", "forget_key").await;
        provider.capture(&capture).await.done();
        let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
        assert_eq!(fixture.effects(order.payment).await, effects, "{name}");
        fixture.heal().await;
    }
}

#[tokio::test]
async fn the_same_order_at_once_has_one_effect() {
    let fixture = SandboxFixture::open().await;
    for (name, method, provider) in sides(&fixture) {
        let order = fixture.charge(4_999, "USD", Some(method));
        let answers = tokio::join!(
            provider.charge(&order),
            provider.charge(&order),
            provider.charge(&order),
            provider.charge(&order)
        );
        for answer in [&answers.0, &answers.1, &answers.2, &answers.3] {
            let known = certainty(answer);
            assert!([Certainty::Done, Certainty::Unknown].contains(&known), "{name}: {answer:?}");
        }
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")], "{name}");
    }
}
