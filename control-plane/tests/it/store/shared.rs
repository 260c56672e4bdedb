//! Changes that wait together and share a commit: each fares as if it were alone.

use std::future::poll_fn;
use std::task::Poll;

use payments::model::provider::{Outcome, Uncertainty};
use payments::ports::store::{CommitError, Conflict, StoreError};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    each_member_of_a_batch_meets_its_own_conflict
    of_many_moves_of_one_payment_the_first_is_made
    refunds_at_once_are_summed_up
    of_many_takers_of_one_key_one_gets_it
    of_many_payments_for_one_order_one_is_opened
    a_payment_that_fails_in_a_batch_frees_its_order_for_a_later_member
    an_odd_member_fails_alone
    a_full_queue_is_told_at_once_and_what_it_took_is_written
    a_caller_that_goes_away_leaves_the_others_in_peace
}

async fn each_member_of_a_batch_meets_its_own_conflict(test: TestStore) {
    let old = completed_payment(&*test.store, 1, 100).await;
    test.store.commit(with_key(opening(2, "demo", 100).1, take(2, "a", None))).await.unwrap();
    let mut taken_reference = opening(3, "demo", 100).0;
    taken_reference.reference = old.reference.clone();
    let mut stale = old.clone();
    stale.version += 7;
    let mut changes = vec![
        with_key(refund_of(&old, 1, 60).1, take(11, "r", None)),
        with_key(opening(4, "demo", 100).1, take(2, "a", None)),
        with_key(moved(&old, stale), take(12, "m", None)),
        with_key(opened(taken_reference), take(13, "o", None)),
        with_key(refund_of(&old, 2, 60).1, take(14, "r", None)),
        refund_of(&opening(9, "demo", 1).0, 3, 1).1,
    ];
    changes.extend((20..60).map(|n| with_key(opening(n, "demo", 100).1, take(n, "a", None))));
    let results = commit_all(&*test.store, changes).await;
    let conflicts: Vec<_> =
        results.into_iter().map(|result| result.err().map(|e| conflict(Err(e)))).collect();
    let expected = [
        None,
        Some(Conflict::KeyTaken),
        Some(Conflict::Stale),
        Some(Conflict::ReferenceTaken),
        Some(Conflict::RefundExceeds { remaining: 40 }),
        Some(Conflict::Stale),
    ];
    assert_eq!(conflicts[..6], expected);
    assert_eq!(conflicts[6..], vec![None; 40]);
    for n in [12, 13, 14] {
        let unused = keyed::<payments::model::payment::Payment>(n, "").claim().unwrap().scope;
        assert_eq!(test.store.key(&unused).await.unwrap(), None, "key {n}");
    }
    for n in [3, 4] {
        assert_eq!(test.store.payment(&old.client, payment_id(n)).await.unwrap(), None, "payment {n}");
    }
    let stored = test.store.payment(&old.client, old.id).await.unwrap().unwrap();
    assert_eq!((stored.refunded, stored.version), (60, old.version));
}

async fn of_many_moves_of_one_payment_the_first_is_made(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let reasons: Vec<_> = (0..20).map(|n| format!("reason {n}")).collect();
    let changes = reasons.iter().map(|reason| {
        let lost = payment
            .clone()
            .charge_answered(Outcome::Unknown(Uncertainty::new(reason.clone())), at(5))
            .unwrap();
        moved(&payment, lost)
    });
    let results = commit_all(&*test.store, changes.collect()).await;
    let winners: Vec<_> = (0..20).filter(|n| results[*n].is_ok()).collect();
    assert_eq!(winners.len(), 1);
    for lost in results.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(lost), Conflict::Stale);
    }
    let trail = test.store.events(&payment.client, payment.id).await.unwrap();
    let kept: Vec<_> = trail.iter().filter_map(|event| event.detail.reason.clone()).collect();
    assert_eq!(kept, [reasons[winners[0]].clone()]);
}

async fn refunds_at_once_are_summed_up(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let changes = (1..=10).map(|n| refund_of(&payment, n, 30).1).collect();
    let results = commit_all(&*test.store, changes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(refused), Conflict::RefundExceeds { remaining: 10 });
    }
    let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
    assert_eq!(stored.refunded, 90);
    assert_eq!(test.store.refunds(&payment.client, payment.id).await.unwrap().items.len(), 3);
}

async fn of_many_takers_of_one_key_one_gets_it(test: TestStore) {
    let changes = (1..=50).map(|n| with_key(opening(n, "demo", 100).1, take(1, "a", None))).collect();
    let results = commit_all(&*test.store, changes).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(refused), Conflict::KeyTaken);
    }
    let all = payments::ports::store::Filter { limit: 100, ..Default::default() };
    assert_eq!(test.store.payments(&client("demo"), &all).await.unwrap().items.len(), 1);
}

async fn of_many_payments_for_one_order_one_is_opened(test: TestStore) {
    let changes = (1..=20).map(|n| {
        let (mut payment, _) = opening(n, "demo", 100);
        payment.reference = Some(payments::model::provider::ProviderRef::new("ORDER"));
        with_key(opened(payment), take(n, "a", None))
    });
    let results = commit_all(&*test.store, changes.collect()).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_eq!(conflict(refused), Conflict::ReferenceTaken);
    }
}

async fn a_payment_that_fails_in_a_batch_frees_its_order_for_a_later_member(test: TestStore) {
    let order = Some(payments::model::provider::ProviderRef::new("ORDER"));
    let (mut first, mut second) = (opening(1, "demo", 100).0, opening(2, "demo", 100).0);
    first.reference = order.clone();
    second.reference = order;
    test.store.commit(opened(first.clone())).await.unwrap();
    let failed = first.clone().charge_answered(declined(), at(5)).unwrap();
    let results = commit_all(&*test.store, vec![moved(&first, failed), opened(second.clone())]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(test.store.payment(&second.client, second.id).await.unwrap(), Some(second));
}

async fn an_odd_member_fails_alone(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let mut odd = moved(&payment, done);
    if let payments::ports::store::Mutation::MovePayment { event, .. } = &mut odd.mutation {
        event.version = payment.version;
    }
    let mut changes: Vec<_> = (2..=20).map(|n| opening(n, "demo", 100).1).collect();
    changes.insert(7, odd);
    let mut results = commit_all(&*test.store, changes).await;
    assert!(matches!(results.remove(7), Err(CommitError::Store(_))));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(test.store.payment(&payment.client, payment.id).await.unwrap(), Some(payment));
}

async fn a_full_queue_is_told_at_once_and_what_it_took_is_written(test: TestStore) {
    let changes: Vec<_> = (0..3_000).map(|n| opening_nth(n, "demo", 100)).collect();
    let ids: Vec<_> = changes.iter().map(|(payment, _)| payment.id).collect();
    let results = commit_all(&*test.store, changes.into_iter().map(|(_, change)| change).collect()).await;
    let overloaded =
        |result: &Result<_, _>| matches!(result, Err(CommitError::Store(StoreError::Overloaded)));
    assert!(results.iter().any(overloaded) && results.iter().any(Result::is_ok));
    for (id, result) in ids.into_iter().zip(results) {
        let stored = test.store.payment(&client("demo"), id).await.unwrap();
        assert_eq!(stored.is_some(), result.is_ok(), "{result:?}");
        assert!(result.is_ok() || overloaded(&result), "{result:?}");
    }
}

async fn a_caller_that_goes_away_leaves_the_others_in_peace(test: TestStore) {
    let mut gone = test.store.commit(opening(1, "demo", 100).1);
    // Begun, and left before it can be done.
    poll_fn(|context| {
        assert!(gone.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(gone);
    test.store.commit(opening(2, "demo", 100).1).await.unwrap();
    test.store.ready().await.unwrap();
}
