//! The PayPal adapter against the sandbox.

use payments::model::provider::{
    CancelTarget, Captured, Charged, Outcome, ProviderRef, Refunded, RefusalKind,
};
use payments::model::snapshot::{Found, LookUp, ProviderStatus};
use serde_json::json;

use crate::sandbox_fixture::{
    Expect, SandboxFixture, authorized, completed, effect, invalid, money, to_be_acted_on,
};

#[tokio::test]
async fn vaulted_accounts_cards_and_agreements_are_charged_once() {
    let fixture = SandboxFixture::open().await;
    for method in ["vault-ok", "card:vault-ok", "B-OK"] {
        let order = fixture.charge(4_999, "USD", Some(method));
        let charge = completed(fixture.paypal().charge(&order).await.done());
        assert_eq!(completed(fixture.paypal().charge(&order).await.done()), charge, "{method}");
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")], "{method}");
    }
}

#[tokio::test]
async fn what_the_client_tells_goes_with_the_order() {
    let fixture = SandboxFixture::open().await;
    let mut order = fixture.charge(4_999, "USD", Some("vault-ok"));
    order.description = Some("two chairs".to_owned());
    order.customer_reference = Some("customer-7".to_owned());
    order.return_url = Some("https://shop.example/back".to_owned());
    completed(fixture.paypal().charge(&order).await.done());
}

#[tokio::test]
async fn every_kind_of_decline_keeps_its_reason_and_moves_nothing() {
    let fixture = SandboxFixture::open().await;
    for (method, code) in [
        ("vault-declined", "INSTRUMENT_DECLINED"),
        ("card:vault-declined", "DECLINED"),
        ("B-DECLINED", "INSTRUMENT_DECLINED"),
        ("B-CANCELLED", "AGREEMENT_ALREADY_CANCELLED"),
    ] {
        for order in
            [fixture.charge(4_999, "USD", Some(method)), fixture.authorize(4_999, "USD", Some(method))]
        {
            let refusal = fixture.paypal().charge(&order).await.refused();
            assert_eq!(refusal.kind, RefusalKind::Declined, "{method}");
            assert!([code, "DENIED"].contains(&refusal.code.as_deref().unwrap()), "{method}: {refusal:?}");
            assert_eq!(fixture.effects(order.payment).await, [], "{method}");
        }
    }
}

#[tokio::test]
async fn a_declined_card_says_which_order_it_left() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("card:vault-declined"));
    let refusal = fixture.paypal().charge(&order).await.refused();
    assert!(refusal.reference.is_some_and(|order| order.as_str().len() == 17));
}

#[tokio::test]
async fn an_unknown_vault_id_is_the_clients_mistake() {
    let fixture = SandboxFixture::open().await;
    for method in ["vault-unknown", "card:vault-unknown"] {
        let order = fixture.charge(4_999, "USD", Some(method));
        assert_eq!(
            fixture.paypal().charge(&order).await.refused().kind,
            invalid("paymentMethodId"),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_capture_under_review_is_pending() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("vault-pending"));
    let charged = fixture.paypal().charge(&order).await.done();
    assert!(matches!(charged, Charged::Pending { .. }), "{charged:?}");
}

#[tokio::test]
async fn a_vaulted_account_may_need_its_owner() {
    let fixture = SandboxFixture::with(|settings| {
        settings.default_return_url = Some("https://shop.example/back".to_owned());
    })
    .await;
    let order = fixture.charge(4_999, "USD", Some("vault-action"));
    let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
    fixture.visit(&page, "approve").await;
    completed(fixture.paypal().resume(&fixture.resume(&order, &session)).await.done());
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn a_part_of_what_is_held_is_captured_once() {
    let fixture = SandboxFixture::open().await;
    for method in ["vault-ok", "card:vault-ok", "B-OK"] {
        let order = fixture.authorize(4_999, "USD", Some(method));
        let authorization = authorized(fixture.paypal().charge(&order).await.done());
        let capture = fixture.capture(&order, &authorization, 2_000);
        let captured = fixture.paypal().capture(&capture).await.done();
        assert!(matches!(captured, Captured::Completed { .. }), "{captured:?}");
        assert_eq!(fixture.paypal().capture(&capture).await.done(), captured);
        let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
        assert_eq!(fixture.effects(order.payment).await, effects, "{method}");

        // Another attempt at the same finds it done; at something else, that it cannot be.
        let again = fixture.capture(&order, &authorization, 2_000);
        assert_eq!(fixture.paypal().capture(&again).await.done(), captured);
        let more = fixture.capture(&order, &authorization, 2_999);
        assert_eq!(fixture.paypal().capture(&more).await.refused().kind, RefusalKind::State);
        assert_eq!(fixture.effects(order.payment).await, effects, "{method}");
    }
}

async fn captured_in_the_dashboard(fixture: &SandboxFixture, authorization: &ProviderRef, minor: u64) {
    let script = json!({
        "provider": "paypal", "type": "PAYMENT.CAPTURE.COMPLETED", "id": authorization.as_str(), "amount": minor,
    });
    fixture.happens(&script).await;
}

#[tokio::test]
async fn what_people_captured_a_part_of_is_not_captured_once_more() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    captured_in_the_dashboard(&fixture, &authorization, 2_000).await;
    let more = fixture.capture(&order, &authorization, 2_500);
    assert_eq!(fixture.paypal().capture(&more).await.refused().kind, RefusalKind::State);
    let same = fixture.paypal().capture(&fixture.capture(&order, &authorization, 2_000)).await.done();
    assert!(matches!(same, Captured::Completed { .. }), "{same:?}");
    let effects = [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn what_people_captured_a_part_of_is_released_and_not_called_canceled() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    captured_in_the_dashboard(&fixture, &authorization, 2_000).await;
    for _ in 0..2 {
        let cancel = fixture.cancel(&order, CancelTarget::Authorization(authorization.clone()));
        assert_eq!(fixture.paypal().cancel(&cancel).await.refused().kind, RefusalKind::State);
    }
    let effects =
        [effect("authorize", 4_999, "USD"), effect("capture", 2_000, "USD"), effect("cancel", 2_999, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn a_release_whose_look_fails_is_not_told_as_done() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    fixture.fault("paypal", "retrieve", "error_before").await;
    let cancel = fixture.cancel(&order, CancelTarget::Authorization(authorization));
    let open = fixture.paypal().cancel(&cancel).await;
    assert!(matches!(open, Outcome::Unknown(_)), "{open:?}");
    fixture.heal().await;
    fixture.paypal().cancel(&cancel).await.done();
}

#[tokio::test]
async fn several_captures_of_people_are_taken_together() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let Charged::Authorized { payment, authorization, .. } = fixture.paypal().charge(&order).await.done()
    else {
        panic!("not authorized")
    };
    captured_in_the_dashboard(&fixture, &authorization, 1_000).await;
    captured_in_the_dashboard(&fixture, &authorization, 2_500).await;
    let Found::Found(seen) = fixture.paypal().look_up(&LookUp::Payment(payment)).await else {
        panic!("not found")
    };
    let ProviderStatus::Captured { charge, money: taken } = seen.provider_status else {
        panic!("not captured")
    };
    assert_eq!(taken, money(3_500, "USD"));
    // The larger part, of which more can be given back.
    fixture.paypal().refund(&fixture.refund(&order, &charge, 2_500)).await.done();
}

#[tokio::test]
async fn more_than_is_held_cannot_be_captured() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    let capture = fixture.capture(&order, &authorization, 5_000);
    assert_eq!(fixture.paypal().capture(&capture).await.refused().kind, invalid("amount"));
}

#[tokio::test]
async fn what_is_held_is_released_and_stays_so() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    let target = CancelTarget::Authorization(authorization.clone());
    fixture.paypal().cancel(&fixture.cancel(&order, target.clone())).await.done();
    fixture.paypal().cancel(&fixture.cancel(&order, target)).await.done();
    let effects = [effect("authorize", 4_999, "USD"), effect("cancel", 4_999, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
    let capture = fixture.capture(&order, &authorization, 4_999);
    assert_eq!(fixture.paypal().capture(&capture).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn what_is_captured_cannot_be_released() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", Some("vault-ok"));
    let authorization = authorized(fixture.paypal().charge(&order).await.done());
    fixture.paypal().capture(&fixture.capture(&order, &authorization, 4_999)).await.done();
    let cancel = fixture.cancel(&order, CancelTarget::Authorization(authorization));
    assert_eq!(fixture.paypal().cancel(&cancel).await.refused().kind, RefusalKind::State);
}

#[tokio::test]
async fn refunds_add_up_to_the_charge_and_no_further() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(100, "USD", Some("vault-ok"));
    let charge = completed(fixture.paypal().charge(&order).await.done());
    let first = fixture.refund(&order, &charge, 60);
    let Refunded::Processed { refund } = fixture.paypal().refund(&first).await.done() else {
        panic!("pending")
    };
    assert_eq!(fixture.paypal().refund(&first).await.done(), Refunded::Processed { refund });

    let beyond = fixture.refund(&order, &charge, 60);
    assert_eq!(fixture.paypal().refund(&beyond).await.refused().kind, RefusalKind::RefundExceeds);
    fixture.paypal().refund(&fixture.refund(&order, &charge, 40)).await.done();
    let another = fixture.refund(&order, &charge, 1);
    assert_eq!(fixture.paypal().refund(&another).await.refused().kind, RefusalKind::RefundExceeds);
    let effects = [effect("charge", 100, "USD"), effect("refund", 60, "USD"), effect("refund", 40, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn other_decimals_are_charged_captured_and_refunded_exactly() {
    let fixture = SandboxFixture::open().await;
    for (currency, amount, part) in
        [("JPY", 500, 120), ("HUF", 49_900, 10_000), ("TWD", 10_000, 300), ("EUR", 1_005, 5)]
    {
        let order = fixture.authorize(amount, currency, Some("vault-ok"));
        let authorization = authorized(fixture.paypal().charge(&order).await.done());
        let captured =
            fixture.paypal().capture(&fixture.capture(&order, &authorization, amount)).await.done();
        let Captured::Completed { charge } = captured else { panic!("pending") };
        fixture.paypal().refund(&fixture.refund(&order, &charge, part)).await.done();
        let effects = [
            effect("authorize", amount, currency),
            effect("capture", amount, currency),
            effect("refund", part, currency),
        ];
        assert_eq!(fixture.effects(order.payment).await, effects);
    }
}

#[tokio::test]
async fn what_paypal_cannot_express_is_never_sent() {
    let fixture = SandboxFixture::open().await;
    for (order, param) in [
        (fixture.charge(49_950, "HUF", Some("vault-ok")), "amount"),
        (fixture.charge(1_000, "KWD", Some("vault-ok")), "currency"),
    ] {
        assert_eq!(fixture.paypal().accepts(order.money).unwrap_err().param, param);
        assert_eq!(fixture.paypal().charge(&order).await.refused().kind, invalid(param));
    }
    assert_eq!(fixture.received("paypal", "charge").await, 0);
}
