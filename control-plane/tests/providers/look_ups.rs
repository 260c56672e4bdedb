//! Looking at the providers: what is there is reported as it is, and what cannot be asked is not called missing.

use edge_core::money::Money;
use jiff::Timestamp;
use payments::model::payer_action::PayerAction;
use payments::model::provider::{CancelTarget, ChargeOrder, ProviderRef};
use payments::model::snapshot::{
    Found, LookUp, Origin, ProviderSnapshot, ProviderStatus, RefundLookUp, RefundProviderStatus,
    RefundSnapshot,
};
use payments::ports::clock::Clock as _;

use crate::sandbox_fixture::{Expect, SandboxFixture, authorized, completed, money, to_be_acted_on};

#[track_caller]
fn found<T: std::fmt::Debug>(look: Found<T>) -> T {
    match look {
        Found::Found(found) => found,
        other => panic!("not found: {other:?}"),
    }
}

#[track_caller]
fn of(order: &ChargeOrder, seen: &ProviderSnapshot) -> ProviderStatus {
    assert_eq!((seen.payment, seen.money), (Some(order.payment), Some(order.money)));
    seen.provider_status.clone()
}

fn captured(charge: &ProviderRef, money: Money) -> ProviderStatus {
    ProviderStatus::Captured { charge: charge.clone(), money }
}

#[tokio::test]
async fn stripe_shows_each_payment_where_it_stands() {
    let fixture = SandboxFixture::with(|settings| {
        settings.default_return_url = Some("https://shop.example/back".to_owned());
    })
    .await;
    let stripe = fixture.stripe();
    let look = async |intent: &ProviderRef| found(stripe.look_up(&LookUp::Payment(intent.clone())).await);

    let order = fixture.charge(500, "ISK", Some("pm_card_visa"));
    let intent = completed(stripe.charge(&order).await.done());
    assert_eq!(of(&order, &look(&intent).await), captured(&intent, order.money));

    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(stripe.charge(&order).await.done());
    assert_eq!(
        of(&order, &look(&intent).await),
        ProviderStatus::Authorized { authorization: intent.clone(), expires: None }
    );
    stripe.capture(&fixture.capture(&order, &intent, 2_000)).await.done();
    assert_eq!(of(&order, &look(&intent).await), captured(&intent, money(2_000, "USD")));

    let order = fixture.authorize(4_999, "USD", Some("pm_card_visa"));
    let intent = authorized(stripe.charge(&order).await.done());
    stripe.cancel(&fixture.cancel(&order, CancelTarget::Authorization(intent.clone()))).await.done();
    assert_eq!(of(&order, &look(&intent).await), ProviderStatus::Canceled { is_expired: false });

    let order = fixture.charge(4_999, "USD", Some("pm_card_visa_chargeDeclinedInsufficientFunds"));
    let left = stripe.charge(&order).await.refused().reference.unwrap();
    let ProviderStatus::Declined(refusal) = of(&order, &look(&left).await) else { panic!("not declined") };
    assert_eq!(refusal.decline_code.as_deref(), Some("insufficient_funds"));

    let order = fixture.charge(4_999, "USD", Some("pm_card_threeDSecure2Required"));
    let (intent, url) = to_be_acted_on(stripe.charge(&order).await.done());
    assert_eq!(of(&order, &look(&intent).await), ProviderStatus::RequiresAction(PayerAction::Page(url)));
}

#[tokio::test]
async fn stripe_finds_a_payment_by_our_id_among_many() {
    let fixture = SandboxFixture::open().await;
    let stripe = fixture.stripe();
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let intent = completed(stripe.charge(&order).await.done());
    // More than one page of the list.
    for _ in 0..105 {
        stripe.charge(&fixture.charge(100, "USD", Some("pm_card_visa"))).await.done();
    }
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let ours = |from, to| LookUp::Ours { payment: order.payment, from, to };
    let seconds = jiff::SignedDuration::from_secs(60);
    let seen = found(stripe.look_up(&ours(at - seconds, at + seconds)).await);
    assert_eq!((&seen.reference, of(&order, &seen)), (&intent, captured(&intent, order.money)));
    assert_eq!(stripe.look_up(&ours(at + seconds, at + seconds)).await, Found::Missing);
    let nobody = LookUp::Ours { payment: fixture.charge(1, "USD", None).payment, from: at, to: at };
    assert_eq!(stripe.look_up(&nobody).await, Found::Missing);
}

#[tokio::test]
async fn a_list_that_is_longer_than_one_look_is_searched_over_several() {
    let fixture = SandboxFixture::open().await;
    let stripe = fixture.stripe();
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let intent = completed(stripe.charge(&order).await.done());
    for _ in 0..1_050 {
        stripe.charge(&fixture.charge(100, "USD", Some("pm_card_visa"))).await.done();
    }
    let at = fixture.clock.now();
    let before = fixture.received("stripe", "retrieve").await;
    let looked = async |payment| stripe.look_up(&LookUp::Ours { payment, from: at, to: at }).await;
    assert!(matches!(looked(order.payment).await, Found::Unavailable(_)), "absence is not proven yet");
    assert_eq!(fixture.received("stripe", "retrieve").await - before, 10);
    assert_eq!(found(looked(order.payment).await).reference, intent);
    let nobody = fixture.charge(1, "USD", None).payment;
    assert!(matches!(looked(nobody).await, Found::Unavailable(_)));
    assert_eq!(looked(nobody).await, Found::Missing);

    let first = found(stripe.list(at, at, None).await);
    let rest = found(stripe.list(at, at, first.next.as_ref()).await);
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (1_000, 51, None));
}

#[tokio::test]
async fn stripe_lists_whose_each_payment_is_and_how_it_was_to_be_captured() {
    let fixture = SandboxFixture::open().await;
    let stripe = fixture.stripe();
    let at = Timestamp::from_second(1_767_225_600).unwrap();
    let seconds = jiff::SignedDuration::from_secs(60);
    for order in [
        fixture.charge(500, "USD", Some("pm_card_visa")),
        ChargeOrder {
            metadata: serde_json::from_str(r#"{"clientId":"another-client"}"#).unwrap(),
            ..fixture.authorize(600, "USD", Some("pm_card_visa"))
        },
    ] {
        stripe.charge(&order).await.done();
        let listed = found(stripe.list(at - seconds, at + seconds, None).await);
        let one = listed.items.into_iter().find(|one| one.seen.payment == Some(order.payment)).unwrap();
        assert_eq!(one.seen.money, Some(order.money));
        assert_eq!(one.origin, Some(Origin { client: order.client, capture: order.capture }));
    }
}

#[track_caller]
fn the_one(seen: &[RefundSnapshot]) -> &RefundSnapshot {
    match seen {
        [one] => one,
        _ => panic!("not one: {seen:?}"),
    }
}

#[tokio::test]
async fn stripe_shows_refunds_by_name_and_by_payment() {
    let fixture = SandboxFixture::open().await;
    let stripe = fixture.stripe();
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let intent = completed(stripe.charge(&order).await.done());
    let all = RefundLookUp::Of { payment: intent.clone(), charge: intent.clone() };
    assert_eq!(stripe.look_up_refunds(&all).await, Found::Found(Vec::new()));
    let refund = fixture.refund(&order, &intent, 1_000);
    stripe.refund(&refund).await.done();
    let seen = found(stripe.look_up_refunds(&all).await);
    let one = the_one(&seen);
    assert_eq!(
        (one.refund, one.payment, &one.charge),
        (Some(refund.refund), Some(order.payment), &Some(intent))
    );
    assert_eq!(
        (one.money, &one.provider_status),
        (Some(money(1_000, "USD")), &RefundProviderStatus::Processed)
    );
    let by_name = found(stripe.look_up_refunds(&RefundLookUp::One(one.reference.clone())).await);
    assert_eq!(by_name, seen);
}

#[tokio::test]
async fn paypal_shows_each_order_where_it_stands() {
    let fixture = SandboxFixture::open().await;
    let paypal = fixture.paypal();
    let look = async |order: &ProviderRef| found(paypal.look_up(&LookUp::Payment(order.clone())).await);

    let order = fixture.charge(4_999, "USD", None);
    let (id, page) = to_be_acted_on(paypal.charge(&order).await.done());
    assert_eq!(of(&order, &look(&id).await), ProviderStatus::RequiresAction(PayerAction::Page(page.clone())));
    fixture.visit(&page, "approve").await;
    assert_eq!(of(&order, &look(&id).await), ProviderStatus::Approved { declined: None, page: None });
    let charge = completed(paypal.resume(&fixture.resume(&order, &id)).await.done());
    assert_eq!(of(&order, &look(&id).await), captured(&charge, order.money));
    // The capture alone says the same, but not what the whole order was over.
    let by_charge = found(paypal.look_up(&LookUp::Charge(charge.clone())).await);
    assert_eq!((by_charge.reference, by_charge.payment), (id, Some(order.payment)));
    assert_eq!(by_charge.provider_status, captured(&charge, order.money));

    let order = fixture.charge(500, "JPY", Some("card:vault-declined"));
    let left = paypal.charge(&order).await.refused().reference.unwrap();
    assert!(matches!(of(&order, &look(&left).await), ProviderStatus::Declined(_)));

    let order = fixture.charge(4_999, "USD", Some("vault-pending"));
    let payments::model::provider::Charged::Pending { payment } = paypal.charge(&order).await.done() else {
        panic!("not pending")
    };
    assert_eq!(of(&order, &look(&payment).await), ProviderStatus::Processing);
}

#[tokio::test]
async fn paypal_shows_what_is_held_taken_in_part_or_released() {
    let fixture = SandboxFixture::open().await;
    let paypal = fixture.paypal();
    let look = async |order: &ProviderRef| found(paypal.look_up(&LookUp::Payment(order.clone())).await);
    for released in [false, true] {
        let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
        let payments::model::provider::Charged::Authorized { payment, authorization, .. } =
            paypal.charge(&order).await.done()
        else {
            panic!("not authorized")
        };
        let ProviderStatus::Authorized { authorization: held, expires: Some(expires) } =
            of(&order, &look(&payment).await)
        else {
            panic!("not held for a time")
        };
        // The sandbox's clock stands at the first of the month; PayPal holds for 29 days.
        assert_eq!((held, expires.to_string()), (authorization.clone(), "2026-01-30T00:00:00Z".to_owned()));
        if released {
            paypal.cancel(&fixture.cancel(&order, CancelTarget::Authorization(authorization))).await.done();
            assert_eq!(of(&order, &look(&payment).await), ProviderStatus::Canceled { is_expired: false });
        } else {
            paypal.capture(&fixture.capture(&order, &authorization, 2_000)).await.done();
            let provider_status = of(&order, &look(&payment).await);
            assert!(
                matches!(provider_status, ProviderStatus::Captured { money: part, .. } if part == money(2_000, "USD"))
            );
        }
    }
}

#[tokio::test]
async fn paypal_shows_refunds_by_name_and_in_their_order() {
    let fixture = SandboxFixture::open().await;
    let paypal = fixture.paypal();
    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    let payments::model::provider::Charged::Completed { payment, charge, .. } =
        paypal.charge(&order).await.done()
    else {
        panic!("not completed")
    };
    let all = RefundLookUp::Of { payment, charge: charge.clone() };
    assert_eq!(paypal.look_up_refunds(&all).await, Found::Found(Vec::new()));
    let refund = fixture.refund(&order, &charge, 1_000);
    paypal.refund(&refund).await.done();
    let seen = found(paypal.look_up_refunds(&all).await);
    let one = the_one(&seen);
    assert_eq!(
        (one.refund, one.payment, &one.charge),
        (Some(refund.refund), Some(order.payment), &Some(charge))
    );
    assert_eq!(
        (one.money, &one.provider_status),
        (Some(money(1_000, "USD")), &RefundProviderStatus::Processed)
    );
    let by_name = found(paypal.look_up_refunds(&RefundLookUp::One(one.reference.clone())).await);
    assert_eq!(by_name, seen);
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_what_cannot_be_asked_is_not() {
    let fixture = SandboxFixture::open().await;
    let nobody = fixture.charge(1, "USD", None).payment;
    let at = Timestamp::UNIX_EPOCH;
    let no_order = ProviderRef::new("5O190127TN364715T");
    for (provider, name) in [(fixture.stripe(), "pi_none"), (fixture.paypal(), no_order.as_str())] {
        let name = ProviderRef::new(name);
        assert_eq!(provider.look_up(&LookUp::Payment(name.clone())).await, Found::Missing);
        assert_eq!(provider.look_up(&LookUp::Charge(name.clone())).await, Found::Missing);
        assert_eq!(provider.look_up_refunds(&RefundLookUp::One(name)).await, Found::Missing);
    }
    let ours = LookUp::Ours { payment: nobody, from: at, to: at };
    assert_eq!(fixture.paypal().look_up(&ours).await, Found::CannotAsk);
}

#[tokio::test]
async fn a_look_that_fails_says_nothing_about_what_is_there() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("pm_card_visa"));
    let intent = completed(fixture.stripe().charge(&order).await.done());
    for fault in ["error_before", "drop_after", "html_error", "truncated", "rate_limited"] {
        fixture.fault("*", "retrieve", fault).await;
        for provider in [fixture.stripe(), fixture.paypal()] {
            let look = provider.look_up(&LookUp::Payment(intent.clone())).await;
            assert!(matches!(look, Found::Unavailable(_)), "{fault}: {look:?}");
            let refunds = provider.look_up_refunds(&RefundLookUp::One(intent.clone())).await;
            assert!(matches!(refunds, Found::Unavailable(_)), "{fault}: {refunds:?}");
        }
        fixture.heal().await;
    }
}
