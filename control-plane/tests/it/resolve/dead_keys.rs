//! A provider that answers a key from a saved failure: no retry learns more, and its records decide.

use payments::model::provider::OperationKind;
use payments::model::snapshot::{RefundProviderStatus, RefundSnapshot};
use payments::usecases::capture;

use super::*;

fn saved_failure<T>() -> Outcome<T> {
    Outcome::Unknown(Uncertainty { is_key_dead: true, ..Uncertainty::new("status 500") })
}

fn dashboard_refund(refund: &Refund) -> RefundSnapshot {
    RefundSnapshot {
        reference: ProviderRef::new("re_dashboard"),
        refund: None,
        payment: None,
        charge: None,
        money: Some(refund.money()),
        is_without_funds: false,
        created: None,
        provider_status: RefundProviderStatus::Processed,
    }
}

#[tokio::test]
async fn a_capture_that_the_provider_shows_as_not_made_goes_back_to_authorized() {
    let test = TestGateway::start().await;
    let payment = test.authorized().await;
    test.provider.captures.lock().unwrap().extend([saved_failure(), cut()]);
    let call = Call { asked: OperationKind::Capture.into(), ..keyed(7, "c") };
    let pending = capture(test.gateway.clone(), payment.id, None, call.clone()).await.unwrap();
    assert_eq!(pending.state.status(), Status::Pending);
    test.shows(
        &pending,
        ProviderStatus::Authorized { authorization: ProviderRef::new("pi_1"), expires: None },
    );
    test.resolve().await;
    assert!(matches!(test.now(&payment).await.state, State::Authorized(_)));
    assert_eq!(test.calls("capture"), 2, "a dead key is not asked again");
    let kept = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
    assert!(kept.answer.unwrap().body.contains("GivenUp"), "kept as what it was");
    let again = capture(test.gateway.clone(), payment.id, None, super::call()).await.unwrap();
    assert_eq!(again.state.status(), Status::Captured);
}

#[tokio::test]
async fn a_charge_that_a_complete_list_does_not_contain_failed() {
    let test = TestGateway::start().await;
    test.answers([saved_failure()]);
    let payment = test.charge(call()).await.unwrap();
    assert_eq!(payment.state.name(), "unknown");
    while run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(test.now(&payment).await.state.name(), "unknown", "reads may lag behind");
    test.resolve().await;
    assert_eq!((test.now(&payment).await.state.name(), test.calls("charge")), ("failed", 1));
}

#[tokio::test]
async fn a_charge_that_was_made_before_its_failure_was_saved_is_found() {
    let test = TestGateway::start().await;
    test.answers([saved_failure()]);
    let payment = test.charge(call()).await.unwrap();
    test.shows(&payment, captured(100));
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn a_refund_that_a_complete_list_does_not_contain_gives_its_amount_back() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(saved_failure());
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    test.resolve().await;
    assert_eq!((test.refund_now(&refund).await.state.name(), test.calls("refund")), ("failed", 1));
    assert_eq!(test.now(&payment).await.refunded, 0);
}

#[tokio::test]
async fn a_refund_made_in_the_dashboard_takes_the_place_of_one_with_a_dead_key() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(saved_failure());
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    test.provider.seen_refunds.lock().unwrap().push(dashboard_refund(&refund));
    test.resolve().await;
    assert_eq!(test.refund_now(&refund).await.state.name(), "processed");
    assert_eq!(test.now(&payment).await.refunded, 60, "once");
}

#[tokio::test]
async fn a_refund_that_waited_longer_than_the_horizon_is_still_retried_once_it_was_sent() {
    let test = TestGateway::start().await;
    let payment = test.charge(call()).await.unwrap();
    test.provider.refunds.lock().unwrap().extend([cut(), unreached()]);
    let refund = usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call()).await.unwrap();
    assert_eq!(refund.state.name(), "queued");
    test.clock.advance(HORIZON_S * 2);
    test.resolve().await;
    assert_eq!((test.refund_now(&refund).await.state.name(), test.calls("refund")), ("processed", 3));
}
