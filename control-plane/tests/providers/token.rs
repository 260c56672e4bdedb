//! PayPal's access token.

use std::sync::Arc;

use jiff::SignedDuration;
use payments::model::provider::{Outcome, RefusalKind};
use serde_json::json;

use crate::shop::{Expect, Shop, completed, effect};

async fn charge_at_once(shop: &Arc<Shop>, count: usize) {
    let mut charges = tokio::task::JoinSet::new();
    for _ in 0..count {
        let shop = Arc::clone(shop);
        charges.spawn(async move {
            let order = shop.charge(4_999, "USD", Some("vault-ok"));
            completed(shop.paypal().charge(&order).await.done());
        });
    }
    charges.join_all().await;
}

#[tokio::test]
async fn many_charges_at_once_fetch_one_token_between_them() {
    let shop = Arc::new(Shop::open().await);
    // Late enough that all are waiting for it.
    shop.set_fault(
        &json!({ "provider": "paypal", "operation": "token", "fault": "latency", "delayMs": 200 }),
    )
    .await;
    charge_at_once(&shop, 20).await;
    assert_eq!(shop.received("paypal", "token").await, 1);
    charge_at_once(&shop, 5).await;
    assert_eq!(shop.received("paypal", "token").await, 1);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_runs_out() {
    let shop = Arc::new(Shop::open().await);
    charge_at_once(&shop, 1).await;
    shop.clock.advance(32_400 - 61);
    charge_at_once(&shop, 1).await;
    assert_eq!(shop.received("paypal", "token").await, 1);
    shop.clock.advance(1);
    charge_at_once(&shop, 3).await;
    assert_eq!(shop.received("paypal", "token").await, 2);
}

#[tokio::test]
async fn a_token_that_paypal_takes_no_more_is_replaced_and_the_charge_made_once() {
    let shop = Arc::new(Shop::open().await);
    charge_at_once(&shop, 1).await;
    // Only PayPal thinks that it has run out.
    shop.sandbox_clock.advance(SignedDuration::from_hours(10));
    let order = shop.charge(4_999, "USD", Some("vault-ok"));
    completed(shop.paypal().charge(&order).await.done());
    assert_eq!(shop.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
    assert_eq!(shop.received("paypal", "token").await, 2);
}

#[tokio::test]
async fn without_a_token_nothing_was_sent_and_the_next_charge_asks_again() {
    let shop = Shop::open().await;
    for fault in ["drop_after", "drop_before", "error_before", "html_error", "truncated", "rate_limited"] {
        shop.fault("paypal", "token", fault).await;
        let order = shop.charge(4_999, "USD", Some("vault-ok"));
        let answer = shop.paypal().charge(&order).await;
        assert!(matches!(answer, Outcome::NotSent(_)), "{fault}: {answer:?}");
        assert_eq!(shop.effects(order.payment).await, [], "{fault}");
    }
    shop.heal().await;
    completed(shop.paypal().charge(&shop.charge(4_999, "USD", Some("vault-ok"))).await.done());
}

#[tokio::test]
async fn waiting_charges_share_one_failed_fetch() {
    let shop = Arc::new(Shop::open().await);
    shop.set_fault(
        &json!({ "provider": "paypal", "operation": "token", "fault": "error_before", "delayMs": 200 }),
    )
    .await;
    let mut charges = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let shop = Arc::clone(&shop);
        charges
            .spawn(async move { shop.paypal().charge(&shop.charge(4_999, "USD", Some("vault-ok"))).await });
    }
    for answer in charges.join_all().await {
        assert!(matches!(answer, Outcome::NotSent(_)), "{answer:?}");
    }
    assert_eq!(shop.received("paypal", "token").await, 1);
}

#[tokio::test]
async fn wrong_credentials_are_the_operators_matter() {
    let shop = Shop::with(|settings| {
        let paypal = settings.paypal.as_mut().unwrap();
        paypal.client_secret = "wrong".to_owned().into();
    })
    .await;
    let refusal = shop.paypal().charge(&shop.charge(4_999, "USD", Some("vault-ok"))).await.refused();
    assert_eq!(refusal.kind, RefusalKind::Configuration);
    assert_eq!(shop.received("paypal", "charge").await, 0);
}
