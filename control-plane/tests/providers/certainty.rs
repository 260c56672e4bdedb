//! Whatever goes wrong on the way, an answer claims no more than is known, and the same order sent again has
//! no second effect.

use std::sync::Arc;

use payments::model::provider::{CancelTarget, Captured, Outcome};
use payments::ports::provider::PaymentProvider;

use crate::shop::{Expect, Shop, authorized, completed, effect, to_be_acted_on};

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

fn sides(shop: &Shop) -> [(&'static str, &'static str, Arc<dyn PaymentProvider>); 2] {
    [("stripe", "pm_card_visa", shop.stripe()), ("paypal", "vault-ok", shop.paypal())]
}

#[tokio::test]
async fn a_charge_under_each_fault() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        for (fault, known, happens) in FAULTS {
            let order = shop.charge(4_999, "USD", Some(method));
            shop.fault(name, "charge", fault).await;
            let answer = provider.charge(&order).await;
            assert_eq!(certainty(&answer), known, "{name} {fault}: {answer:?}");
            assert_eq!(shop.effects(order.payment).await.len(), usize::from(happens), "{name} {fault}");
            shop.heal().await;
            completed(provider.charge(&order).await.done());
            assert_eq!(shop.effects(order.payment).await, [effect("charge", 4_999, "USD")], "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_capture_under_each_fault() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        for (fault, known, _) in FAULTS {
            let order = shop.authorize(4_999, "USD", Some(method));
            let authorization = authorized(provider.charge(&order).await.done());
            let capture = shop.capture(&order, &authorization, 2_000);
            shop.fault(name, "capture", fault).await;
            assert_eq!(certainty(&provider.capture(&capture).await), known, "{name} {fault}");
            shop.heal().await;
            let captured = provider.capture(&capture).await.done();
            assert!(matches!(captured, Captured::Completed { .. }), "{name} {fault}");
            let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
            assert_eq!(shop.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_cancellation_under_each_fault() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        for (fault, known, _) in FAULTS {
            let order = shop.authorize(4_999, "USD", Some(method));
            let authorization = authorized(provider.charge(&order).await.done());
            let cancel = shop.cancel(&order, CancelTarget::Authorization(authorization));
            shop.fault(name, "cancel", fault).await;
            let answer = provider.cancel(&cancel).await;
            // Voiding has no body worth reading, so nothing of it can be lost.
            let answered = name == "paypal" && fault == "truncated" && certainty(&answer) == Certainty::Done;
            assert!(answered || certainty(&answer) == known, "{name} {fault}: {answer:?}");
            shop.heal().await;
            provider.cancel(&cancel).await.done();
            let effects = [effect("authorize", 4_999, "USD"), effect("cancel", 4_999, "USD")];
            assert_eq!(shop.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_refund_under_each_fault() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        for (fault, known, _) in FAULTS {
            let order = shop.charge(4_999, "USD", Some(method));
            let charge = completed(provider.charge(&order).await.done());
            let refund = shop.refund(&order, &charge, 2_000);
            shop.fault(name, "refund", fault).await;
            assert_eq!(certainty(&provider.refund(&refund).await), known, "{name} {fault}");
            shop.heal().await;
            provider.refund(&refund).await.done();
            let effects = [effect("charge", 4_999, "USD"), effect("refund", 2_000, "USD")];
            assert_eq!(shop.effects(order.payment).await, effects, "{name} {fault}");
        }
    }
}

#[tokio::test]
async fn a_payer_who_comes_back_while_the_provider_cannot_be_asked_can_come_back_later() {
    let shop = Shop::open().await;
    for (name, method, provider) in
        [("stripe", Some("pm_card_threeDSecure2Required"), shop.stripe()), ("paypal", None, shop.paypal())]
    {
        let mut order = shop.charge(4_999, "USD", method);
        order.return_url = Some("https://shop.example/back".to_owned());
        let (session, _) = to_be_acted_on(provider.charge(&order).await.done());
        for (fault, _, _) in FAULTS {
            shop.fault(name, "retrieve", fault).await;
            let answer = provider.resume(&shop.resume(&order, &session)).await;
            assert_eq!(certainty(&answer), Certainty::NotSent, "{name} {fault}: {answer:?}");
            shop.heal().await;
        }
    }
}

#[tokio::test]
async fn a_capture_under_a_forgotten_key_is_found_and_not_repeated() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        let order = shop.authorize(4_999, "USD", Some(method));
        let authorization = authorized(provider.charge(&order).await.done());
        let capture = shop.capture(&order, &authorization, 2_000);
        shop.fault(name, "capture", "drop_after").await;
        assert_eq!(certainty(&provider.capture(&capture).await), Certainty::Unknown);
        shop.heal().await;
        shop.fault(name, "capture", "forget_key").await;
        // While it cannot be looked up, it stays open. At PayPal that is tried first, so this call sends nothing, and of a
        // repeat that says nothing about the call before.
        shop.fault(name, "retrieve", "error_before").await;
        let open = if name == "paypal" { Certainty::NotSent } else { Certainty::Unknown };
        assert_eq!(certainty(&provider.capture(&capture).await), open, "{name}");
        shop.heal().await;
        shop.fault(name, "capture", "forget_key").await;
        provider.capture(&capture).await.done();
        let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
        assert_eq!(shop.effects(order.payment).await, effects, "{name}");
        shop.heal().await;
    }
}

#[tokio::test]
async fn the_same_order_at_once_has_one_effect() {
    let shop = Shop::open().await;
    for (name, method, provider) in sides(&shop) {
        let order = shop.charge(4_999, "USD", Some(method));
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
        assert_eq!(shop.effects(order.payment).await, [effect("charge", 4_999, "USD")], "{name}");
    }
}
