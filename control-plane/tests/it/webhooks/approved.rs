//! Orders that their payers have approved: the webhook, the client, or both bring them to the gateway.

use control_plane::http::charge_terms;
use edge_core::request::ChargeRequest;
use payments::model::id::AttemptId;
use payments::model::idempotency::Subject;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{ChargeTerms, Operation, Payment, ResumedBy, State, Status};
use payments::model::provider::{Charged, OperationKind, Outcome, Uncertainty};
use payments::model::webhook::EventState;
use payments::ports::store::{Change, Mutation};
use payments::usecases::call::Call;
use payments::usecases::{self, OperationError, resolve};

use super::*;

fn request(method: &str) -> ChargeTerms {
    let body = format!(r#"{{"provider":"paypal","amount":100,"currency":"USD"{method}}}"#);
    charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap())
}

fn with_the_order() -> ChargeTerms {
    request(r#","paymentMethodId":"ORDER1""#)
}

/// A payment whose payer has just agreed at PayPal.
async fn approved(test: &TestGateway) -> Payment {
    approved_by(test, PayerAction::Page("https://pay.example/ORDER1".to_owned())).await
}

async fn approved_by(test: &TestGateway, action: PayerAction) -> Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("ORDER1"),
        action,
        declined: false,
    }));
    let waiting = usecases::charge(test.gateway.clone(), request(""), None, call()).await.unwrap();
    shows(test, &waiting, ProviderStatus::Approved { declined: None, page: None });
    waiting
}

async fn event(test: &TestGateway, id: &str, payment: &Payment) {
    let body = format!(r#"{{"id":"{id}","about":"payment","payment":"{}"}}"#, payment.id);
    told_raw(test, Provider::Paypal, &body).await;
}

fn resumes(test: &TestGateway) -> Vec<AttemptId> {
    let calls = test.provider.calls.lock().unwrap();
    calls.iter().filter(|(operation, _)| *operation == "resume").map(|(_, attempt)| *attempt).collect()
}

#[tokio::test]
async fn an_approved_order_is_captured_without_the_client_and_only_once() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    for id in ["WH-1", "WH-2"] {
        event(&test, id, &waiting).await;
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    }
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
    assert_eq!(resumes(&test).len(), 1);
    assert_eq!(trail(&test, waiting.id).await.last().unwrap().cause.initiator.text(), "webhook WH-1");
}

#[tokio::test]
async fn a_client_that_comes_back_after_the_webhook_is_told_that_it_is_paid() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    event(&test, "WH-1", &waiting).await;
    worked_off(&test.gateway).await;
    let call = keyed::<Payment>(2, "b");
    let back = usecases::charge(test.gateway.clone(), with_the_order(), None, call.clone()).await.unwrap();
    assert_eq!((back.id, back.state.status()), (waiting.id, Status::Completed));
    assert_eq!(resumes(&test).len(), 1);
    let key = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
    assert_eq!(key.answer.unwrap().status, 200);
}

#[tokio::test]
async fn a_repeat_while_the_gateway_captures_is_told_so_and_then_the_outcome() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    event(&test, "WH-1", &waiting).await;
    worked_off(&test.gateway).await;
    let come_back = async |n| {
        let call = keyed::<Payment>(n, "b");
        let told = usecases::charge(test.gateway.clone(), with_the_order(), None, call.clone()).await;
        let key = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
        (told.unwrap().state.status(), key.answer.map(|answer| answer.status), key.subject)
    };
    // Another request cannot take the key.
    assert_eq!(come_back(2).await, (Status::Pending, None, Some(Subject::Payment(waiting.id))));
    test.clock.advance(60);
    while resolve::run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(come_back(3).await, (Status::Completed, Some(200), Some(Subject::Payment(waiting.id))));
}

#[tokio::test]
async fn a_client_that_comes_back_after_its_server_has_captured_or_canceled_is_told_so() {
    for is_captured in [true, false] {
        let test = TestGateway::start().await;
        let manual = r#","capture":"manual""#;
        test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
            payment: ProviderRef::new("ORDER1"),
            action: PayerAction::Page("https://pay.example/ORDER1".to_owned()),
            declined: false,
        }));
        let waiting = usecases::charge(test.gateway.clone(), request(manual), None, call()).await.unwrap();
        shows(&test, &waiting, ProviderStatus::Approved { declined: None, page: None });
        test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::Authorized {
            payment: ProviderRef::new("ORDER1"),
            authorization: ProviderRef::new("AUTHORIZATION"),
            paid_with: None,
        }));
        event(&test, "WH-1", &waiting).await;
        worked_off(&test.gateway).await;
        assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Authorized);
        if is_captured {
            let capture = Call { asked: OperationKind::Capture.into(), ..call() };
            usecases::capture(test.gateway.clone(), waiting.id, None, capture).await.unwrap();
        } else {
            let canceled = usecases::cancel(test.gateway.clone(), waiting.id, cancel_call()).await.unwrap();
            assert_eq!(canceled.state.resumed_by(), Some(ResumedBy::Gateway));
        }
        let order = request(&format!(r#","paymentMethodId":"ORDER1"{manual}"#));
        match usecases::charge(test.gateway.clone(), order, None, call()).await {
            Ok(back) => assert_eq!((back.state.status(), is_captured), (Status::Captured, true)),
            Err(error) => {
                assert!(matches!(error, OperationError::Superseded { .. }), "{error:?}");
                assert!(!is_captured);
            }
        }
        assert_eq!(resumes(&test).len(), 1);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_after_the_decline_is_told_of_it() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    event(&test, "WH-1", &waiting).await;
    worked_off(&test.gateway).await;
    for n in [2, 3] {
        let call = keyed::<Payment>(n, "b");
        let told = usecases::charge(test.gateway.clone(), with_the_order(), None, call.clone()).await;
        let OperationError::Refused { payment, .. } = told.unwrap_err() else { panic!("no decline") };
        assert_eq!(payment, waiting.id);
        let key = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
        assert!(key.answer.is_some() && key.subject == Some(Subject::Payment(waiting.id)));
    }
    assert_eq!(resumes(&test).len(), 1);
}

#[tokio::test]
async fn an_order_that_a_client_made_itself_is_charged_again_after_a_decline() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    let first = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await;
    assert!(matches!(first, Err(OperationError::Refused { .. })), "{first:?}");
    let second = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
    assert_eq!(second.state.status(), Status::Completed);
}

/// The page shows in the wallet's sheet how its own request ends.
#[tokio::test]
async fn an_order_that_a_wallet_confirmed_is_left_to_its_page_for_some_seconds() {
    for comes_back in [true, false] {
        let test = TestGateway::start().await;
        let waiting = approved_by(&test, PayerAction::ConfirmOrder).await;
        event(&test, "WH-1", &waiting).await;
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
        assert!(resumes(&test).is_empty());
        if comes_back {
            let paid = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
            assert_eq!((paid.id, paid.state.status()), (waiting.id, Status::Completed));
        }
        test.clock.advance(15);
        while resolve::run_next_due(&test.gateway).await.unwrap().is_some() {}
        assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
        assert_eq!(resumes(&test).len(), 1);
    }
}

/// No event has come, and the gateway has looked by itself.
#[tokio::test]
async fn a_client_that_comes_back_after_a_look_is_told_that_it_is_paid() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    test.clock.advance(61);
    while resolve::run_next_due(&test.gateway).await.unwrap().is_some() {}
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
    let back = usecases::charge(test.gateway.clone(), with_the_order(), None, call()).await.unwrap();
    assert_eq!((back.id, back.state.status()), (waiting.id, Status::Completed));
    assert_eq!(resumes(&test).len(), 1);
}

/// Releases before recorded in the audit trail alone who had resumed a payment.
#[tokio::test]
async fn of_a_payment_that_a_release_before_resumed_the_trail_says_by_whom() {
    let webhook = payments::model::event::Cause::webhook(client("demo"), "WH-1");
    for (cause, is_told) in [(webhook, true), (call::<Payment>().cause, false)] {
        let test = TestGateway::start().await;
        let waiting = approved(&test).await;
        let mut begun =
            waiting.clone().begin_resume(ResumedBy::Gateway, attempt(9), test.gateway.now()).unwrap();
        let State::Processing { in_flight, .. } = &mut begun.state else { panic!("not begun") };
        let Operation::Resume(session) = &mut in_flight.operation else { panic!("not resumed") };
        session.resumed_by = None;
        let record = Event::payment_moved(Some(&waiting.state), &begun, &cause);
        let mutation = Mutation::MovePayment { payment: begun, event: record };
        test.gateway.store.commit(Change::from(mutation)).await.unwrap();
        let next = test.restarted().await;
        let meanwhile = usecases::charge(next.clone(), with_the_order(), None, call()).await;
        assert_eq!(meanwhile.is_ok(), is_told, "{meanwhile:?}");
        test.clock.advance(60);
        while resolve::run_next_due(&next).await.unwrap().is_some() {}
        let completed = stored(&test, waiting.id).await.state;
        assert_eq!((completed.status(), completed.resumed_by()), (Status::Completed, None));
        let back = usecases::charge(next, with_the_order(), None, call()).await.unwrap();
        assert_eq!((back.id, back.state.status()), (waiting.id, Status::Completed));
    }
}

/// As two clicks on a button do.
#[tokio::test]
async fn an_order_resubmitted_under_several_keys_is_paid_once_and_each_is_told() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    let back = || usecases::charge(test.gateway.clone(), with_the_order(), None, call());
    let all = futures_util::future::join_all((0..6).map(|_| back())).await;
    for told in all {
        // One that meets another half-way is told to repeat it.
        match told {
            Ok(paid) => assert_eq!((paid.id, paid.state.status()), (waiting.id, Status::Completed)),
            Err(problem) => {
                let is_told =
                    matches!(problem, OperationError::Busy { .. } | OperationError::Undecided { .. });
                assert!(is_told, "{problem:?}");
            }
        }
        let again = back().await.unwrap();
        assert_eq!((again.id, again.state.status()), (waiting.id, Status::Completed));
    }
    assert_eq!(resumes(&test).len(), 1);
}

#[tokio::test]
async fn client_and_webhook_at_once_take_the_money_once() {
    for _ in 0..10 {
        let test = TestGateway::start().await;
        let waiting = approved(&test).await;
        event(&test, "WH-1", &waiting).await;
        let gateway = test.gateway.clone();
        let webhook = tokio::spawn(async move { next_event(&gateway).await });
        let client = tokio::spawn(usecases::charge(test.gateway.clone(), with_the_order(), None, call()));
        webhook.await.unwrap();
        // It may have met the other one half-way.
        let told = client.await.unwrap().unwrap();
        assert_eq!(told.id, waiting.id);
        assert!([Status::Pending, Status::Completed].contains(&told.state.status()));
        test.clock.advance(1);
        let _ = next_event(&test.gateway).await;
        assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
        assert_eq!(resumes(&test).len(), 1);
    }
}

#[tokio::test]
async fn a_process_that_dies_while_it_captures_leaves_the_same_call_to_be_repeated() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    event(&test, "WH-1", &waiting).await;
    // What is left of a process that died in its call.
    let begun = waiting.clone().begin_resume(ResumedBy::Gateway, attempt(9), test.gateway.now()).unwrap();
    let cause = payments::model::event::Cause::webhook(client("demo"), "WH-1");
    let record = Event::payment_moved(Some(&waiting.state), &begun, &cause);
    let mutation = Mutation::MovePayment { payment: begun, event: record };
    test.gateway.store.commit(Change::from(mutation)).await.unwrap();
    worked_off(&test.gateway).await;
    assert!(resumes(&test).is_empty());
    test.clock.advance(60);
    let next = test.restarted().await;
    while resolve::run_next_due(&next).await.unwrap().is_some() {}
    assert_eq!(resumes(&test), [attempt(9)]);
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn a_capture_whose_answer_is_lost_is_repeated_under_its_key_until_it_is_known() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    event(&test, "WH-1", &waiting).await;
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert!(matches!(stored(&test, waiting.id).await.state, State::Unknown { .. }));
    test.clock.advance(60);
    while resolve::run_next_due(&test.gateway).await.unwrap().is_some() {}
    let attempts = resumes(&test);
    assert_eq!((attempts.len(), attempts[0] == attempts[1]), (2, true));
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn a_payer_who_is_declined_after_approving_ends_the_payment() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    event(&test, "WH-1", &waiting).await;
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Failed);
}

#[tokio::test]
async fn a_canceled_payment_is_not_taken_because_its_payer_approves() {
    let test = TestGateway::start().await;
    let waiting = approved(&test).await;
    usecases::cancel(test.gateway.clone(), waiting.id, cancel_call()).await.unwrap();
    event(&test, "WH-1", &waiting).await;
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert!(resumes(&test).is_empty());
    assert_eq!(stored(&test, waiting.id).await.state.status(), Status::Canceled);
}
