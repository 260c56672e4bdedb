//! What every store must do with idempotency keys.

use payments::model::idempotency::{StoredAnswer, Subject};
use payments::model::payment::Payment;
use payments::ports::store::{Change, Conflict};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    a_taken_key_takes_nothing_else_with_it
    a_key_that_was_used_is_told_before_any_other_conflict
    a_key_is_answered_once_and_reads_back
    a_key_that_does_not_apply_never_vetoes_the_outcome
    a_late_release_or_answer_of_another_subject_changes_nothing
    a_released_key_can_be_taken_again_and_an_answered_one_cannot_be_released
}

async fn a_taken_key_takes_nothing_else_with_it(test: TestStore) {
    let ((_, first), (second_payment, second)) = (opening(1, "demo", 100), opening(2, "demo", 100));
    test.store.commit(with_key(first, take(1, "a", None))).await.unwrap();
    let refused = test.store.commit(with_key(second, take(1, "a", None))).await;
    assert_eq!(conflict(refused), Conflict::KeyTaken);
    assert_eq!(test.store.payment(&client("demo"), second_payment.id).await.unwrap(), None);
    let answer = StoredAnswer { status: 200, body: "{}".to_owned() };
    let late = Change::of_key(take(1, "a", Some(answer)));
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
    let untouched = keyed::<Payment>(2, "r").claim().unwrap().scope;
    assert_eq!(test.store.key(&untouched).await.unwrap(), None);
}

async fn a_key_is_answered_once_and_reads_back(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let subject = Subject::Payment(payment.id);
    let body = "{\"quote\":\"\\\"é€𝄞\\u0000\\n\"}";
    test.store.commit(with_key(moved(&payment, done), answer_to(1, subject, body))).await.unwrap();
    let claim = keyed::<Payment>(1, "a").claim().unwrap();
    let known = test.store.key(&claim.scope).await.unwrap().unwrap();
    assert_eq!(known.fingerprint, claim.fingerprint);
    assert_eq!(known.subject, Some(Subject::Payment(payment.id)));
    assert_eq!(known.answer, Some(StoredAnswer { status: 200, body: body.to_owned() }));
    let again = Change::of_key(answer_to(1, subject, "other"));
    assert_eq!(conflict(test.store.commit(again).await), Conflict::Stale);
    assert_eq!(test.store.key(&claim.scope).await.unwrap(), Some(known));
}

/// The key was released and taken by another request meanwhile, or never taken: what the provider did is recorded.
async fn a_key_that_does_not_apply_never_vetoes_the_outcome(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let (other, open) = opening(2, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let answer = answer_to(1, Subject::Payment(payment.id), "{}");
    test.store.commit(with_key(moved(&payment, done.clone()), answer)).await.unwrap();
    assert_eq!(test.store.payment(&payment.client, payment.id).await.unwrap(), Some(done));
    let known = test.store.key(&keyed::<Payment>(1, "a").claim().unwrap().scope).await.unwrap().unwrap();
    assert_eq!((known.subject, known.answer), (Some(Subject::Payment(other.id)), None));
}

async fn a_late_release_or_answer_of_another_subject_changes_nothing(test: TestStore) {
    let (first, open) = opening(1, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let of_the_first = Subject::Payment(first.id);
    test.store.commit(Change::of_key(release(1, of_the_first))).await.unwrap();
    let (second, open) = opening(2, "demo", 100);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    for late in [release(1, of_the_first), answer_to(1, of_the_first, "{}")] {
        assert_eq!(conflict(test.store.commit(Change::of_key(late)).await), Conflict::Stale);
    }
    let late = with_key(
        moved(&first, first.clone().charge_answered(declined(), at(5)).unwrap()),
        release(1, of_the_first),
    );
    test.store.commit(late).await.unwrap();
    let scope = keyed::<Payment>(1, "a").claim().unwrap().scope;
    let known = test.store.key(&scope).await.unwrap().unwrap();
    assert_eq!(known.subject, Some(Subject::Payment(second.id)));
    let own = Subject::Payment(second.id);
    test.store.commit(Change::of_key(answer_to(1, own, "{}"))).await.unwrap();
}

async fn a_released_key_can_be_taken_again_and_an_answered_one_cannot_be_released(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    let subject = Subject::Payment(payment.id);
    test.store.commit(with_key(open, take(1, "a", None))).await.unwrap();
    let failed = payment.clone().charge_answered(declined(), at(5)).unwrap();
    test.store.commit(with_key(moved(&payment, failed), release(1, subject))).await.unwrap();
    let (second, open) = opening(2, "demo", 100);
    test.store.commit(with_key(open, take(1, "b", None))).await.unwrap();
    let only_key = |key| Change::of_key(key);
    let subject = Subject::Payment(second.id);
    test.store.commit(only_key(answer_to(1, subject, "{}"))).await.unwrap();
    assert_eq!(conflict(test.store.commit(only_key(release(1, subject))).await), Conflict::Stale);
}
