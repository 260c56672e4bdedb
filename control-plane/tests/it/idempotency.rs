//! The durable wall: one key, one effect, one answer, whatever happens in between.

use edge_core::money::Amount;
use payments::model::idempotency::{KeyRecord, Subject};
use payments::model::payment::{Payment, Status};
use payments::model::provider::{Outcome, Refusal, RefusalKind, Uncertainty};
use payments::model::refund::Refund;
use payments::ports::store::Change;
use payments::usecases::call::Call;
use payments::usecases::{self, FirstOutcome, OperationError};

use crate::common::*;

fn scope_of<T>(call: &Call<T>) -> edge_core::idempotency::Scope {
    call.claim().unwrap().scope
}

async fn known<T>(test: &TestGateway, call: &Call<T>) -> Option<KeyRecord> {
    test.gateway.store.key(&scope_of(call)).await.unwrap()
}

fn calls(test: &TestGateway) -> usize {
    test.provider.calls.lock().unwrap().len()
}

#[tokio::test]
async fn the_key_its_payment_and_its_answer_are_committed_together() {
    let test = TestGateway::start().await;
    let call = keyed::<Payment>(1, "a");
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await.unwrap();
    let record = known(&test, &call).await.unwrap();
    assert_eq!(record.subject, Some(Subject::Payment(payment.id)));
    assert_eq!(record.fingerprint, call.claim().unwrap().fingerprint);
    assert_eq!(record.answer.unwrap().status, 200);
}

#[tokio::test]
async fn a_key_is_taken_once_however_many_requests_come_at_once() {
    let test = TestGateway::start().await;
    let requests = (0..20).map(|_| {
        let charge = usecases::charge(test.gateway.clone(), charge_request(100, ""), None, keyed(1, "a"));
        tokio::spawn(charge)
    });
    let mut done = 0;
    for request in requests.collect::<Vec<_>>() {
        match request.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => assert!(matches!(error, OperationError::KeyTaken), "{error:?}"),
        }
    }
    assert_eq!((done, calls(&test)), (1, 1));
}

#[tokio::test]
async fn after_a_lost_answer_the_same_attempt_is_repeated_and_no_other_is_begun() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let call = keyed::<Payment>(1, "a");
    let lost =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await.unwrap();
    let record = known(&test, &call).await.unwrap();
    assert_eq!((lost.state.status(), record.answer), (Status::Pending, None));

    let subject = record.subject.unwrap();
    let found = Payment::outcome_of_first_request(test.gateway.clone(), subject, call.clone()).await.unwrap();
    assert_eq!((found.id, found.state.status()), (lost.id, Status::Completed));
    assert!(known(&test, &call).await.unwrap().answer.is_some());
    let attempts = test.provider.calls.lock().unwrap();
    assert_eq!(attempts[0], attempts[1]);
}

#[tokio::test]
async fn a_payment_that_a_process_works_on_is_in_progress_until_its_lease_ends() {
    let test = TestGateway::start().await;
    let call = keyed::<Payment>(1, "a");
    test.clock.advance(1);
    let (payment, open) = opening(1, "demo", 100);
    let key = call.take(test.gateway.now());
    test.gateway.store.commit(Change { key, ..open }).await.unwrap();
    let subject = Subject::Payment(payment.id);
    let early = Payment::outcome_of_first_request(test.gateway.clone(), subject, call.clone()).await;
    assert!(matches!(early, Err(OperationError::InProgress)), "{early:?}");
    assert_eq!(calls(&test), 0);
    test.clock.advance(60);
    let late = Payment::outcome_of_first_request(test.gateway.clone(), subject, call).await.unwrap();
    assert_eq!(late.state.status(), Status::Completed);
}

#[tokio::test]
async fn what_was_under_way_before_a_restart_is_taken_up_at_once() {
    let test = TestGateway::start().await;
    let call = keyed::<Payment>(1, "a");
    let (payment, open) = opening(0, "demo", 100);
    let key = call.take(test.gateway.now());
    test.gateway.store.commit(Change { key, ..open }).await.unwrap();
    test.clock.advance(1);
    let restarted = test.restarted().await;
    let found =
        Payment::outcome_of_first_request(restarted, Subject::Payment(payment.id), call).await.unwrap();
    assert_eq!(found.state.status(), Status::Completed);
    assert_eq!(test.provider.calls.lock().unwrap()[0].1, attempt(0));
}

#[tokio::test]
async fn past_the_providers_horizon_nothing_is_sent_again() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let call = keyed::<Payment>(1, "a");
    let lost =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await.unwrap();
    test.clock.advance(3_601);
    let found = Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(lost.id), call)
        .await
        .unwrap();
    assert_eq!((found.state.status(), calls(&test)), (Status::Pending, 1));
}

#[tokio::test]
async fn a_key_whose_request_was_refused_for_our_configuration_can_be_used_again() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(turned_away()));
    let call = keyed::<Payment>(1, "a");
    usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await.unwrap_err();
    assert_eq!(known(&test, &call).await, None);
    usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call).await.unwrap();
}

#[tokio::test]
async fn a_repeat_that_meets_a_closed_door_never_makes_the_first_call_a_failure() {
    let test = TestGateway::start().await;
    let call = keyed::<Payment>(1, "a");
    let cut = Outcome::Unknown(Uncertainty::new("cut"));
    test.provider.charges.lock().unwrap().push(cut);
    let lost =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await.unwrap();
    for answer in [Outcome::NotSent(Uncertainty::new("connection refused")), Outcome::Refused(turned_away())]
    {
        test.provider.charges.lock().unwrap().push(answer);
        let found =
            Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(lost.id), call.clone())
                .await
                .unwrap();
        assert_eq!(found.state.status(), Status::Pending);
    }
    let found = Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(lost.id), call)
        .await
        .unwrap();
    assert_eq!(found.state.status(), Status::Completed);
}

/// An error names the request that it answers, so two requests that answer one key would differ.
#[tokio::test]
async fn an_answer_that_another_process_kept_is_read_and_not_replaced() {
    let test = TestGateway::start().await;
    let refusal = Refusal { kind: RefusalKind::Declined, ..turned_away() };
    test.provider.charges.lock().unwrap().push(Outcome::Refused(refusal));
    let call = keyed::<Payment>(1, "a");
    let first = usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await;
    let Err(OperationError::Refused { payment, .. }) = first else { panic!("{first:?}") };
    let late = Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(payment), call).await;
    assert!(matches!(late, Err(OperationError::KeyTaken)), "{late:?}");
}

fn turned_away() -> Refusal {
    Refusal {
        kind: RefusalKind::Configuration,
        code: None,
        decline_code: None,
        message: "invalid api key".to_owned(),
        reference: None,
    }
}

#[tokio::test]
async fn the_first_outcome_of_a_refund_is_found_under_its_own_attempt() {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    test.provider.refunds.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let call = keyed::<Refund>(2, "r");
    let lost =
        usecases::refund(test.gateway.clone(), payment.id, Amount::new(60), call.clone()).await.unwrap();
    let found =
        Refund::outcome_of_first_request(test.gateway.clone(), Subject::Refund(lost.id), call).await.unwrap();
    assert_eq!((found.id, found.state.name()), (lost.id, "processed"));
    let attempts = test.provider.calls.lock().unwrap();
    assert_eq!(attempts[1], attempts[2]);
}
