//! Clients' calls and background work share what is known of a provider that fails, and nothing else.

use std::sync::Arc;

use payments::model::provider::{ChargeOrder, Charged, Outcome};
use payments::model::work::{WorkCapacity, WorkKind};
use payments::ports::provider::PaymentProvider;
use serde_json::json;

use crate::sandbox_fixture::*;

async fn fixture() -> SandboxFixture {
    SandboxFixture::with(|settings| settings.circuit_breakers = true).await
}

fn order(fixture: &SandboxFixture) -> ChargeOrder {
    fixture.charge(4_999, "USD", Some("pm_card_visa"))
}

fn work(fixture: &SandboxFixture) -> Arc<dyn PaymentProvider> {
    fixture.stripe().in_background(WorkKind::Payment).unwrap()
}

fn is_done(outcome: &Outcome<Charged>) -> bool {
    matches!(outcome, Outcome::Done(_))
}

/// Stripe fails whatever it is asked, and nothing happens there.
async fn stripe_is_away(fixture: &SandboxFixture) {
    fixture.fault("stripe", "*", "error_before").await;
}

/// Clients charge until their circuit is open.
async fn open(fixture: &SandboxFixture) {
    for _ in 0..10 {
        fixture.stripe().charge(&order(fixture)).await;
    }
    assert!(matches!(fixture.stripe().charge(&order(fixture)).await, Outcome::NotSent(_)));
}

#[tokio::test]
async fn thirty_keys_that_stripe_answers_from_saved_failures_stop_no_clients_charge() {
    let fixture = fixture().await;
    let rule = json!({ "provider": "stripe", "operation": "charge", "fault": "error_before",
                       "frozen": true, "every": 3, "times": 30 });
    fixture.set_fault(&rule).await;
    let mut frozen = Vec::new();
    while frozen.len() < 30 {
        let order = order(&fixture);
        if !is_done(&fixture.stripe().charge(&order).await) {
            frozen.push(order);
        }
    }
    fixture.heal().await;
    for dead in frozen.iter().chain(&frozen) {
        let again = work(&fixture).charge(dead).await;
        assert!(again.uncertainty().is_some_and(|uncertainty| uncertainty.is_key_dead), "{again:?}");
        assert!(is_done(&fixture.stripe().charge(&order(&fixture)).await));
    }
    assert_eq!(work(&fixture).room().await, WorkCapacity::Any, "nor do they stop other work");
}

#[tokio::test]
async fn background_work_that_fails_is_left_alone_and_clients_are_not() {
    let fixture = fixture().await;
    fixture.fault("stripe", "charge", "error_before").await;
    for _ in 0..20 {
        work(&fixture).charge(&order(&fixture)).await;
    }
    assert_eq!(
        (work(&fixture).room().await, fixture.received("stripe", "charge").await),
        (WorkCapacity::None, 10)
    );
    fixture.heal().await;
    assert!(is_done(&fixture.stripe().charge(&order(&fixture)).await));
}

#[tokio::test]
async fn while_clients_are_refused_background_work_is_too() {
    let fixture = fixture().await;
    stripe_is_away(&fixture).await;
    open(&fixture).await;
    assert_eq!(work(&fixture).room().await, WorkCapacity::None);
    assert!(matches!(work(&fixture).charge(&order(&fixture)).await, Outcome::NotSent(_)));
    let refunds = fixture.stripe().in_background(WorkKind::Refund).unwrap();
    assert_eq!((fixture.received("stripe", "charge").await, refunds.room().await), (10, WorkCapacity::Any));
}

#[tokio::test]
async fn a_read_finds_out_whether_the_provider_is_back_before_a_charge_is_risked() {
    let fixture = fixture().await;
    stripe_is_away(&fixture).await;
    open(&fixture).await;
    fixture.clock.advance(2);
    assert!(matches!(fixture.stripe().charge(&order(&fixture)).await, Outcome::NotSent(_)));
    assert_eq!(
        (fixture.received("stripe", "retrieve").await, fixture.received("stripe", "charge").await),
        (1, 10)
    );
    fixture.heal().await;
    fixture.clock.advance(4);
    assert!(is_done(&fixture.stripe().charge(&order(&fixture)).await));
    assert_eq!(
        (fixture.received("stripe", "retrieve").await, fixture.received("stripe", "charge").await),
        (2, 11)
    );
}

#[tokio::test]
async fn paypal_is_asked_by_a_read_too() {
    let fixture = fixture().await;
    let order = || fixture.charge(4_999, "USD", Some("vault-ok"));
    fixture.fault("paypal", "*", "error_before").await;
    for _ in 0..11 {
        fixture.paypal().charge(&order()).await;
    }
    fixture.heal().await;
    assert!(matches!(fixture.paypal().charge(&order()).await, Outcome::NotSent(_)));
    fixture.clock.advance(2);
    assert!(is_done(&fixture.paypal().charge(&order()).await));
}

#[tokio::test]
async fn work_is_begun_again_one_piece_at_first_once_the_provider_answers() {
    let fixture = fixture().await;
    stripe_is_away(&fixture).await;
    open(&fixture).await;
    fixture.heal().await;
    fixture.clock.advance(2);
    assert_eq!(work(&fixture).room().await, WorkCapacity::One);
    assert!(is_done(&work(&fixture).charge(&order(&fixture)).await));
    assert_eq!(work(&fixture).room().await, WorkCapacity::Any);
    assert!(is_done(&fixture.stripe().charge(&order(&fixture)).await), "clients know it from that");
}
