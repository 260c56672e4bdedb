//! A client cancels what is queued, or what nobody knows the outcome of.

use payments::model::event::Note;
use payments::model::provider::OperationKind;
use payments::usecases::cancel;

use super::*;

fn to_cancel(n: u8) -> Call<Payment> {
    Call { asked: OperationKind::Cancel.into(), ..keyed(n, "cancel") }
}

#[tokio::test]
async fn a_queued_charge_is_canceled_at_once_and_never_made() {
    let test = TestGateway::start().await;
    test.answers([unreached()]);
    let payment = test.charge(call()).await.unwrap();
    let canceled = cancel(test.gateway.clone(), payment.id, to_cancel(9)).await.unwrap();
    assert_eq!(canceled.state, State::Canceled { reason: None, resumed_by: None });
    test.resolve().await;
    assert_eq!((test.now(&payment).await.state.status(), test.calls("charge")), (Status::Canceled, 1));
    let key = test.gateway.store.key(&to_cancel(9).claim().unwrap().scope).await.unwrap();
    assert!(key.unwrap().answer.is_some(), "answered in the commit that canceled");
}

#[tokio::test]
async fn what_was_charged_after_all_goes_back_when_it_was_canceled_meanwhile() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    let wished = cancel(test.gateway.clone(), payment.id, to_cancel(9)).await.unwrap();
    assert_eq!(wished.state.status(), Status::Pending);
    let noted = test.trail(&payment).await.last().unwrap().detail.note;
    assert_eq!(noted, Some(Note::CancelRequested));
    test.resolve().await;
    let now = test.now(&payment).await;
    assert_eq!((now.state.status(), now.refunded), (Status::Completed, 100));
    assert_eq!(test.calls("refund"), 1);
    let told =
        Payment::outcome_of_first_request(test.gateway.clone(), Subject::Payment(payment.id), to_cancel(9))
            .await;
    assert!(told.is_ok(), "{told:?}");
}

#[tokio::test]
async fn what_was_authorized_after_all_is_released_when_it_was_canceled_meanwhile() {
    let test = TestGateway::start().await;
    test.answers([authorized(), cut()]);
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    cancel(test.gateway.clone(), payment.id, to_cancel(9)).await.unwrap();
    test.resolve().await;
    assert_eq!((test.now(&payment).await.state.status(), test.calls("cancel")), (Status::Canceled, 1));
    let key = test.gateway.store.key(&to_cancel(9).claim().unwrap().scope).await.unwrap();
    assert!(key.unwrap().answer.is_some(), "answered by the worker that carried it out");
}

#[tokio::test]
async fn a_charge_is_not_made_any_more_after_its_time() {
    let test = TestGateway::start().await;
    test.answers([unreached()]);
    let (request, expires_in) = (charge_request(100, ""), Some(SignedDuration::from_secs(30)));
    let payment = usecases::charge(test.gateway.clone(), request, expires_in, call()).await.unwrap();
    test.clock.advance(31);
    test.resolve().await;
    let now = test.now(&payment).await;
    assert_eq!((now.state.name(), test.calls("charge")), ("failed", 1), "{now:?}");
}

#[tokio::test]
async fn a_cancellation_that_lost_is_told_as_that_every_time() {
    let test = TestGateway::start().await;
    let payment = test.authorized().await;
    test.provider.cancels.lock().unwrap().push(refused(RefusalKind::State));
    test.shows(&payment, captured(100));
    let told = cancel(test.gateway.clone(), payment.id, to_cancel(9)).await;
    assert!(matches!(told, Err(OperationError::Superseded { .. })), "{told:?}");
    assert_eq!(test.now(&payment).await.state.status(), Status::Captured, "adopted at once");
    let kept = test.gateway.store.key(&to_cancel(9).claim().unwrap().scope).await.unwrap().unwrap();
    assert!(kept.answer.unwrap().body.contains("Superseded"));
}

#[tokio::test]
async fn a_capture_that_was_given_up_is_never_told_as_a_success() {
    let policy = RetryPolicy { keep_trying: SignedDuration::from_secs(30), ..without_inline_repeats() };
    let test = TestGateway::with(policy).await;
    let payment = test.authorized().await;
    test.provider.captures.lock().unwrap().push(unreached());
    let call = Call { asked: OperationKind::Capture.into(), ..keyed(8, "capture") };
    let queued = usecases::capture(test.gateway.clone(), payment.id, None, call.clone()).await.unwrap();
    assert_eq!(queued.state.name(), "queued");
    test.clock.advance(31);
    test.resolve().await;
    assert!(matches!(test.now(&payment).await.state, State::Authorized(_)));
    let kept = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
    assert!(kept.answer.unwrap().body.contains("GivenUp"), "answered in the commit that gave up");
}
