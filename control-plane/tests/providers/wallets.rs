//! What a payer's browser made of a wallet: Stripe's tokens, and PayPal's orders that the wallet confirms.

use edge_core::request::{Verification, Wallet};
use payments::model::paid_with::PaidWith;
use payments::model::payer_action::PayerAction;
use payments::model::provider::{ChargeOrder, Charged, Outcome, ProviderRef, RefusalKind, ResumeOrder};
use payments::model::snapshot::Found;
use serde_json::{Value, json};

use crate::sandbox_fixture::{Expect, SandboxFixture, completed, effect, invalid, money, paypal_issue};

/// A confirmation token, as Stripe's script makes it on a page.
async fn confirmation_token(fixture: &SandboxFixture, method: &str) -> String {
    let request = fixture.http.post(fixture.url("/v1/confirmation_tokens")).bearer_auth("pk_test_page");
    let token = request.form(&[("payment_method", method)]).send().await.unwrap();
    let token: Value = token.json().await.unwrap();
    token["id"].as_str().unwrap().to_owned()
}

/// Confirms an order with a wallet, as PayPal's script does on a page; `name` decides what happens.
pub(crate) async fn confirm(fixture: &SandboxFixture, order: &ProviderRef, wallet: &str, name: &str) {
    let token = fixture.http.post(fixture.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
    let form = [("grant_type", "client_credentials"), ("response_type", "client_token")];
    let token: Value = token.form(&form).send().await.unwrap().json().await.unwrap();
    let url = fixture.url(&format!("/v2/checkout/orders/{order}/confirm-payment-source"));
    let call = fixture.http.post(url).bearer_auth(token["access_token"].as_str().unwrap());
    let answer = call.json(&json!({ "payment_source": { wallet: { "name": name } } })).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

fn in_wallet(wallet: &str, brand: &str, last4: &str) -> Option<PaidWith> {
    Some(PaidWith {
        kind: "card".to_owned(),
        wallet: Some(wallet.to_owned()),
        brand: Some(brand.to_owned()),
        last4: Some(last4.to_owned()),
    })
}

#[track_caller]
fn paid_with(charged: Charged) -> Option<PaidWith> {
    match charged {
        Charged::Completed { paid_with, .. } => paid_with,
        other => panic!("not completed: {other:?}"),
    }
}

/// A charge that PayPal's script confirms with the wallet.
pub(crate) fn wallet_order(fixture: &SandboxFixture, wallet: Wallet) -> ChargeOrder {
    ChargeOrder { wallet: Some(wallet), ..fixture.charge(4_999, "USD", None) }
}

#[track_caller]
pub(crate) fn to_be_confirmed(charged: Charged) -> ProviderRef {
    match charged {
        Charged::RequiresAction { payment, action: PayerAction::ConfirmOrder, declined: false } => payment,
        other => panic!("not to be confirmed: {other:?}"),
    }
}

#[tokio::test]
async fn a_confirmation_token_pays_once_and_the_wallet_is_told() {
    let fixture = SandboxFixture::open().await;
    for (method, wallet, brand, last4) in [
        ("pm_card_sandbox_applePay", "apple_pay", "visa", "4242"),
        ("pm_card_sandbox_googlePay", "google_pay", "mastercard", "4444"),
    ] {
        let token = confirmation_token(&fixture, method).await;
        let order = fixture.charge(4_999, "USD", Some(&token));
        let told = in_wallet(wallet, brand, last4);
        assert_eq!(paid_with(fixture.stripe().charge(&order).await.done()), told);
        assert_eq!(paid_with(fixture.stripe().charge(&order).await.done()), told, "the same try again");
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
        let another = fixture.charge(4_999, "USD", Some(&token));
        let refusal = fixture.stripe().charge(&another).await.refused();
        assert_eq!(
            (refusal.kind, refusal.decline_code.as_deref()),
            (invalid("paymentMethodId"), Some("token_used"))
        );
        assert_eq!(fixture.effects(another.payment).await, []);
    }
}

#[tokio::test]
async fn spent_tokens_say_how_they_were_spent() {
    let fixture = SandboxFixture::open().await;
    for (token, reason) in [
        ("ctoken_sandbox_used", Some("token_used")),
        ("ctoken_sandbox_expired", Some("token_expired")),
        ("tok_sandbox_used", Some("token_used")),
        ("ctoken_unknown", None),
        ("tok_unknown", None),
    ] {
        let order = fixture.charge(4_999, "USD", Some(token));
        let refusal = fixture.stripe().charge(&order).await.refused();
        assert_eq!(refusal.kind, invalid("paymentMethodId"), "{token}");
        assert_eq!(refusal.decline_code.as_deref(), reason, "{token}");
        assert_eq!(fixture.effects(order.payment).await, []);
    }
}

#[tokio::test]
async fn a_declined_confirmation_token_is_a_decline() {
    let fixture = SandboxFixture::open().await;
    let token = confirmation_token(&fixture, "pm_card_sandbox_googlePay_declined").await;
    let order = fixture.charge(4_999, "USD", Some(&token));
    let refusal = fixture.stripe().charge(&order).await.refused();
    assert_eq!(refusal.kind, RefusalKind::Declined);
    assert_eq!(refusal.decline_code.as_deref(), Some("generic_decline"));
    assert_eq!(fixture.effects(order.payment).await, []);
}

#[tokio::test]
async fn a_token_of_the_older_script_becomes_a_payment_method_first() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", Some("tok_visa"));
    let charge = completed(fixture.stripe().charge(&order).await.done());
    assert_eq!(completed(fixture.stripe().charge(&order).await.done()), charge);
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn a_bank_that_asks_is_answered_in_stripes_script_by_the_secret() {
    let fixture = SandboxFixture::open().await;
    for (outcome, pays) in [("succeed", true), ("fail", false)] {
        let token = confirmation_token(&fixture, "pm_card_sandbox_googlePay_authenticate").await;
        let order = fixture.charge(4_999, "USD", Some(&token));
        let asked = fixture.stripe().charge(&order).await.done();
        let Charged::RequiresAction { payment, action: PayerAction::Script(secret), declined: false } =
            &asked
        else {
            panic!("{asked:?}")
        };
        assert!(secret.expose().starts_with(&format!("{payment}_secret_")), "{}", secret.expose());
        assert!(!format!("{asked:?}").contains(secret.expose()), "the secret is not for logs");
        let resume = fixture.resume(&order, payment);
        assert_eq!(fixture.stripe().resume(&resume).await.done(), asked);
        fixture.visit(&fixture.url(&format!("/_sandbox/stripe/authenticate/{payment}")), outcome).await;
        let answer = fixture.stripe().resume(&resume).await;
        if pays {
            assert_eq!(paid_with(answer.done()), in_wallet("google_pay", "visa", "3220"));
        } else {
            assert_eq!(answer.refused().kind, RefusalKind::Declined);
        }
        assert_eq!(fixture.effects(order.payment).await.len(), usize::from(pays));
    }
}

#[tokio::test]
async fn an_order_is_captured_once_the_wallet_confirmed_it() {
    let fixture = SandboxFixture::open().await;
    for wallet in [Wallet::ApplePay, Wallet::GooglePay] {
        let order = wallet_order(&fixture, wallet);
        let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
        let resume = fixture.resume(&order, &id);
        assert_eq!(to_be_confirmed(fixture.paypal().resume(&resume).await.done()), id);
        let judged = fixture.paypal().judge(&id, wallet, &order.client).await;
        assert_eq!(judged, Found::Missing, "nothing is approved");
        assert_eq!(fixture.effects(order.payment).await, []);
        confirm(&fixture, &id, wallet.name(), "Ada Lovelace").await;
        let paid = fixture.paypal().resume(&resume).await.done();
        assert_eq!(paid_with(paid), in_wallet(wallet.name(), "visa", "4242"));
        completed(fixture.paypal().resume(&fixture.resume(&order, &id)).await.done());
        assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
    }
}

#[tokio::test]
async fn an_order_confirmed_with_another_wallet_is_not_captured() {
    let fixture = SandboxFixture::open().await;
    let order = wallet_order(&fixture, Wallet::ApplePay);
    let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    let refusal = fixture.paypal().resume(&fixture.resume(&order, &id)).await.refused();
    assert_eq!(refusal.kind, invalid("wallet"));
    assert_eq!(refusal.decline_code.as_deref(), Some("authentication_failed"));
    assert!(refusal.message.contains("apple_pay"), "{}", refusal.message);
    assert_eq!(fixture.effects(order.payment).await, []);
}

/// The client's own mistake is reported as one: see `an_order_of_the_clients_own_page_must_be_of_the_wallet_it_names`.
#[tokio::test]
async fn an_order_whose_amount_was_changed_since_it_was_made_is_not_captured() {
    let fixture = SandboxFixture::open().await;
    let order = wallet_order(&fixture, Wallet::GooglePay);
    let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    // As if it had been made for this amount.
    let resume = ResumeOrder { money: money(5_000, "USD"), ..fixture.resume(&order, &id) };
    let refusal = fixture.paypal().resume(&resume).await.refused();
    assert_eq!(refusal.kind, invalid("amount"));
    assert_eq!(refusal.decline_code.as_deref(), Some("authentication_failed"));
    assert_eq!(refusal.code.as_deref(), Some("order_mismatch"));
    assert!(refusal.message.contains("`amount`"), "{}", refusal.message);
    assert_eq!(fixture.effects(order.payment).await, []);
}

#[tokio::test]
async fn an_order_that_is_always_verified_waits_for_the_bank() {
    let fixture = SandboxFixture::open().await;
    let order =
        ChargeOrder { verification: Some(Verification::Always), ..wallet_order(&fixture, Wallet::GooglePay) };
    let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    let resume = fixture.resume(&order, &id);
    assert_eq!(to_be_confirmed(fixture.paypal().resume(&resume).await.done()), id);
    fixture.visit(&fixture.url(&format!("/checkoutnow?token={id}")), "approve").await;
    completed(fixture.paypal().resume(&resume).await.done());
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn a_wallet_that_is_declined_needs_a_new_order() {
    let fixture = SandboxFixture::open().await;
    // Refused by the bank, and expired.
    for (name, code) in [("CCREJECT-REFUSED", "0500"), ("CCREJECT-EC", "5400")] {
        let order = wallet_order(&fixture, Wallet::ApplePay);
        let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
        confirm(&fixture, &id, "apple_pay", name).await;
        let refusal = fixture.paypal().resume(&fixture.resume(&order, &id)).await.refused();
        assert_eq!(refusal.kind, RefusalKind::Declined, "{name}");
        assert_eq!(refusal.reason().map(String::as_str), Some(code), "{name}");
        assert_eq!(fixture.effects(order.payment).await, [], "{name}");
    }
}

#[tokio::test]
async fn an_order_of_the_clients_own_page_must_be_of_the_wallet_it_names() {
    let fixture = SandboxFixture::open().await;
    let unit = json!({ "amount": { "currency_code": "USD", "value": "49.99" } });
    let body = json!({
        "intent": "CAPTURE", "purchase_units": [unit], "payment_source": { "google_pay": {} },
    });
    let made = fixture.past_the_gateway("/v2/checkout/orders", &body).await;
    let id = ProviderRef::new(made["id"].as_str().unwrap());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    let charge =
        |wallet| ChargeOrder { wallet: Some(wallet), ..fixture.charge(4_999, "USD", Some(id.as_str())) };
    let by_apple = fixture.paypal().charge(&charge(Wallet::ApplePay)).await.refused();
    assert_eq!(by_apple.kind, invalid("wallet"));
    assert_eq!(by_apple.decline_code.as_deref(), Some("authentication_failed"));
    let other_amount = ChargeOrder { money: money(5_000, "USD"), ..charge(Wallet::GooglePay) };
    let mistaken = fixture.paypal().charge(&other_amount).await.refused();
    assert_eq!((mistaken.kind, mistaken.decline_code), (invalid("amount"), None));
    assert_eq!(fixture.ledger("").await, []);
    completed(fixture.paypal().charge(&charge(Wallet::GooglePay)).await.done());
    assert_eq!(fixture.ledger("").await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn a_wallets_capture_whose_answer_is_lost_is_found_done() {
    let fixture = SandboxFixture::open().await;
    let order = wallet_order(&fixture, Wallet::GooglePay);
    let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    fixture.fault("paypal", "charge", "drop_after").await;
    let resume = fixture.resume(&order, &id);
    let lost = fixture.paypal().resume(&resume).await;
    assert!(matches!(lost, Outcome::Unknown(_)), "{lost:?}");
    fixture.heal().await;
    completed(fixture.paypal().resume(&resume).await.done());
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
}

#[tokio::test]
async fn a_capture_that_still_wants_the_payer_leaves_the_order_to_be_confirmed() {
    let fixture = SandboxFixture::open().await;
    let order = wallet_order(&fixture, Wallet::GooglePay);
    let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
    confirm(&fixture, &id, "google_pay", "Ada Lovelace").await;
    fixture.refuse("paypal", "charge", 422, &paypal_issue("PAYER_ACTION_REQUIRED")).await;
    let resume = fixture.resume(&order, &id);
    assert_eq!(to_be_confirmed(fixture.paypal().resume(&resume).await.done()), id);
}
