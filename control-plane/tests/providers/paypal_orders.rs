//! Orders that wait for their payer, and orders that the client made and had approved itself.

use edge_core::request::Wallet;
use payments::model::payer_action::PayerAction;
use payments::model::provider::{CancelTarget, ChargeOrder, Charged, Outcome, ProviderRef, RefusalKind};
use serde_json::{Value, json};
use test_services::ErrorLog;

use crate::sandbox_fixture::{
    Expect, PAGE, SandboxFixture, authorized, completed, effect, invalid, paypal_issue, to_be_acted_on,
};
use crate::wallets::confirm;

const BACK: &str = "https://shop.example/back";

/// An order as a client makes it in the payer's browser.
async fn foreign_order(
    fixture: &SandboxFixture,
    intent: &str,
    value: &str,
    custom_id: Option<&str>,
) -> String {
    foreign_order_with(fixture, intent, value, &json!({ "custom_id": custom_id })).await
}

/// `more`: what is in its purchase unit beside the amount; what is null there is left out.
async fn foreign_order_with(fixture: &SandboxFixture, intent: &str, value: &str, more: &Value) -> String {
    let mut unit = json!({ "amount": { "currency_code": "USD", "value": value } });
    let more = more.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null());
    unit.as_object_mut().unwrap().extend(more);
    let order = json!({ "intent": intent, "purchase_units": [unit] });
    let order = fixture.past_the_gateway("/v2/checkout/orders", &order).await;
    order["id"].as_str().unwrap().to_owned()
}

async fn approve(fixture: &SandboxFixture, order: &str) {
    fixture.visit(&fixture.url(&format!("/checkoutnow?token={order}")), "approve").await;
}

#[tokio::test]
async fn a_payer_who_approves_is_charged_when_they_come_back() {
    let fixture = SandboxFixture::open().await;
    for return_url in [Some(BACK.to_owned()), None] {
        let mut order = fixture.charge(4_999, "USD", None);
        order.return_url = return_url;
        let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
        let waiting = fixture.paypal().resume(&fixture.resume(&order, &session)).await.done();
        assert_eq!(to_be_acted_on(waiting).0, session);
        assert_eq!(fixture.effects(order.payment).await, []);
        fixture.visit(&page, "approve").await;
        let resume = fixture.resume(&order, &session);
        let charge = completed(fixture.paypal().resume(&resume).await.done());
        assert_eq!(completed(fixture.paypal().resume(&resume).await.done()), charge);
        let another_try = fixture.resume(&order, &session);
        assert_eq!(completed(fixture.paypal().resume(&another_try).await.done()), charge);
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
    }
}

#[tokio::test]
async fn what_a_payer_approved_can_be_held_first() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.authorize(4_999, "USD", None);
    let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
    fixture.visit(&page, "approve").await;
    let authorization = authorized(fixture.paypal().resume(&fixture.resume(&order, &session)).await.done());
    fixture.paypal().capture(&fixture.capture(&order, &authorization, 4_999)).await.done();
    let effects = [effect("authorize", 4_999, "USD"), effect("capture", 4_999, "USD")];
    assert_eq!(fixture.effects(order.payment).await, effects);
}

#[tokio::test]
async fn an_order_nobody_approved_ends_without_a_call() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let (session, _) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
    fixture.paypal().cancel(&fixture.cancel(&order, CancelTarget::Session(session))).await.done();
    assert_eq!(fixture.received("paypal", "cancel").await, 0);
}

#[tokio::test]
async fn an_order_that_was_completed_past_the_gateway_is_not_called_canceled() {
    let fixture = SandboxFixture::open().await;
    for (order, step) in [
        (fixture.charge(4_999, "USD", None), "capture"),
        (fixture.authorize(4_999, "USD", None), "authorize"),
    ] {
        let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
        fixture.visit(&page, "approve").await;
        let cancel = fixture.cancel(&order, CancelTarget::Session(session.clone()));
        fixture.past_the_gateway(&format!("/v2/checkout/orders/{session}/{step}"), &json!({})).await;
        assert_eq!(fixture.paypal().cancel(&cancel).await.refused().kind, RefusalKind::State);
    }
}

#[tokio::test]
async fn an_order_that_is_gone_can_still_be_canceled() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let gone = CancelTarget::Session(ProviderRef::new("0AA00000AA000000A"));
    fixture.paypal().cancel(&fixture.cancel(&order, gone)).await.done();
}

#[tokio::test]
async fn an_order_that_is_gone_was_not_approved_in_time() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let gone = ProviderRef::new("0AA00000AA000000A");
    let refusal = fixture.paypal().resume(&fixture.resume(&order, &gone)).await.refused();
    assert_eq!((refusal.kind, refusal.code.as_deref()), (RefusalKind::Expired, Some("order_expired")));
}

#[tokio::test]
async fn an_approved_order_of_the_client_is_charged_once() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "CAPTURE", "49.99", Some("invoice 7")).await;
    let order = fixture.charge(4_999, "USD", Some(&id));
    assert_eq!(fixture.paypal().session_in(&id), Some(ProviderRef::new(&id)));
    assert_eq!(fixture.paypal().charge(&order).await.refused().kind, invalid("paymentMethodId"));
    approve(&fixture, &id).await;
    let charge = completed(fixture.paypal().charge(&order).await.done());
    assert_eq!(completed(fixture.paypal().charge(&order).await.done()), charge);
    let other = fixture.charge(4_999, "USD", Some(&id));
    assert_eq!(fixture.paypal().charge(&other).await.refused().kind, invalid("paymentMethodId"));
    assert_eq!(fixture.ledger("?kind=charge").await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn an_order_whose_invoice_is_paid_already_is_the_clients_mistake() {
    let fixture = SandboxFixture::open().await;
    let invoice = json!({ "invoice_id": "INV-7" });
    let paid = foreign_order_with(&fixture, "CAPTURE", "49.99", &invoice).await;
    let again = foreign_order_with(&fixture, "CAPTURE", "49.99", &invoice).await;
    for id in [&paid, &again] {
        approve(&fixture, id).await;
    }
    completed(fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&paid))).await.done());
    let refusal = fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&again))).await.refused();
    assert_eq!(
        (refusal.kind, refusal.code.as_deref()),
        (invalid("paymentMethodId"), Some("DUPLICATE_INVOICE_ID"))
    );
    assert_eq!(fixture.ledger("?kind=charge").await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn an_order_that_the_shops_own_page_captured_is_no_payment_here() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "CAPTURE", "49.99", None).await;
    approve(&fixture, &id).await;
    fixture.past_the_gateway(&format!("/v2/checkout/orders/{id}/capture"), &json!({})).await;
    let refusal = fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&id))).await.refused();
    assert_eq!(refusal.kind, invalid("paymentMethodId"));
    assert!(refusal.message.contains("not by this gateway"), "{}", refusal.message);
}

#[tokio::test]
async fn an_approved_order_must_say_what_the_request_says() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "CAPTURE", "49.99", None).await;
    approve(&fixture, &id).await;
    for (order, param) in [
        (fixture.charge(5_000, "USD", Some(&id)), "amount"),
        (fixture.charge(4_999, "EUR", Some(&id)), "currency"),
        (fixture.authorize(4_999, "USD", Some(&id)), "capture"),
    ] {
        let refusal = fixture.paypal().charge(&order).await.refused();
        assert_eq!(refusal.kind, invalid(param));
        assert_eq!(refusal.code.as_deref(), Some("order_mismatch"));
        let message = format!("`{param}` must be as in the order that `paymentMethodId` names");
        assert_eq!(refusal.message, message);
    }
    assert_eq!(fixture.ledger("").await, []);
}

#[tokio::test]
async fn an_order_of_several_purchase_units_is_refused_and_never_captured() {
    let fixture = SandboxFixture::open().await;
    let unit = |reference: &str, value: &str| {
        let amount = json!({ "currency_code": "USD", "value": value });
        json!({ "reference_id": reference, "amount": amount })
    };
    let units = json!([unit("a", "49.99"), unit("b", "10.00")]);
    for wallet in [None, Some((Wallet::GooglePay, "google_pay"))] {
        let source = wallet.map(|(_, name)| json!({ name: {} }));
        let mut body = json!({ "intent": "CAPTURE", "purchase_units": units });
        if let Some(source) = source {
            body["payment_source"] = source;
        }
        let made = fixture.past_the_gateway("/v2/checkout/orders", &body).await;
        let id = made["id"].as_str().unwrap();
        match wallet {
            Some((_, name)) => confirm(&fixture, &ProviderRef::new(id), name, "Sandbox Payer").await,
            None => approve(&fixture, id).await,
        }
        // The first unit, the second, and both.
        for minor in [4_999, 1_000, 5_999] {
            let order = ChargeOrder {
                wallet: wallet.map(|(wallet, _)| wallet),
                ..fixture.charge(minor, "USD", Some(id))
            };
            let refusal = fixture.paypal().charge(&order).await.refused();
            assert_eq!(refusal.kind, invalid("paymentMethodId"), "{wallet:?} {minor}");
            assert!(refusal.message.contains("several purchase units"), "{}", refusal.message);
            let resume = fixture.resume(&order, &ProviderRef::new(id));
            let refusal = fixture.paypal().resume(&resume).await.refused();
            assert_eq!(refusal.kind, invalid("paymentMethodId"), "{wallet:?} {minor}");
        }
    }
    assert_eq!(fixture.ledger("").await, []);
}

#[tokio::test]
async fn an_approved_order_can_be_held_first() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "AUTHORIZE", "49.99", None).await;
    approve(&fixture, &id).await;
    authorized(fixture.paypal().charge(&fixture.authorize(4_999, "USD", Some(&id))).await.done());
}

#[tokio::test]
async fn an_order_of_another_payment_is_not_taken() {
    let fixture = SandboxFixture::open().await;
    let other = fixture.charge(4_999, "USD", None);
    let (session, page) = to_be_acted_on(fixture.paypal().charge(&other).await.done());
    fixture.visit(&page, "approve").await;
    let order = fixture.charge(4_999, "USD", Some(session.as_str()));
    assert_eq!(fixture.paypal().charge(&order).await.refused().kind, invalid("paymentMethodId"));
    let resume = fixture.resume(&order, &session);
    assert_eq!(fixture.paypal().resume(&resume).await.refused().kind, invalid("paymentMethodId"));
    assert_eq!(fixture.ledger("").await, []);
}

#[tokio::test]
async fn an_order_that_does_not_exist_is_the_clients_mistake() {
    let fixture = SandboxFixture::open().await;
    let (errors, _guard) = ErrorLog::listen("payments_providers");
    let order = fixture.charge(4_999, "USD", Some("0AA00000AA000000A"));
    assert_eq!(fixture.paypal().charge(&order).await.refused().kind, invalid("paymentMethodId"));
    assert_eq!(errors.lines().len(), 0, "no operator can mend it");
    fixture.refuse("paypal", "charge", 422, &paypal_issue("PERMISSION_DENIED")).await;
    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    assert_eq!(fixture.paypal().charge(&order).await.refused().kind, RefusalKind::Configuration);
    assert_eq!(errors.lines().len(), 1, "an operator can");
}

#[tokio::test]
async fn a_look_that_fails_before_anything_was_asked_leaves_no_doubt() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "CAPTURE", "49.99", None).await;
    approve(&fixture, &id).await;
    fixture.fault("paypal", "retrieve", "drop_after").await;
    let answer = fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&id))).await;
    assert!(matches!(answer, Outcome::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn a_decline_that_names_no_page_leaves_the_payer_their_way_back() {
    for issue in ["INSTRUMENT_DECLINED", "PAYER_ACTION_REQUIRED", "TRANSACTION_REFUSED"] {
        let fixture = SandboxFixture::open().await;
        let order = fixture.charge(4_999, "USD", None);
        let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
        fixture.visit(&page, "approve").await;
        fixture.refuse("paypal", "charge", 422, &paypal_issue(issue)).await;
        let resume = fixture.resume(&order, &session);
        let Charged::RequiresAction { action: PayerAction::Page(url), declined, .. } =
            fixture.paypal().resume(&resume).await.done()
        else {
            panic!("{issue}")
        };
        assert_eq!((url.as_str(), declined), (PAGE, issue != "PAYER_ACTION_REQUIRED"), "{issue}");
        completed(fixture.paypal().resume(&fixture.resume(&order, &session)).await.done());
    }
}

#[tokio::test]
async fn an_order_of_the_client_that_names_no_page_is_declined_and_can_be_resubmitted() {
    let fixture = SandboxFixture::open().await;
    let id = foreign_order(&fixture, "CAPTURE", "49.99", None).await;
    approve(&fixture, &id).await;
    fixture.refuse("paypal", "charge", 422, &paypal_issue("INSTRUMENT_DECLINED")).await;
    let declined = fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&id))).await.refused();
    assert_eq!(declined.kind, RefusalKind::Declined);
    completed(fixture.paypal().charge(&fixture.charge(4_999, "USD", Some(&id))).await.done());
}

#[tokio::test]
async fn an_order_paid_under_a_forgotten_key_is_found_by_its_name() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let (session, page) = to_be_acted_on(fixture.paypal().charge(&order).await.done());
    fixture.visit(&page, "approve").await;
    fixture.fault("paypal", "charge", "drop_after").await;
    let resume = fixture.resume(&order, &session);
    let lost = fixture.paypal().resume(&resume).await;
    assert!(matches!(lost, Outcome::Unknown(_)), "{lost:?}");
    fixture.heal().await;
    fixture.fault("paypal", "charge", "forget_key").await;
    completed(fixture.paypal().resume(&resume).await.done());
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
}
