//! Who bears a chargeback of a wallet's card, and which orders are captured with that.

use std::collections::HashMap;

use edge_core::client::ClientId;
use edge_core::request::Wallet;
use payments::model::provider::{ChargeOrder, Charged, Outcome, ProviderRef, ResumeOrder};
use payments::model::snapshot::Found;
use payments_providers::{LiabilityPolicy, LiabilityShifts, Settings};
use serde_json::json;

use crate::sandbox_fixture::{Expect, SandboxFixture, completed, effect};
use crate::wallets::{confirm, to_be_confirmed, wallet_order};

fn only_possible() -> LiabilityShifts {
    LiabilityShifts::of(["POSSIBLE"]).unwrap()
}

fn is_refused(pays: bool) -> Result<(), Option<String>> {
    if pays { Ok(()) } else { Err(Some("authentication_failed".to_owned())) }
}

#[tokio::test]
async fn a_bank_that_vouches_for_nobody_is_refused_as_the_policy_says() {
    let strict = |settings: &mut Settings| {
        settings.wallet_liability_shift = LiabilityPolicy::new(only_possible(), HashMap::new());
    };
    // Nobody authenticates Ada Lovelace.
    for (name, by_default, by_strict) in [
        ("SCA-REJECTED", false, false),
        ("SCA-UNKNOWN", true, false),
        ("Ada Lovelace", true, false),
        ("SCA-REQUIRED", true, true),
    ] {
        for (fixture, pays) in
            [(SandboxFixture::open().await, by_default), (SandboxFixture::with(strict).await, by_strict)]
        {
            let order = wallet_order(&fixture, Wallet::GooglePay);
            let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
            confirm(&fixture, &id, "google_pay", name).await;
            if name == "SCA-REQUIRED" {
                fixture.visit(&fixture.url(&format!("/checkoutnow?token={id}")), "approve").await;
            }
            let judged = fixture.paypal().judge(&id, Wallet::GooglePay, &order.client).await;
            let Found::Found(judged) = judged else { panic!("{name} is not judged") };
            assert_eq!(judged.map_err(|refusal| refusal.decline_code), is_refused(pays), "{name}");
            let answer = fixture.paypal().resume(&fixture.resume(&order, &id)).await;
            if pays {
                completed(answer.done());
            } else {
                let refusal = answer.refused();
                assert_eq!(refusal.decline_code.as_deref(), Some("authentication_failed"), "{name}");
            }
            assert_eq!(fixture.effects(order.payment).await.len(), usize::from(pays), "{name}");
        }
    }
}

#[tokio::test]
async fn each_clients_orders_are_judged_by_its_own_policy() {
    let strict = ClientId::parse("strict").unwrap();
    let own = HashMap::from([(strict.clone(), only_possible())]);
    let by_client = |settings: &mut Settings| {
        settings.wallet_liability_shift = LiabilityPolicy::new(LiabilityShifts::default(), own);
    };
    let fixture = SandboxFixture::with(by_client).await;
    for (client, pays) in [(strict, false), (ClientId::parse("demo").unwrap(), true)] {
        let order = ChargeOrder { client: client.clone(), ..wallet_order(&fixture, Wallet::GooglePay) };
        let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
        confirm(&fixture, &id, "google_pay", "SCA-UNKNOWN").await;
        let judged = fixture.paypal().judge(&id, Wallet::GooglePay, &client).await;
        let Found::Found(judged) = judged else { panic!("{judged:?}") };
        assert_eq!(judged.map_err(|refusal| refusal.decline_code), is_refused(pays), "{client}");
        let resumed = fixture.paypal().resume(&fixture.resume(&order, &id)).await;
        assert_eq!(matches!(resumed, Outcome::Done(Charged::Completed { .. })), pays, "{resumed:?}");
        assert_eq!(fixture.effects(order.payment).await.len(), usize::from(pays), "{client}");

        // An order that the client's own page made.
        let unit = json!({ "amount": { "currency_code": "USD", "value": "49.99" } });
        let body = json!({
            "intent": "CAPTURE", "purchase_units": [unit], "payment_source": { "google_pay": {} },
        });
        let made = fixture.past_the_gateway("/v2/checkout/orders", &body).await;
        let id = ProviderRef::new(made["id"].as_str().unwrap());
        confirm(&fixture, &id, "google_pay", "SCA-UNKNOWN").await;
        let order = ChargeOrder {
            client: client.clone(),
            wallet: Some(Wallet::GooglePay),
            ..fixture.charge(4_999, "USD", Some(id.as_str()))
        };
        let charged = fixture.paypal().charge(&order).await;
        assert_eq!(matches!(charged, Outcome::Done(Charged::Completed { .. })), pays, "{charged:?}");
    }
    assert_eq!(fixture.ledger("").await, [effect("charge", 4_999, "USD"), effect("charge", 4_999, "USD")]);
}

/// A refusal of the repeat would say nothing of the call before it.
#[tokio::test]
async fn what_was_judged_and_is_confirmed_otherwise_by_now_is_open_and_not_captured() {
    let fixture = SandboxFixture::open().await;
    for (wallet, name, pays) in [
        ("google_pay", "SCA-REJECTED", false),
        ("apple_pay", "Ada Lovelace", false),
        ("google_pay", "Ada Lovelace", true),
    ] {
        let order = wallet_order(&fixture, Wallet::GooglePay);
        let id = to_be_confirmed(fixture.paypal().charge(&order).await.done());
        confirm(&fixture, &id, wallet, name).await;
        let judged = ResumeOrder { is_judged: true, ..fixture.resume(&order, &id) };
        let answer = fixture.paypal().resume(&judged).await;
        if pays {
            completed(answer.done());
        } else {
            let is_open = matches!(&answer, Outcome::Unknown(open) if open.is_conflict);
            assert!(is_open, "no failure of the provider's: {answer:?}");
        }
        assert_eq!(fixture.effects(order.payment).await.len(), usize::from(pays), "{wallet} {name}");
    }
}
