//! Whole operations against a scripted provider: what is recorded, in which order, and what the client is told.

use control_plane::http::charge_terms;
use edge_core::money::Amount;
use edge_core::request::ChargeRequest;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{ChargeTerms, State, Status};
use payments::model::provider::{
    Captured, Charged, Outcome, ProviderRef, Refunded, Refusal, RefusalKind, Uncertainty,
};
use payments::model::refund::RefundState;
use payments::usecases::call::Call;
use payments::usecases::{self, OperationError};

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

async fn states(test: &TestGateway, id: payments::model::id::PaymentId) -> Vec<String> {
    let trail = test.gateway.store.events(&client("demo"), id).await.unwrap();
    trail.iter().map(payments::model::event::Event::kind).collect()
}

#[tokio::test]
async fn a_charge_is_recorded_before_and_after_the_provider_is_asked() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(4999, ""), None, call()).await.unwrap();
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
    let error =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap_err();
    let OperationError::Refused { payment, refusal } = error else { panic!("{error:?}") };
    assert_eq!(*refusal, declined());
    let stored = test.gateway.store.payment(&client("demo"), payment).await.unwrap().unwrap();
    assert_eq!(stored.state.status(), Status::Failed);
    assert_eq!(stored.reference, Some(ProviderRef::new("pi_left")));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_payment_pending_and_never_failed() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("connection cut")));
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Pending);
    assert!(matches!(payment.state, State::Unknown { .. }));
}

#[tokio::test]
async fn what_an_unreachable_provider_was_not_sent_is_pending_and_queued() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::NotSent(Uncertainty::new("connection refused")));
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    assert_eq!(payment.state.status(), Status::Pending);
    assert!(matches!(payment.state, State::Queued { .. }), "{payment:?}");
}

#[tokio::test]
async fn the_operation_goes_on_when_the_caller_hangs_up() {
    let test = TestGateway::start().await;
    let charge = usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call());
    assert!(tokio::time::timeout(std::time::Duration::ZERO, charge).await.is_err());
    test.gateway.tasks.close();
    test.gateway.tasks.wait().await;
    let filter = payments::ports::store::Filter { limit: 10, ..Default::default() };
    let page = test.gateway.store.payments(&client("demo"), &filter).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].state.status(), Status::Completed);
}

#[tokio::test]
async fn an_authorization_is_captured_in_part_and_only_once() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let part = Amount::new(60);
    let captured = usecases::capture(test.gateway.clone(), payment.id, part, call()).await.unwrap();
    assert_eq!(captured.captured().map(|(_, amount)| amount), part);
    let again = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    assert!(matches!(again, OperationError::InvalidState { .. }), "{again:?}");
    let too_much = usecases::refund(test.gateway.clone(), payment.id, Amount::new(61), call()).await;
    assert!(matches!(too_much, Err(OperationError::RefundExceeds { remaining: 60, .. })), "{too_much:?}");
}

#[tokio::test]
async fn a_refused_capture_leaves_the_amount_authorized_and_the_next_uses_another_key() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    test.provider.captures.lock().unwrap().push(Outcome::Refused(declined()));
    usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    let calls = test.provider.calls.lock().unwrap();
    assert_ne!(calls[1].1, calls[2].1);
}

#[tokio::test]
async fn more_than_authorized_is_never_captured() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let error = usecases::capture(test.gateway.clone(), payment.id, Amount::new(101), call()).await;
    assert!(matches!(error, Err(OperationError::CaptureExceeds { .. })), "{error:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn capture_and_cancel_at_once_end_in_one_of_them() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let (capture, cancel) = tokio::join!(
        usecases::capture(test.gateway.clone(), payment.id, None, call()),
        usecases::cancel(test.gateway.clone(), payment.id, cancel_call()),
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
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    test.provider.captures.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let pending = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(pending.state.status(), Status::Pending);
    let cancel = usecases::cancel(test.gateway.clone(), payment.id, cancel_call()).await.unwrap();
    assert_eq!(cancel.state.name(), "unknown");
    let again = usecases::cancel(test.gateway.clone(), payment.id, cancel_call()).await;
    assert!(matches!(again, Err(OperationError::Undecided { .. })), "{again:?}");
}

#[tokio::test]
async fn a_pending_capture_is_pending_at_the_gateway_too() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    test.provider.captures.lock().unwrap().push(Outcome::Done(Captured::Pending));
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let captured = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert!(matches!(captured.state, State::Processing { accepted: true, .. }));
}

#[tokio::test]
async fn without_an_amount_the_rest_is_refunded() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    let part = usecases::refund(test.gateway.clone(), payment.id, Amount::new(30), call()).await.unwrap();
    let rest = usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!((part.amount.minor(), rest.amount.minor()), (30, 70));
    let more = usecases::refund(test.gateway.clone(), payment.id, None, call()).await;
    assert!(matches!(more, Err(OperationError::RefundExceeds { remaining: 0, .. })), "{more:?}");
}

#[tokio::test]
async fn many_refunds_at_once_never_exceed_the_charge() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    let refunds = (0..10)
        .map(|_| tokio::spawn(usecases::refund(test.gateway.clone(), payment.id, Amount::new(30), call())));
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
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(Outcome::Refused(declined()));
    usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    let refund = usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(refund.amount.minor(), 100);
}

#[tokio::test]
async fn a_lost_refund_answer_keeps_the_amount_reserved() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let refund = usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert!(matches!(refund.state, RefundState::Unknown { .. }));
    for amount in [None, Amount::new(1), Amount::new(100)] {
        let again = usecases::refund(test.gateway.clone(), payment.id, amount, call()).await.unwrap_err();
        assert!(matches!(again, OperationError::Undecided { .. }) && !again.is_final(), "{again:?}");
    }
    let more = usecases::refund(test.gateway.clone(), payment.id, Amount::new(101), call()).await;
    assert!(matches!(more, Err(OperationError::RefundExceeds { remaining: 0, .. })), "{more:?}");
}

#[tokio::test]
async fn a_capture_that_waits_for_the_payer_is_not_refused_for_good() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Page("https://hooks.stripe.com/3ds".to_owned()),
        declined: false,
    }));
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let early = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap_err();
    assert!(matches!(early, OperationError::Undecided { .. }) && !early.is_final(), "{early:?}");
}

#[tokio::test]
async fn a_refund_the_provider_took_is_pending_until_it_decides() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    let refund = ProviderRef::new("re_1");
    test.provider.refunds.lock().unwrap().push(Outcome::Done(Refunded::Pending { refund: refund.clone() }));
    let taken = usecases::refund(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    assert_eq!(taken.state, RefundState::Pending { refund });
}

#[tokio::test]
async fn what_was_not_captured_cannot_be_refunded() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    let refund = usecases::refund(test.gateway.clone(), payment.id, None, call()).await;
    assert!(matches!(refund, Err(OperationError::InvalidState { .. })), "{refund:?}");
}

#[tokio::test]
async fn another_clients_payment_does_not_exist() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    let mut other = cause();
    other.client = client("demo-2");
    let refund =
        usecases::refund(test.gateway.clone(), payment.id, None, Call { cause: other.clone(), ..call() })
            .await;
    let capture =
        usecases::capture(test.gateway.clone(), payment.id, None, Call { cause: other.clone(), ..call() })
            .await;
    let cancel =
        usecases::cancel(test.gateway.clone(), payment.id, Call { cause: other, ..cancel_call() }).await;
    assert!(matches!(refund, Err(OperationError::NotFound)));
    assert!(matches!(capture, Err(OperationError::NotFound)));
    assert!(matches!(cancel, Err(OperationError::NotFound)));
}

fn order_request(amount: u64) -> ChargeTerms {
    let body =
        format!(r#"{{"provider":"paypal","amount":{amount},"currency":"USD","paymentMethodId":"ORDER1"}}"#);
    charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap())
}

async fn waiting_for_the_payer(test: &TestGateway) -> payments::model::payment::Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("ORDER1"),
        action: PayerAction::Page("https://pay.example/ORDER1".to_owned()),
        declined: false,
    }));
    let body = br#"{"provider":"paypal","amount":100,"currency":"USD"}"#;
    let request = charge_terms(ChargeRequest::parse(body).unwrap());
    usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap()
}

#[tokio::test]
async fn an_approved_order_goes_on_with_the_payment_that_waits_for_it() {
    let test = TestGateway::start().await;
    let waiting = waiting_for_the_payer(&test).await;
    assert_eq!(waiting.state.status(), Status::RequiresAction);
    let done = usecases::charge(test.gateway.clone(), order_request(100), None, call()).await.unwrap();
    assert_eq!((done.id, done.state.status()), (waiting.id, Status::Completed));
    // Under another key: it is not charged again.
    let again = usecases::charge(test.gateway.clone(), order_request(100), None, call()).await.unwrap();
    assert_eq!((again.id, again.state.status()), (waiting.id, Status::Completed));
    assert_eq!(test.provider.calls.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_approved_order_is_not_taken_for_another_amount_or_another_client() {
    let test = TestGateway::start().await;
    waiting_for_the_payer(&test).await;
    let other_amount = usecases::charge(test.gateway.clone(), order_request(99), None, call()).await;
    assert!(matches!(other_amount, Err(OperationError::Unacceptable(_))), "{other_amount:?}");
    let mut stranger = call();
    stranger.cause.client = client("demo-2");
    let stolen = usecases::charge(test.gateway.clone(), order_request(100), None, stranger).await;
    assert!(matches!(stolen, Err(OperationError::Unacceptable(_))), "{stolen:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_made_elsewhere_that_two_charges_bring_at_once_is_one_payment() {
    let test = TestGateway::start().await;
    let (first, second) = tokio::join!(
        usecases::charge(test.gateway.clone(), order_request(100), None, call()),
        usecases::charge(test.gateway.clone(), order_request(100), None, call()),
    );
    // One that comes when the other is done is told of the other's payment.
    let mut ids: Vec<_> = [&first, &second].into_iter().flatten().map(|payment| payment.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{first:?} {second:?}");
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_that_a_payment_failed_with_can_be_brought_again() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    usecases::charge(test.gateway.clone(), order_request(100), None, call()).await.unwrap_err();
    usecases::charge(test.gateway.clone(), order_request(100), None, call()).await.unwrap();
}

#[tokio::test]
async fn a_payment_that_waits_for_its_payer_can_be_canceled() {
    let test = TestGateway::start().await;
    let waiting = waiting_for_the_payer(&test).await;
    let canceled = usecases::cancel(test.gateway.clone(), waiting.id, cancel_call()).await.unwrap();
    assert_eq!(canceled.state, State::Canceled { reason: None, resumed_by: None });
    let late = usecases::charge(test.gateway.clone(), order_request(100), None, call()).await;
    assert!(matches!(late, Err(OperationError::InvalidState { .. })), "{late:?}");
}
