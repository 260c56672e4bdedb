//! Whole operations against a scripted provider: what is recorded, in which order, and what the client is told.

use control_plane::domain::idempotency::Call;
use control_plane::domain::operations::{self, OperationError};
use control_plane::domain::payment::{State, Status};
use control_plane::domain::provider::{
    Captured, Charged, Doubt, Outcome, ProviderRef, Refunded, Refusal, RefusalKind,
};
use control_plane::domain::refund::RefundState;
use edge_core::money::Amount;

use crate::common::*;

fn declined() -> Refusal {
    Refusal {
        kind: RefusalKind::Declined,
        code: Some("card_declined".to_owned()),
        decline_code: Some("insufficient_funds".to_owned()),
        message: "Your card has insufficient funds.".to_owned(),
        reference: Some(ProviderRef::new("pi_left")),
    }
}

async fn states(test: &TestGateway, id: control_plane::domain::id::PaymentId) -> Vec<String> {
    let trail = test.gateway.store.events(&client("demo"), id).await.unwrap();
    trail.iter().map(control_plane::domain::event::Event::kind).collect()
}

#[tokio::test]
async fn a_charge_is_recorded_before_and_after_the_provider_is_asked() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(4999, ""), call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Completed);
    assert_eq!(
        states(&test, payment.id).await,
        ["payment.created", "payment.processing", "payment.completed"]
    );
    let stored = test.gateway.store.payment(&client("demo"), payment.id).await.unwrap();
    assert_eq!(stored, Some(payment));
}

#[tokio::test]
async fn a_decline_is_a_failed_payment_that_keeps_what_it_left_at_the_provider() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    let error = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap_err();
    let OperationError::Refused { payment, refusal } = error else { panic!("{error:?}") };
    assert_eq!(*refusal, declined());
    let stored = test.gateway.store.payment(&client("demo"), payment).await.unwrap().unwrap();
    assert_eq!(stored.state.status(), Status::Failed);
    assert_eq!(stored.reference, Some(ProviderRef::new("pi_left")));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_payment_pending_and_never_failed() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Doubt::new("connection cut")));
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Pending);
    assert!(matches!(payment.state, State::Unknown { .. }));
}

#[tokio::test]
async fn what_an_unreachable_provider_was_not_sent_is_pending_and_queued() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::NotSent(Doubt::new("connection refused")));
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Pending);
    assert!(matches!(payment.state, State::Queued { .. }), "{payment:?}");
}

#[tokio::test]
async fn the_operation_goes_on_when_the_caller_hangs_up() {
    let test = TestGateway::start().await;
    let charge = operations::charge(test.gateway.clone(), charge_request(100, ""), call());
    assert!(tokio::time::timeout(std::time::Duration::ZERO, charge).await.is_err());
    test.gateway.tasks.close();
    test.gateway.tasks.wait().await;
    let filter = control_plane::domain::store::Filter { limit: 10, ..Default::default() };
    let page = test.gateway.store.payments(&client("demo"), &filter).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].state.status(), Status::Completed);
}

#[tokio::test]
async fn an_authorization_is_captured_in_part_and_only_once() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    let part = Amount::new(60);
    let captured = operations::capture(test.gateway.clone(), payment.id, part, call()).await.unwrap();
    assert_eq!(captured.captured().map(|(_, amount)| amount), part);
    let again = operations::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    assert!(matches!(again, OperationError::InvalidState { .. }), "{again:?}");
    let too_much = operations::refund(test.gateway.clone(), payment.id, Amount::new(61), call()).await;
    assert!(matches!(too_much, Err(OperationError::RefundExceeds { remaining: 60, .. })), "{too_much:?}");
}

#[tokio::test]
async fn a_refused_capture_leaves_the_amount_authorized_and_a_second_try_has_a_key_of_its_own() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    test.provider.captures.lock().unwrap().push(Outcome::Refused(declined()));
    operations::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    operations::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    let calls = test.provider.calls.lock().unwrap();
    assert_ne!(calls[1].1, calls[2].1);
}

#[tokio::test]
async fn more_than_authorized_is_never_captured() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    let error = operations::capture(test.gateway.clone(), payment.id, Amount::new(101), call()).await;
    assert!(matches!(error, Err(OperationError::CaptureExceeds { .. })), "{error:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn capture_and_cancel_at_once_end_in_one_of_them() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    let (capture, cancel) = tokio::join!(
        operations::capture(test.gateway.clone(), payment.id, None, call()),
        operations::cancel(test.gateway.clone(), payment.id, cancel_call()),
    );
    assert!(capture.is_ok() != cancel.is_ok(), "{capture:?} {cancel:?}");
    // The charge, and whichever of the two came first: the other never reached the provider.
    assert_eq!(test.provider.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_cancellation_waits_for_the_outcome_of_a_capture() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    test.provider.captures.lock().unwrap().push(Outcome::Unknown(Doubt::new("cut")));
    let pending = operations::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(pending.state.status(), Status::Pending);
    let cancel = operations::cancel(test.gateway.clone(), payment.id, cancel_call()).await.unwrap();
    assert_eq!(cancel.state.name(), "unknown");
    let again = operations::cancel(test.gateway.clone(), payment.id, cancel_call()).await;
    assert!(matches!(again, Err(OperationError::InvalidState { .. })), "{again:?}");
}

#[tokio::test]
async fn a_pending_capture_is_pending_at_the_gateway_too() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    test.provider.captures.lock().unwrap().push(Outcome::Done(Captured::Pending));
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    let captured = operations::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert!(matches!(captured.state, State::Processing { accepted: true, .. }));
}

#[tokio::test]
async fn without_an_amount_the_rest_is_refunded() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    let part = operations::refund(test.gateway.clone(), payment.id, Amount::new(30), call()).await.unwrap();
    let rest = operations::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!((part.amount.minor(), rest.amount.minor()), (30, 70));
    let more = operations::refund(test.gateway.clone(), payment.id, None, call()).await;
    assert!(matches!(more, Err(OperationError::RefundExceeds { remaining: 0, .. })), "{more:?}");
}

#[tokio::test]
async fn many_refunds_at_once_never_exceed_the_charge() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    let refunds = (0..10)
        .map(|_| tokio::spawn(operations::refund(test.gateway.clone(), payment.id, Amount::new(30), call())));
    let mut done = 0;
    for refund in refunds.collect::<Vec<_>>() {
        done += usize::from(refund.await.unwrap().is_ok());
    }
    assert_eq!(done, 3);
    let stored = test.gateway.store.payment(&client("demo"), payment.id).await.unwrap().unwrap();
    assert_eq!(stored.refunded, 90);
}

#[tokio::test]
async fn a_refused_refund_can_be_asked_for_again() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(Outcome::Refused(declined()));
    operations::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    let refund = operations::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(refund.amount.minor(), 100);
}

#[tokio::test]
async fn a_lost_refund_answer_keeps_the_amount_reserved() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(Outcome::Unknown(Doubt::new("cut")));
    let refund = operations::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert!(matches!(refund.state, RefundState::Unknown { .. }));
    let again = operations::refund(test.gateway.clone(), payment.id, None, call()).await;
    assert!(matches!(again, Err(OperationError::RefundExceeds { remaining: 0, .. })), "{again:?}");
}

#[tokio::test]
async fn a_refund_the_provider_took_is_pending_until_it_decides() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    let refund = ProviderRef::new("re_1");
    test.provider.refunds.lock().unwrap().push(Outcome::Done(Refunded::Pending { refund: refund.clone() }));
    let taken = operations::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(taken.state, RefundState::Pending { refund });
}

#[tokio::test]
async fn what_was_not_captured_cannot_be_refunded() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = operations::charge(test.gateway.clone(), request, call()).await.unwrap();
    let refund = operations::refund(test.gateway.clone(), payment.id, None, call()).await;
    assert!(matches!(refund, Err(OperationError::InvalidState { .. })), "{refund:?}");
}

#[tokio::test]
async fn another_clients_payment_does_not_exist() {
    let test = TestGateway::start().await;
    let payment = operations::charge(test.gateway.clone(), charge_request(100, ""), call()).await.unwrap();
    let mut other = cause();
    other.client = client("demo-2");
    let refund =
        operations::refund(test.gateway.clone(), payment.id, None, Call { cause: other.clone(), ..call() })
            .await;
    let capture =
        operations::capture(test.gateway.clone(), payment.id, None, Call { cause: other.clone(), ..call() })
            .await;
    let cancel =
        operations::cancel(test.gateway.clone(), payment.id, Call { cause: other, ..cancel_call() }).await;
    assert!(matches!(refund, Err(OperationError::NotFound)));
    assert!(matches!(capture, Err(OperationError::NotFound)));
    assert!(matches!(cancel, Err(OperationError::NotFound)));
}

fn order_request(amount: u64) -> edge_core::request::ChargeRequest {
    let body =
        format!(r#"{{"provider":"paypal","amount":{amount},"currency":"USD","paymentMethodId":"ORDER1"}}"#);
    edge_core::request::ChargeRequest::parse(body.as_bytes()).unwrap()
}

async fn waiting_for_the_payer(test: &TestGateway) -> control_plane::domain::payment::Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("ORDER1"),
        url: "https://pay.example/ORDER1".to_owned(),
        declined: false,
    }));
    let body = br#"{"provider":"paypal","amount":100,"currency":"USD"}"#;
    let request = edge_core::request::ChargeRequest::parse(body).unwrap();
    operations::charge(test.gateway.clone(), request, call()).await.unwrap()
}

#[tokio::test]
async fn an_approved_order_goes_on_with_the_payment_that_waits_for_it() {
    let test = TestGateway::start().await;
    let waiting = waiting_for_the_payer(&test).await;
    assert_eq!(waiting.state.status(), Status::RequiresAction);
    let done = operations::charge(test.gateway.clone(), order_request(100), call()).await.unwrap();
    assert_eq!((done.id, done.state.status()), (waiting.id, Status::Completed));
    let again = operations::charge(test.gateway.clone(), order_request(100), call()).await;
    assert!(matches!(again, Err(OperationError::InvalidState { .. })), "{again:?}");
}

#[tokio::test]
async fn an_approved_order_is_not_taken_for_another_amount_or_another_client() {
    let test = TestGateway::start().await;
    waiting_for_the_payer(&test).await;
    let other_amount = operations::charge(test.gateway.clone(), order_request(99), call()).await;
    assert!(matches!(other_amount, Err(OperationError::Unacceptable(_))), "{other_amount:?}");
    let mut stranger = call();
    stranger.cause.client = client("demo-2");
    let stolen = operations::charge(test.gateway.clone(), order_request(100), stranger).await;
    assert!(matches!(stolen, Err(OperationError::Unacceptable(_))), "{stolen:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_made_elsewhere_that_two_charges_bring_at_once_is_one_payment() {
    let test = TestGateway::start().await;
    let (first, second) = tokio::join!(
        operations::charge(test.gateway.clone(), order_request(100), call()),
        operations::charge(test.gateway.clone(), order_request(100), call()),
    );
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_that_a_payment_failed_with_can_be_brought_again() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    operations::charge(test.gateway.clone(), order_request(100), call()).await.unwrap_err();
    operations::charge(test.gateway.clone(), order_request(100), call()).await.unwrap();
}

#[tokio::test]
async fn a_payment_that_waits_for_its_payer_can_be_canceled() {
    let test = TestGateway::start().await;
    let waiting = waiting_for_the_payer(&test).await;
    let canceled = operations::cancel(test.gateway.clone(), waiting.id, cancel_call()).await.unwrap();
    assert_eq!(canceled.state, State::Canceled { reason: None });
    let late = operations::charge(test.gateway.clone(), order_request(100), call()).await;
    assert!(matches!(late, Err(OperationError::InvalidState { .. })), "{late:?}");
}
