//! What is due, by what it is about and by provider.

use edge_core::provider::Provider;
use payments::model::follow_up::FollowUp;
use payments::model::id::PaymentId;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::model::work::{Lane, LaneBacklog, Work, WorkKind};
use payments::ports::store::{Change, Mutation, Watch};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    each_lane_has_what_is_due_in_it_the_longest_overdue_first
    what_is_not_due_yet_is_in_no_lane
    the_provider_of_each_kind_of_work_is_known
    the_backlog_is_counted_by_lane
}

/// A charge in flight at the provider, due at that second.
async fn undecided(test: &TestStore, n: u8, provider: Provider, due_s: i64) -> PaymentId {
    let (mut payment, open) = opening(n, "demo", 100);
    payment.request.provider = provider;
    payment.follow_up = Some(FollowUp { at: at(due_s), tries: 0 });
    let Mutation::OpenPayment { events, .. } = open.mutation else { panic!("not opened") };
    let id = payment.id;
    test.store.commit(Change::from(Mutation::OpenPayment { payment, events })).await.unwrap();
    id
}

async fn event(test: &TestStore, provider: Provider, id: &str) {
    let event = WebhookEvent {
        provider,
        id: id.to_owned(),
        kind: "kind".to_owned(),
        body: Vec::new(),
        body_sha256: None,
        created_at: None,
        received_at: at(0),
        state: EventState::Received,
        attempts: 0,
    };
    assert!(test.store.receive_webhook(&event).await.unwrap());
}

async fn due(test: &TestStore, kind: WorkKind, provider: Provider, limit: u32) -> Vec<Work> {
    let found = test.store.overdue_in(Lane { kind, provider }, at(1_000), limit).await.unwrap();
    found.into_iter().map(|due| due.work).collect()
}

async fn each_lane_has_what_is_due_in_it_the_longest_overdue_first(test: TestStore) {
    let late = undecided(&test, 1, Provider::Stripe, 500).await;
    let later = undecided(&test, 2, Provider::Stripe, 400).await;
    let paypal = undecided(&test, 3, Provider::Paypal, 300).await;
    let paid = completed_payment(&*test.store, 4, 100).await;
    let (refund, mut open) = refund_of(&paid, 1, 50);
    if let Mutation::OpenRefund { refund, .. } = &mut open.mutation {
        refund.follow_up = Some(FollowUp { at: at(600), tries: 0 });
    }
    open.watch = Some(Watch { payment: paid.id, provider: Provider::Paypal, at: at(700) });
    test.store.commit(open).await.unwrap();
    event(&test, Provider::Paypal, "WH-1").await;
    let stripe = async |kind| due(&test, kind, Provider::Stripe, 10).await;
    let at_paypal = async |kind| due(&test, kind, Provider::Paypal, 10).await;

    assert_eq!(stripe(WorkKind::Payment).await, [Work::Payment(later), Work::Payment(late)]);
    assert_eq!(due(&test, WorkKind::Payment, Provider::Stripe, 1).await, [Work::Payment(later)]);
    assert_eq!(at_paypal(WorkKind::Payment).await, [Work::Payment(paypal)]);
    assert_eq!(stripe(WorkKind::Refund).await, [Work::Refund(refund.id)]);
    assert_eq!(at_paypal(WorkKind::Refund).await, []);
    assert_eq!((stripe(WorkKind::Watch).await, stripe(WorkKind::Event).await), (vec![], vec![]));
    assert_eq!(at_paypal(WorkKind::Watch).await, [Work::Watch(paid.id)]);
    let event = Work::Event { provider: Provider::Paypal, id: "WH-1".to_owned() };
    assert_eq!(at_paypal(WorkKind::Event).await, [event]);
    assert_eq!(test.store.overdue(at(1_000), 10).await.unwrap().len(), 6);
}

async fn what_is_not_due_yet_is_in_no_lane(test: TestStore) {
    undecided(&test, 1, Provider::Stripe, 1_001).await;
    assert_eq!(test.store.overdue(at(1_000), 10).await.unwrap(), []);
}

async fn the_provider_of_each_kind_of_work_is_known(test: TestStore) {
    let paypal = undecided(&test, 1, Provider::Paypal, 0).await;
    let paid = completed_payment(&*test.store, 2, 100).await;
    let (refund, open) = refund_of(&paid, 1, 50);
    test.store.commit(open).await.unwrap();
    let event = Work::Event { provider: Provider::Paypal, id: "WH-2".to_owned() };
    for (work, provider) in [
        (Work::Payment(paypal), Some(Provider::Paypal)),
        (Work::Watch(paypal), Some(Provider::Paypal)),
        (Work::Refund(refund.id), Some(Provider::Stripe)),
        (event, Some(Provider::Paypal)),
        (Work::Payment(payment_id(9)), None),
        (Work::Refund(refund_id(9)), None),
    ] {
        assert_eq!(test.store.provider_of(&work).await.unwrap(), provider, "{work:?}");
    }
}

async fn the_backlog_is_counted_by_lane(test: TestStore) {
    assert_eq!(test.store.backlog(at(1_000)).await.unwrap(), []);
    undecided(&test, 1, Provider::Stripe, 500).await;
    undecided(&test, 2, Provider::Stripe, 400).await;
    undecided(&test, 3, Provider::Stripe, 1_001).await;
    event(&test, Provider::Paypal, "WH-3").await;
    let paid = completed_payment(&*test.store, 4, 100).await;
    let (_, mut open) = refund_of(&paid, 1, 50);
    open.watch = Some(Watch { payment: paid.id, provider: Provider::Paypal, at: at(700) });
    if let Mutation::OpenRefund { refund, .. } = &mut open.mutation {
        refund.follow_up = Some(FollowUp { at: at(600), tries: 0 });
    }
    test.store.commit(open).await.unwrap();
    let mut backlog = test.store.backlog(at(1_000)).await.unwrap();
    backlog.sort_by_key(|left| left.oldest);
    let left = |kind, provider, count, second| LaneBacklog {
        lane: Lane { kind, provider },
        count,
        oldest: at(second),
    };
    assert_eq!(
        backlog,
        [
            left(WorkKind::Event, Provider::Paypal, 1, 0),
            left(WorkKind::Payment, Provider::Stripe, 2, 400),
            left(WorkKind::Refund, Provider::Stripe, 1, 600),
            left(WorkKind::Watch, Provider::Paypal, 1, 700),
        ]
    );
}
