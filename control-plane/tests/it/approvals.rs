//! What a payer approves in a wallet is judged before a call for it is recorded, and a repeat knows that while the call may
//! have been executed.

use control_plane::http::charge_terms;
use edge_core::request::ChargeRequest;
use payments::model::event::{Cause, Event};
use payments::model::payer_action::PayerAction;
use payments::model::payment::{ChargeTerms, Payment, Status};
use payments::model::provider::{Charged, Outcome, ProviderRef, Refusal, RefusalKind, Uncertainty};
use payments::model::snapshot::{Found, ProviderSnapshot, ProviderStatus};
use payments::usecases::call::Call;
use payments::usecases::resolve::run_next_due;
use payments::usecases::{self, OperationError};

use crate::common::*;

fn terms(more: &str) -> ChargeTerms {
    let body = format!(r#"{{"provider":"paypal","wallet":"apple_pay","amount":100,"currency":"USD"{more}}}"#);
    charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap())
}

fn with_the_order() -> ChargeTerms {
    terms(r#","paymentMethodId":"ORDER000000000001""#)
}

/// The payer's bank did not vouch for the payer.
fn in_vain() -> Found<Result<(), Refusal>> {
    Found::Found(Err(Refusal {
        kind: RefusalKind::Invalid { param: Some("paymentMethodId".to_owned()) },
        code: None,
        decline_code: Some("authentication_failed".to_owned()),
        message: "no".to_owned(),
        reference: Some(ProviderRef::new("ORDER000000000001")),
    }))
}

fn call_of(name: &str) -> Call<Payment> {
    Call { cause: Cause::request(client(name), "req-1".to_owned()), ..call() }
}

/// A payment whose order its payer has confirmed.
async fn confirmed(test: &TestGateway) -> Payment {
    confirmed_for(test, "demo").await
}

async fn confirmed_for(test: &TestGateway, name: &str) -> Payment {
    let (payment, action) = (ProviderRef::new("ORDER000000000001"), PayerAction::ConfirmOrder);
    let asks = Charged::RequiresAction { payment: payment.clone(), action, declined: false };
    test.provider.charges.lock().unwrap().push(Outcome::Done(asks));
    let waiting = usecases::charge(test.gateway.clone(), terms(""), None, call_of(name)).await.unwrap();
    *test.provider.seen.lock().unwrap() = vec![Found::Found(ProviderSnapshot {
        reference: payment,
        payment: Some(waiting.id),
        money: Some(waiting.money()),
        paid_with: None,
        provider_status: ProviderStatus::Approved { declined: None, page: None },
    })];
    waiting
}

async fn stored(test: &TestGateway, payment: &Payment) -> Payment {
    test.gateway.store.payment_by_id(payment.id).await.unwrap().unwrap()
}

fn calls(test: &TestGateway) -> Vec<&'static str> {
    test.provider.calls.lock().unwrap().iter().map(|(operation, _)| *operation).collect()
}

#[track_caller]
fn is_refused(told: Result<Payment, OperationError>, payment: &Payment) {
    let Err(OperationError::Refused { payment: refused, refusal }) = told else { panic!("{told:?}") };
    assert_eq!(refused, payment.id);
    assert_eq!(refusal.decline_code.as_deref(), Some("authentication_failed"));
}

#[tokio::test]
async fn a_return_that_is_refused_fails_the_payment_without_a_call() {
    let test = TestGateway::start().await;
    let waiting = confirmed(&test).await;
    test.provider.approvals.lock().unwrap().push(in_vain());
    let back = keyed::<Payment>(2, "b");
    let told = usecases::charge(test.gateway.clone(), with_the_order(), None, back.clone()).await;
    is_refused(told, &waiting);
    let failed = stored(&test, &waiting).await;
    assert_eq!((failed.state.name(), failed.version), ("failed", waiting.version + 1));
    let key = test.gateway.store.key(&back.claim().unwrap().scope).await.unwrap().unwrap();
    assert!(key.answer.is_some(), "in the same commit");
    let again = usecases::charge(test.gateway.clone(), with_the_order(), None, keyed(3, "c")).await;
    is_refused(again, &waiting);
    assert_eq!(calls(&test), ["charge"]);
}

/// Whatever the order shows by then: a refusal of the repeat would say nothing of the call that was lost.
#[tokio::test]
async fn a_return_that_was_judged_and_lost_is_repeated_as_judged() {
    let test = TestGateway::start().await;
    confirmed(&test).await;
    test.provider.approvals.lock().unwrap().extend([in_vain(), Found::Found(Ok(()))]);
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let lost = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
    test.clock.advance(60);
    while run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(stored(&test, &lost).await.state.status(), Status::Completed);
    assert_eq!(*test.provider.judged.lock().unwrap(), [false, true, true]);
}

/// It was certainly not executed, and the payer may have confirmed the order with another card since.
#[tokio::test]
async fn a_return_that_was_judged_and_not_sent_is_judged_again_with_its_call() {
    let test = TestGateway::start().await;
    confirmed(&test).await;
    test.provider.approvals.lock().unwrap().push(Found::Found(Ok(())));
    test.provider.charges.lock().unwrap().push(Outcome::NotSent(Uncertainty::new("connection refused")));
    let queued = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
    assert_eq!(stored(&test, &queued).await.state.name(), "queued");
    test.clock.advance(60);
    while run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(stored(&test, &queued).await.state.status(), Status::Completed);
    assert_eq!(*test.provider.judged.lock().unwrap(), [false, true, false]);
}

#[tokio::test]
async fn what_cannot_be_read_is_judged_with_the_call() {
    for found in [Found::Unavailable(Uncertainty::new("cut")), Found::Missing] {
        let test = TestGateway::start().await;
        confirmed(&test).await;
        test.provider.approvals.lock().unwrap().push(found);
        usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
        assert_eq!(*test.provider.judged.lock().unwrap(), [false, false]);
    }
}

/// By whichever way the order would be captured.
#[tokio::test]
async fn an_approval_is_judged_for_the_client_of_its_payment() {
    for comes_back in [true, false] {
        let test = TestGateway::start().await;
        confirmed_for(&test, "shop").await;
        test.provider.approvals.lock().unwrap().push(Found::Found(Ok(())));
        test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
        if comes_back {
            usecases::charge(test.gateway.clone(), with_the_order(), None, call_of("shop")).await.unwrap();
        }
        for _ in 0..2 {
            test.clock.advance(61);
            while run_next_due(&test.gateway).await.unwrap().is_some() {}
        }
        assert_eq!(calls(&test), ["charge", "resume", "resume"], "{comes_back}");
        // The first charge, the judgment, the resume, and its retry.
        assert_eq!(*test.provider.judged_for.lock().unwrap(), vec![client("shop"); 4], "{comes_back}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_come_back_gets_the_same_refusal() {
    let test = TestGateway::start().await;
    let waiting = confirmed(&test).await;
    test.provider.approvals.lock().unwrap().push(in_vain());
    test.clock.advance(61);
    while run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(stored(&test, &waiting).await.state.name(), "failed");
    is_refused(usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await, &waiting);
    assert_eq!(calls(&test), ["charge"]);
}

#[tokio::test]
async fn a_charge_of_a_clients_own_order_is_judged_before_it_is_called() {
    let test = TestGateway::start().await;
    test.provider.approvals.lock().unwrap().extend([Found::Found(Ok(())), in_vain()]);
    let first = keyed::<Payment>(2, "b");
    let told = usecases::charge(test.gateway.clone(), with_the_order(), None, first.clone()).await;
    let Err(OperationError::Refused { payment, .. }) = told else { panic!("{told:?}") };
    assert!(calls(&test).is_empty());
    let trail = test.gateway.store.events(&client("demo"), payment).await.unwrap();
    assert_eq!(trail.iter().map(Event::kind).collect::<Vec<_>>().last().unwrap(), "payment.failed");
    let key = test.gateway.store.key(&first.claim().unwrap().scope).await.unwrap().unwrap();
    assert!(key.answer.is_some());
    let paid = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
    assert_eq!(paid.state.status(), Status::Completed);
    assert_eq!(*test.provider.judged.lock().unwrap(), [true]);
}
