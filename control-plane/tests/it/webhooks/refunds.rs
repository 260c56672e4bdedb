//! Webhook events about refunds, made by the gateway or in a dashboard.

use payments::model::payment::Payment;
use payments::model::provider::{Outcome, Uncertainty};
use payments::model::refund::{Refund, RefundState, RefundStatus};
use payments::model::snapshot::{RefundProviderStatus, RefundSnapshot};
use payments::model::webhook::EventState;
use payments::usecases;

use super::*;

async fn charged(test: &TestGateway) -> Payment {
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    let (charge, _) = payment.captured().unwrap();
    let provider_status = ProviderStatus::Captured { charge: charge.clone(), money: usd(100) };
    shows(test, &payment, provider_status);
    payment
}

fn of(
    payment: &Payment,
    reference: &str,
    minor: u64,
    provider_status: RefundProviderStatus,
) -> RefundSnapshot {
    RefundSnapshot {
        reference: ProviderRef::new(reference),
        refund: None,
        payment: None,
        charge: payment.captured().map(|(charge, _)| charge.clone()),
        money: Some(usd(minor)),
        is_without_funds: false,
        created: Some(at(7)),
        provider_status,
    }
}

fn ours(refund: &Refund, payment: &Payment, provider_status: RefundProviderStatus) -> RefundSnapshot {
    let reference = format!("re_{}", refund.id);
    RefundSnapshot {
        refund: Some(refund.id),
        ..of(payment, &reference, refund.amount.minor(), provider_status)
    }
}

async fn event(test: &TestGateway, id: &str, payment: &Payment, seen: &[RefundSnapshot]) -> EventState {
    *test.provider.seen_refunds.lock().unwrap() = seen.to_vec();
    told(test, id, "refund", payment.id).await;
    worked_off(&test.gateway).await.state
}

async fn refunded(test: &TestGateway, payment: &Payment) -> u64 {
    stored(test, payment.id).await.refunded
}

#[tokio::test]
async fn a_refund_made_at_the_dashboard_counts_once_and_is_given_back_once_if_it_fails() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    let made = of(&payment, "re_dash", 40, RefundProviderStatus::Processed);
    for id in ["evt_1", "evt_2"] {
        assert_eq!(event(&test, id, &payment, std::slice::from_ref(&made)).await, EventState::Done);
        assert_eq!(refunded(&test, &payment).await, 40);
    }
    let too_much = usecases::refund(test.gateway.clone(), payment.id, Amount::new(61), call()).await;
    assert!(too_much.is_err(), "{too_much:?}");
    let failed = RefundSnapshot { provider_status: RefundProviderStatus::Failed(declined()), ..made.clone() };
    for (id, seen) in [("evt_3", &failed), ("evt_4", &failed), ("evt_5", &made)] {
        assert_eq!(event(&test, id, &payment, std::slice::from_ref(seen)).await, EventState::Done);
        assert_eq!(refunded(&test, &payment).await, 0, "{id}");
    }
    let refs = kinds(&test, payment.id).await;
    assert_eq!(refs[3..], ["refund.processed", "refund.failed"]);
}

async fn told_of(test: &TestGateway, id: &str, payment: &Payment, refund: &str) {
    let body = format!(r#"{{"id":"{id}","about":"refund","payment":"{}","refund":"{refund}"}}"#, payment.id);
    told_raw(test, Provider::Stripe, &body).await;
}

#[tokio::test]
async fn an_event_of_a_refund_that_the_provider_does_not_have_ends_with_a_note() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    told_of(&test, "evt_1", &payment, "REV1").await;
    // What was made a moment ago may not be shown yet.
    assert!(matches!(worked_off(&test.gateway).await.state, EventState::Failed { .. }));
    test.clock.advance(60);
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert_eq!(refunded(&test, &payment).await, 0);
    let last = trail(&test, payment.id).await.pop().unwrap();
    assert_eq!(last.kind(), "payment.evidence_refused");
    assert_eq!(last.detail.reference, Some(ProviderRef::new("REV1")));
}

#[tokio::test]
async fn what_the_provider_took_back_counts_as_refunded_once() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    let charge = payment.captured().unwrap().0.to_string();
    *test.provider.seen_refunds.lock().unwrap() =
        vec![of(&payment, &charge, 100, RefundProviderStatus::Processed)];
    for id in ["evt_1", "evt_2"] {
        told_of(&test, id, &payment, "REV1").await;
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
        assert_eq!(refunded(&test, &payment).await, 100);
    }
    assert_eq!(kinds(&test, payment.id).await.last().unwrap(), "refund.processed");
}

#[tokio::test]
async fn a_refund_of_ours_that_was_processed_may_fail_later() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    let refund = usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(refund.state.status(), RefundStatus::Processed);
    assert_eq!(refunded(&test, &payment).await, 100);
    let failed = ours(&refund, &payment, RefundProviderStatus::Failed(declined()));
    for id in ["evt_1", "evt_2"] {
        assert_eq!(event(&test, id, &payment, std::slice::from_ref(&failed)).await, EventState::Done);
    }
    // A read that lags behind.
    let late = ours(&refund, &payment, RefundProviderStatus::Processed);
    assert_eq!(event(&test, "evt_3", &payment, &[late]).await, EventState::Done);
    assert_eq!(refunded(&test, &payment).await, 0);
    let now = test.gateway.store.refund(&client("demo"), refund.id).await.unwrap().unwrap();
    assert_eq!(now.state.status(), RefundStatus::Failed);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_resolved_and_not_taken_for_a_foreign_one() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    test.provider.refunds.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(40), call()).await.unwrap();
    assert!(matches!(refund.state, RefundState::Unknown { .. }));
    // Without our id it may be ours or not: it waits until ours is decided.
    let nameless = of(&payment, "re_x", 40, RefundProviderStatus::Processed);
    let state = event(&test, "evt_1", &payment, std::slice::from_ref(&nameless)).await;
    assert!(matches!(state, EventState::Failed { .. }), "{state:?}");
    assert_eq!(refunded(&test, &payment).await, 40);
    let named = ours(&refund, &payment, RefundProviderStatus::Processed);
    assert_eq!(event(&test, "evt_2", &payment, std::slice::from_ref(&named)).await, EventState::Done);
    assert_eq!(refunded(&test, &payment).await, 40);
    // Now it is known that the other one is another one.
    test.clock.advance(1);
    *test.provider.seen_refunds.lock().unwrap() = vec![nameless, named];
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert_eq!(refunded(&test, &payment).await, 80);
}

#[tokio::test]
async fn a_refund_over_another_amount_is_not_believed() {
    let test = TestGateway::start().await;
    let payment = charged(&test).await;
    test.provider.refunds.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(40), call()).await.unwrap();
    let more =
        RefundSnapshot { money: Some(usd(41)), ..ours(&refund, &payment, RefundProviderStatus::Processed) };
    event(&test, "evt_1", &payment, &[more]).await;
    let now = test.gateway.store.refund(&client("demo"), refund.id).await.unwrap().unwrap();
    assert_eq!(now, refund);
    assert_eq!(kinds(&test, payment.id).await.last().unwrap(), "payment.evidence_refused");
}

#[tokio::test]
async fn a_refund_told_before_its_payments_success_resolves_both() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    shows(&test, &payment, captured(100));
    let seen = RefundSnapshot {
        charge: Some(ProviderRef::new("CHARGE")),
        ..of(&payment, "re_dash", 30, RefundProviderStatus::Processed)
    };
    assert_eq!(event(&test, "evt_1", &payment, &[seen]).await, EventState::Done);
    let now = stored(&test, payment.id).await;
    assert_eq!((now.captured().unwrap().1.minor(), now.refunded), (100, 30));
}
