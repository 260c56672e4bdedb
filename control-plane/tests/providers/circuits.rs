//! Clients' calls and background work share what is known of a provider that fails, and nothing else.

use std::sync::Arc;

use payments::model::provider::{ChargeOrder, Charged, Outcome};
use payments::model::work::{Room, WorkKind};
use payments::ports::provider::PaymentProvider;
use serde_json::json;

use crate::shop::*;

async fn shop() -> Shop {
    Shop::with(|settings| settings.circuit_breakers = true).await
}

fn order(shop: &Shop) -> ChargeOrder {
    shop.charge(4_999, "USD", Some("pm_card_visa"))
}

fn work(shop: &Shop) -> Arc<dyn PaymentProvider> {
    shop.stripe().in_background(WorkKind::Payment).unwrap()
}

fn is_done(outcome: &Outcome<Charged>) -> bool {
    matches!(outcome, Outcome::Done(_))
}

/// Stripe fails whatever it is asked, and nothing happens there.
async fn stripe_is_away(shop: &Shop) {
    shop.fault("stripe", "*", "error_before").await;
}

/// Clients charge until their circuit is open.
async fn open(shop: &Shop) {
    for _ in 0..10 {
        shop.stripe().charge(&order(shop)).await;
    }
    assert!(matches!(shop.stripe().charge(&order(shop)).await, Outcome::NotSent(_)));
}

#[tokio::test]
async fn thirty_keys_that_stripe_answers_from_saved_failures_stop_no_clients_charge() {
    let shop = shop().await;
    let rule = json!({ "provider": "stripe", "operation": "charge", "fault": "error_before",
                       "frozen": true, "every": 3, "times": 30 });
    shop.set_fault(&rule).await;
    let mut frozen = Vec::new();
    while frozen.len() < 30 {
        let order = order(&shop);
        if !is_done(&shop.stripe().charge(&order).await) {
            frozen.push(order);
        }
    }
    shop.heal().await;
    for dead in frozen.iter().chain(&frozen) {
        let again = work(&shop).charge(dead).await;
        assert!(again.uncertainty().is_some_and(|uncertainty| uncertainty.is_key_dead), "{again:?}");
        assert!(is_done(&shop.stripe().charge(&order(&shop)).await));
    }
    assert_eq!(work(&shop).room().await, Room::Any, "nor do they stop other work");
}

#[tokio::test]
async fn background_work_that_fails_is_left_alone_and_clients_are_not() {
    let shop = shop().await;
    shop.fault("stripe", "charge", "error_before").await;
    for _ in 0..20 {
        work(&shop).charge(&order(&shop)).await;
    }
    assert_eq!((work(&shop).room().await, shop.received("stripe", "charge").await), (Room::None, 10));
    shop.heal().await;
    assert!(is_done(&shop.stripe().charge(&order(&shop)).await));
}

#[tokio::test]
async fn while_clients_are_refused_background_work_is_too() {
    let shop = shop().await;
    stripe_is_away(&shop).await;
    open(&shop).await;
    assert_eq!(work(&shop).room().await, Room::None);
    assert!(matches!(work(&shop).charge(&order(&shop)).await, Outcome::NotSent(_)));
    let refunds = shop.stripe().in_background(WorkKind::Refund).unwrap();
    assert_eq!((shop.received("stripe", "charge").await, refunds.room().await), (10, Room::Any));
}

#[tokio::test]
async fn a_read_finds_out_whether_the_provider_is_back_before_a_charge_is_risked() {
    let shop = shop().await;
    stripe_is_away(&shop).await;
    open(&shop).await;
    shop.clock.advance(2);
    assert!(matches!(shop.stripe().charge(&order(&shop)).await, Outcome::NotSent(_)));
    assert_eq!((shop.received("stripe", "retrieve").await, shop.received("stripe", "charge").await), (1, 10));
    shop.heal().await;
    shop.clock.advance(4);
    assert!(is_done(&shop.stripe().charge(&order(&shop)).await));
    assert_eq!((shop.received("stripe", "retrieve").await, shop.received("stripe", "charge").await), (2, 11));
}

#[tokio::test]
async fn paypal_is_asked_by_a_read_too() {
    let shop = shop().await;
    let order = || shop.charge(4_999, "USD", Some("vault-ok"));
    shop.fault("paypal", "*", "error_before").await;
    for _ in 0..11 {
        shop.paypal().charge(&order()).await;
    }
    shop.heal().await;
    assert!(matches!(shop.paypal().charge(&order()).await, Outcome::NotSent(_)));
    shop.clock.advance(2);
    assert!(is_done(&shop.paypal().charge(&order()).await));
}

#[tokio::test]
async fn work_is_begun_again_one_piece_at_first_once_the_provider_answers() {
    let shop = shop().await;
    stripe_is_away(&shop).await;
    open(&shop).await;
    shop.heal().await;
    shop.clock.advance(2);
    assert_eq!(work(&shop).room().await, Room::One);
    assert!(is_done(&work(&shop).charge(&order(&shop)).await));
    assert_eq!(work(&shop).room().await, Room::Any);
    assert!(is_done(&shop.stripe().charge(&order(&shop)).await), "clients know it from that");
}
