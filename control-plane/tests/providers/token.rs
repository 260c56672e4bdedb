//! PayPal's access token.

use std::sync::Arc;

use jiff::SignedDuration;
use payments::model::provider::{Outcome, RefusalKind};
use serde_json::json;

use crate::sandbox_fixture::{Expect, SandboxFixture, completed, effect};

async fn charge_at_once(fixture: &Arc<SandboxFixture>, count: usize) {
    let mut charges = tokio::task::JoinSet::new();
    for _ in 0..count {
        let fixture = Arc::clone(fixture);
        charges.spawn(async move {
            let order = fixture.charge(4_999, "USD", Some("vault-ok"));
            completed(fixture.paypal().charge(&order).await.done());
        });
    }
    charges.join_all().await;
}

#[tokio::test]
async fn many_charges_at_once_fetch_one_token_between_them() {
    let fixture = Arc::new(SandboxFixture::open().await);
    // Late enough that all are waiting for it.
    fixture
        .set_fault(&json!({ "provider": "paypal", "operation": "token", "fault": "latency", "delayMs": 200 }))
        .await;
    charge_at_once(&fixture, 20).await;
    assert_eq!(fixture.received("paypal", "token").await, 1);
    charge_at_once(&fixture, 5).await;
    assert_eq!(fixture.received("paypal", "token").await, 1);
}

#[tokio::test]
async fn a_token_is_replaced_before_it_runs_out() {
    let fixture = Arc::new(SandboxFixture::open().await);
    charge_at_once(&fixture, 1).await;
    fixture.clock.advance(32_400 - 61);
    charge_at_once(&fixture, 1).await;
    assert_eq!(fixture.received("paypal", "token").await, 1);
    fixture.clock.advance(1);
    charge_at_once(&fixture, 3).await;
    assert_eq!(fixture.received("paypal", "token").await, 2);
}

#[tokio::test]
async fn a_token_that_paypal_takes_no_more_is_replaced_and_the_charge_made_once() {
    let fixture = Arc::new(SandboxFixture::open().await);
    charge_at_once(&fixture, 1).await;
    // Only PayPal thinks that it has run out.
    fixture.sandbox_clock.advance(SignedDuration::from_hours(10));
    let order = fixture.charge(4_999, "USD", Some("vault-ok"));
    completed(fixture.paypal().charge(&order).await.done());
    assert_eq!(fixture.effects(order.payment).await, [effect("charge", 4_999, "USD")]);
    assert_eq!(fixture.received("paypal", "token").await, 2);
}

#[tokio::test]
async fn without_a_token_nothing_was_sent_and_the_next_charge_asks_again() {
    let fixture = SandboxFixture::open().await;
    for fault in ["drop_after", "drop_before", "error_before", "html_error", "truncated", "rate_limited"] {
        fixture.fault("paypal", "token", fault).await;
        let order = fixture.charge(4_999, "USD", Some("vault-ok"));
        let answer = fixture.paypal().charge(&order).await;
        assert!(matches!(answer, Outcome::NotSent(_)), "{fault}: {answer:?}");
        assert_eq!(fixture.effects(order.payment).await, [], "{fault}");
    }
    fixture.heal().await;
    completed(fixture.paypal().charge(&fixture.charge(4_999, "USD", Some("vault-ok"))).await.done());
}

#[tokio::test]
async fn waiting_charges_share_one_failed_fetch() {
    let fixture = Arc::new(SandboxFixture::open().await);
    fixture
        .set_fault(
            &json!({ "provider": "paypal", "operation": "token", "fault": "error_before", "delayMs": 200 }),
        )
        .await;
    let mut charges = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let fixture = Arc::clone(&fixture);
        charges.spawn(async move {
            fixture.paypal().charge(&fixture.charge(4_999, "USD", Some("vault-ok"))).await
        });
    }
    for answer in charges.join_all().await {
        assert!(matches!(answer, Outcome::NotSent(_)), "{answer:?}");
    }
    assert_eq!(fixture.received("paypal", "token").await, 1);
}

#[tokio::test]
async fn wrong_credentials_are_the_operators_matter() {
    let fixture = SandboxFixture::with(|settings| {
        let paypal = settings.paypal.as_mut().unwrap();
        paypal.client_secret = "wrong".to_owned().into();
    })
    .await;
    let refusal = fixture.paypal().charge(&fixture.charge(4_999, "USD", Some("vault-ok"))).await.refused();
    assert_eq!(refusal.kind, RefusalKind::Configuration);
    assert_eq!(fixture.received("paypal", "charge").await, 0);
}
