//! What every store must do with idempotency keys.

use control_plane::domain::idempotency::{Answer, Subject};
use control_plane::domain::store::{Change, Conflict, Step};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    a_taken_key_takes_nothing_else_with_it
    a_key_that_was_used_is_told_before_any_other_conflict
    a_key_is_answered_once_and_reads_back
    an_answer_that_comes_too_late_takes_its_move_back
    a_released_key_can_be_taken_again_and_an_answered_one_cannot_be_released
}

async fn a_taken_key_takes_nothing_else_with_it(test: TestStore) {
    let ((_, first), (second_payment, second)) = (opening(1, "demo", 100), opening(2, "demo", 100));
    test.store.commit(with_key(first, take(1, "a", None))).await.unwrap();
    let refused = test.store.commit(with_key(second, take(1, "a", None))).await;
    assert_eq!(conflict(refused), Conflict::KeyTaken);
    assert_eq!(test.store.payment(&client("demo"), second_payment.id).await.unwrap(), None);
    let answer = Answer { status: 200, body: "{}".to_owned() };
    let late = Change { step: Step::Nothing, key: Some(take(1, "a", Some(answer))), webhook: None };
    assert_eq!(conflict(test.store.commit(late).await), Conflict::KeyTaken);
}

async fn a_key_that_was_used_is_told_before_any_other_conflict(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (_, refund) = refund_of(&payment, 1, 100);
    test.store.commit(with_key(refund, take(1, "r", None))).await.unwrap();
    let (_, again) = refund_of(&payment, 2, 100);
    assert_eq!(conflict(test.store.commit(with_key(again, take(1, "r", None))).await), Conflict::KeyTaken);
    let (_, other) = refund_of(&payment, 3, 100);
    let exceeds = conflict(test.store.commit(with_key(other, take(2, "r", None))).await);
    assert_eq!(exceeds, Conflict::RefundExceeds { remaining: 0 });
    let untouched = keyed::<control_plane::domain::payment::Payment>(2, "r").claim.unwrap().scope;
    assert_eq!(test.store.key(&untouched).await.unwrap(), None);
}

async fn a_key_is_answered_once_and_reads_back(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let body = "{\"quote\":\"\\\"é€𝄞\\u0000\\n\"}";
    test.store.commit(with_key(moved(&payment, done), answer_to(1, body))).await.unwrap();
    let claim = keyed::<control_plane::domain::payment::Payment>(1, "a").claim.unwrap();
    let known = test.store.key(&claim.scope).await.unwrap().unwrap();
    assert_eq!(known.fingerprint, claim.fingerprint);
    assert_eq!(known.subject, Some(Subject::Payment(payment.id)));
    assert_eq!(known.answer, Some(Answer { status: 200, body: body.to_owned() }));
    let again = Change { step: Step::Nothing, key: Some(answer_to(1, "other")), webhook: None };
    assert_eq!(conflict(test.store.commit(again).await), Conflict::Stale);
    assert_eq!(test.store.key(&claim.scope).await.unwrap(), Some(known));
}

async fn an_answer_that_comes_too_late_takes_its_move_back(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let unkept = with_key(moved(&payment, done), answer_to(1, "{}"));
    assert_eq!(conflict(test.store.commit(unkept).await), Conflict::Stale);
    assert_eq!(test.store.payment(&payment.client, payment.id).await.unwrap(), Some(payment));
}

async fn a_released_key_can_be_taken_again_and_an_answered_one_cannot_be_released(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let failed = payment.clone().charge_answered(declined(), at(5)).unwrap();
    test.store.commit(with_key(moved(&payment, failed), release(1))).await.unwrap();
    let (_, second) = opening(2, "demo", 100);
    test.store.commit(with_key(second, take(1, "b", None))).await.unwrap();
    let only_key = |key| Change::of_key(key);
    test.store.commit(only_key(answer_to(1, "{}"))).await.unwrap();
    assert_eq!(conflict(test.store.commit(only_key(release(1))).await), Conflict::Stale);
}
