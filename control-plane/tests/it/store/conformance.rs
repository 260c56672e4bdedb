//! What every store must do, one change at a time.

use edge_core::money::Amount;
use edge_core::provider::Provider;
use payments::model::event::Event;
use payments::model::payment::Status;
use payments::model::provider::{Charged, Outcome, ProviderRef, Refunded, Refusal, Uncertainty};
use payments::ports::store::{Change, CommitError, Conflict, Filter, Mutation};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    a_payment_reads_back_as_it_was_written_also_after_a_restart
    the_largest_amount_is_kept_and_given_back_to_the_last_unit
    a_payment_is_nobody_elses
    of_two_moves_from_one_version_the_second_is_stale_and_leaves_nothing
    two_refunds_at_once_cannot_both_take_the_last_of_it
    a_failed_refund_gives_its_amount_back_once
    a_refund_that_is_not_decided_keeps_its_amount_reserved
    only_what_was_captured_can_be_refunded
    each_transition_has_exactly_one_record
    a_record_for_a_transition_that_has_one_is_refused_with_its_change
    pages_follow_each_other_newest_first_without_gap_or_repeat
    a_listing_can_be_narrowed_by_status_provider_and_time
    a_payment_is_found_by_the_providers_name_for_it
    of_the_payments_that_failed_with_an_order_the_first_is_found
    a_row_that_contradicts_itself_never_becomes_a_payment
    the_audit_trail_cannot_be_rewritten
    what_the_audit_trail_is_about_cannot_be_deleted
    the_database_itself_refuses_to_refund_more_than_was_captured
    a_refund_of_a_payment_that_is_not_there_is_stale
    an_idle_database_proves_again_and_again_that_it_takes_writes
}

async fn an_idle_database_proves_again_and_again_that_it_takes_writes(test: TestStore) {
    for _ in 0..3 {
        test.store.ready().await.unwrap();
        // Past the time for which a write proves anything.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    }
    test.execute("DROP TABLE write_proofs").await;
    assert!(test.store.ready().await.is_err(), "it writes");
}

async fn a_payment_reads_back_as_it_was_written_also_after_a_restart(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 4999).await;
    let client = client("demo");
    assert_eq!(test.store.payment(&client, payment.id).await.unwrap(), Some(payment.clone()));
    let reopened = test.reopen().await;
    assert_eq!(reopened.payment(&client, payment.id).await.unwrap(), Some(payment));
}

async fn the_largest_amount_is_kept_and_given_back_to_the_last_unit(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, Amount::MAX).await;
    let (_, most) = refund_of(&payment, 1, Amount::MAX - 1);
    test.store.commit(most).await.unwrap();
    let (_, beyond) = refund_of(&payment, 2, 2);
    assert_eq!(conflict(test.store.commit(beyond).await), Conflict::RefundExceeds { remaining: 1 });
    let (_, last) = refund_of(&payment, 3, 1);
    test.store.commit(last).await.unwrap();
    let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
    assert_eq!((stored.request.amount.minor(), stored.refunded), (Amount::MAX, Amount::MAX));
}

async fn a_payment_is_nobody_elses(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let other = client("demo-2");
    assert_eq!(test.store.payment(&other, payment.id).await.unwrap(), None);
    assert!(test.store.events(&other, payment.id).await.unwrap().is_empty());
    assert!(
        test.store
            .payments(&other, &Filter { limit: 10, ..Filter::default() })
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

async fn of_two_moves_from_one_version_the_second_is_stale_and_leaves_nothing(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let lost = payment.clone().charge_answered(Outcome::Unknown(Uncertainty::new("cut")), at(5)).unwrap();
    test.store.commit(moved(&payment, done.clone())).await.unwrap();
    assert_eq!(conflict(test.store.commit(moved(&payment, lost)).await), Conflict::Stale);
    assert_eq!(test.store.payment(&done.client, done.id).await.unwrap(), Some(done.clone()));
    assert_eq!(test.store.events(&done.client, done.id).await.unwrap().len(), 3);
}

async fn two_refunds_at_once_cannot_both_take_the_last_of_it(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (_, first) = refund_of(&payment, 1, 60);
    let (_, second) = refund_of(&payment, 2, 60);
    let (a, b) = tokio::join!(test.store.commit(first), test.store.commit(second));
    let (done, refused) = if a.is_ok() { (a, b) } else { (b, a) };
    done.unwrap();
    assert_eq!(conflict(refused), Conflict::RefundExceeds { remaining: 40 });
    assert_eq!(test.store.refunds(&payment.client, payment.id).await.unwrap().items.len(), 1);
}

async fn a_failed_refund_gives_its_amount_back_once(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (refund, open) = refund_of(&payment, 1, 100);
    test.store.commit(open).await.unwrap();
    let failed = refund.clone().answered(declined(), at(11)).unwrap();
    let event = Event::refund_moved(Some(&refund.state), &failed, &cause());
    let give_back = Change::from(Mutation::MoveRefund { refund: failed, event });
    test.store.commit(give_back.clone()).await.unwrap();
    assert_eq!(conflict(test.store.commit(give_back).await), Conflict::Stale);
    let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
    assert_eq!(stored.refunded, 0);
    let (_, again) = refund_of(&payment, 2, 100);
    test.store.commit(again).await.unwrap();
}

async fn a_refund_that_is_not_decided_keeps_its_amount_reserved(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (refund, open) = refund_of(&payment, 1, 70);
    test.store.commit(open).await.unwrap();
    let unknown = refund.clone().answered(Outcome::Unknown(Uncertainty::new("cut")), at(11)).unwrap();
    let event = Event::refund_moved(Some(&refund.state), &unknown, &cause());
    test.store.commit(Change::from(Mutation::MoveRefund { refund: unknown, event })).await.unwrap();
    let (_, second) = refund_of(&payment, 2, 31);
    assert_eq!(conflict(test.store.commit(second).await), Conflict::RefundExceeds { remaining: 30 });
}

async fn only_what_was_captured_can_be_refunded(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let held = payment.clone().charge_answered(authorized(), at(5)).unwrap();
    test.store.commit(moved(&payment, held.clone())).await.unwrap();
    let (_, early) = refund_of(&held, 1, 1);
    assert_eq!(conflict(test.store.commit(early).await), Conflict::RefundExceeds { remaining: 0 });
}

async fn each_transition_has_exactly_one_record(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (refund, open) = refund_of(&payment, 1, 100);
    test.store.commit(open).await.unwrap();
    let reference = ProviderRef::new("re_1");
    let done =
        refund.clone().answered(Outcome::Done(Refunded::Processed { refund: reference }), at(11)).unwrap();
    let event = Event::refund_moved(Some(&refund.state), &done, &cause());
    test.store.commit(Change::from(Mutation::MoveRefund { refund: done, event })).await.unwrap();
    let trail = test.store.events(&payment.client, payment.id).await.unwrap();
    let kinds: Vec<_> = trail.iter().map(Event::kind).collect();
    assert_eq!(
        kinds,
        [
            "payment.created",
            "payment.processing",
            "payment.completed",
            "refund.processing",
            "refund.processed"
        ]
    );
}

async fn a_record_for_a_transition_that_has_one_is_refused_with_its_change(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let mut event = Event::payment_moved(Some(&payment.state), &done, &cause());
    event.version = payment.version;
    let result = test.store.commit(Change::from(Mutation::MovePayment { payment: done, event })).await;
    assert!(matches!(result, Err(CommitError::Store(_))), "{result:?}");
    assert_eq!(test.store.payment(&payment.client, payment.id).await.unwrap(), Some(payment));
}

async fn pages_follow_each_other_newest_first_without_gap_or_repeat(test: TestStore) {
    for n in 1..=5 {
        test.store.commit(opening(n, "demo", 100).1).await.unwrap();
    }
    test.store.commit(opening(6, "demo-2", 100).1).await.unwrap();
    let mut filter = Filter { limit: 2, ..Filter::default() };
    let mut seen = Vec::new();
    loop {
        let page = test.store.payments(&client("demo"), &filter).await.unwrap();
        seen.extend(page.items.iter().map(|p| p.id));
        filter.after = seen.last().copied();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, (1..=5).rev().map(payment_id).collect::<Vec<_>>());
}

async fn a_listing_can_be_narrowed_by_status_provider_and_time(test: TestStore) {
    completed_payment(&*test.store, 1, 100).await;
    test.store.commit(opening(2, "demo", 100).1).await.unwrap();
    let all = Filter { limit: 10, ..Filter::default() };
    let cases = [
        (Filter { status: Some(Status::Completed), ..all.clone() }, vec![1]),
        (Filter { status: Some(Status::Pending), ..all.clone() }, vec![2]),
        (Filter { provider: Some(Provider::Paypal), ..all.clone() }, vec![]),
        (Filter { provider: Some(Provider::Stripe), ..all.clone() }, vec![2, 1]),
        (Filter { created_after: Some(at(1)), ..all.clone() }, vec![2]),
        (Filter { created_before: Some(at(2)), ..all.clone() }, vec![1]),
    ];
    for (filter, expected) in cases {
        let page = test.store.payments(&client("demo"), &filter).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|p| p.id).collect();
        assert_eq!(ids, expected.into_iter().map(payment_id).collect::<Vec<_>>(), "{filter:?}");
    }
}

async fn a_payment_is_found_by_the_providers_name_for_it(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let find = |p, r| {
        let store = test.store.clone();
        async move { store.payment_by_reference(p, &ProviderRef::new(r)).await.unwrap().map(|p| p.id) }
    };
    assert_eq!(find(Provider::Stripe, "pi_1").await, Some(payment.id));
    assert_eq!(find(Provider::Paypal, "pi_1").await, None);
    assert_eq!(find(Provider::Stripe, "pi_2").await, None);
}

async fn of_the_payments_that_failed_with_an_order_the_first_is_found(test: TestStore) {
    let failed = async |n| {
        let (payment, open) = opening(n, "demo", 100);
        test.store.commit(open).await.unwrap();
        let Outcome::<Charged>::Refused(refusal) = declined() else { unreachable!() };
        let refusal = Refusal { reference: Some(ProviderRef::new("pi_1")), ..refusal };
        let done = payment.clone().charge_answered(Outcome::Refused(refusal), at(5)).unwrap();
        test.store.commit(moved(&payment, done.clone())).await.unwrap();
        done.id
    };
    let find = async || {
        let found = test.store.first_failed_by_reference(Provider::Stripe, &ProviderRef::new("pi_1")).await;
        found.unwrap().map(|payment| payment.id)
    };
    completed_payment(&*test.store, 1, 100).await;
    assert_eq!(find().await, None);
    let first = failed(2).await;
    failed(3).await;
    assert_eq!(find().await, Some(first));
}

async fn a_row_that_contradicts_itself_never_becomes_a_payment(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    test.execute("UPDATE payments SET state = 'failed'").await;
    let error = test.store.payment(&payment.client, payment.id).await.unwrap_err();
    assert!(error.to_string().contains("column `state` cannot be read"), "{error}");
}

async fn the_audit_trail_cannot_be_rewritten(test: TestStore) {
    completed_payment(&*test.store, 1, 100).await;
    assert!(test.try_execute("DELETE FROM events").await.is_err());
    assert!(test.try_execute("UPDATE events SET to_state = 'failed'").await.is_err());
}

async fn what_the_audit_trail_is_about_cannot_be_deleted(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (_, refund) = refund_of(&payment, 1, 1);
    test.store.commit(refund).await.unwrap();
    assert!(test.try_execute("DELETE FROM refunds").await.is_err());
    assert!(test.try_execute("DELETE FROM payments").await.is_err());
}

async fn the_database_itself_refuses_to_refund_more_than_was_captured(test: TestStore) {
    completed_payment(&*test.store, 1, 100).await;
    assert!(test.try_execute("UPDATE payments SET refunded = 101").await.is_err());
    test.execute("UPDATE payments SET refunded = 100").await;
}

async fn a_refund_of_a_payment_that_is_not_there_is_stale(test: TestStore) {
    let (payment, _) = opening(1, "demo", 100);
    let (_, orphan) = refund_of(&payment, 1, 1);
    assert_eq!(conflict(test.store.commit(orphan).await), Conflict::Stale);
}
