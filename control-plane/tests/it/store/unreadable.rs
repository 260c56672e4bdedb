//! One row that cannot be read blinds nobody to the others.

use edge_core::provider::Provider;
use payments::model::payment::Status;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::model::work::{Lane, Work, WorkKind};
use payments::ports::store::{Filter, Problem, StoreError, Unreadable, WebhookFilter};
use payments::usecases::reconcile::{Finding, Pace, ReconcileCursor, Reconciliation, Unseen};
use payments::usecases::review::for_review;

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    what_a_later_release_added_to_a_request_is_ignored
    a_listing_goes_on_behind_what_cannot_be_read
    what_is_undecided_is_listed_without_what_cannot_be_read
    payments_are_walked_through_to_the_end
    a_refund_that_cannot_be_read_is_told
    events_and_disputes_go_on
    work_behind_many_unreadable_rows_is_found
}

const UNKNOWN_STATE: &str = r#"UPDATE payments SET detail = '{"state":"later"}' WHERE id IN
    (SELECT id FROM payments ORDER BY id LIMIT 2 OFFSET 1)"#;

fn detail_of(n: u8) -> Unreadable {
    let (row, column) = (payment_id(n).to_string(), "detail".to_owned());
    Unreadable { table: "payments", row, column, problem: Problem::Invalid }
}

/// Payments 1 to 4, of which 2 and 3 are in a state that nobody knows.
async fn half_unreadable(test: &TestStore) {
    for n in 1..=4 {
        test.store.commit(opening(n, "demo", 100).1).await.unwrap();
    }
    test.execute(UNKNOWN_STATE).await;
}

async fn what_a_later_release_added_to_a_request_is_ignored(test: TestStore) {
    let store = payments_stores::open(test.uri()).await.unwrap();
    let payment = completed_payment(&*store, 1, 100).await;
    test.execute(r#"UPDATE payments SET request = replace(request, '"amount"', '"later":{"a":1},"amount"')"#)
        .await;
    assert_eq!(store.payment(&payment.client, payment.id).await.unwrap(), Some(payment));
}

async fn a_listing_goes_on_behind_what_cannot_be_read(test: TestStore) {
    half_unreadable(&test).await;
    for limit in 1..=5 {
        let mut filter = Filter { limit, status: Some(Status::Pending), ..Filter::default() };
        let mut seen = Vec::new();
        loop {
            let page = test.store.payments(&client("demo"), &filter).await.unwrap();
            seen.extend(page.items.iter().map(|payment| payment.id));
            filter.after = seen.last().copied();
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen, [payment_id(4), payment_id(1)], "by {limit}");
    }
    let error = test.store.payment(&client("demo"), payment_id(2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Inconsistent(row) if row == detail_of(2)));
}

async fn what_is_undecided_is_listed_without_what_cannot_be_read(test: TestStore) {
    half_unreadable(&test).await;
    let (payments, refunds) = test.store.undecided(100).await.unwrap();
    assert_eq!(payments.items.iter().map(|one| one.id).collect::<Vec<_>>(), [payment_id(1), payment_id(4)]);
    assert_eq!(payments.unreadable, [detail_of(2), detail_of(3)]);
    assert!(refunds.items.is_empty() && refunds.unreadable.is_empty());
}

async fn payments_are_walked_through_to_the_end(test: TestStore) {
    half_unreadable(&test).await;
    for limit in 1..=5 {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = test.store.payments_since(at(0), after, limit).await.unwrap();
            let Some(last) = page.items.last() else { break };
            after = Some(last.id);
            seen.extend(page.items.iter().map(|one| one.id));
        }
        assert_eq!(seen, [payment_id(1), payment_id(4)], "by {limit}");
    }
}

async fn a_refund_that_cannot_be_read_is_told(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    for n in 1..=2 {
        test.store.commit(refund_of(&payment, n, 10).1).await.unwrap();
    }
    test.execute("UPDATE refunds SET currency = 'later' WHERE id = (SELECT min(id) FROM refunds)").await;
    let refunds = test.store.refunds(&payment.client, payment.id).await.unwrap();
    assert_eq!(refunds.items.iter().map(|one| one.id).collect::<Vec<_>>(), [refund_id(2)]);
    assert_eq!(refunds.unreadable[0].column, "currency");
}

async fn events_and_disputes_go_on(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    for id in ["evt_1", "evt_2"] {
        let (id, kind, body) = (id.to_owned(), "a".to_owned(), b"{}".to_vec());
        let (provider, state, attempts) = (Provider::Stripe, EventState::Received, 0);
        let (body_sha256, created_at, received_at) = (None, None, at(0));
        let event =
            WebhookEvent { provider, id, kind, body, body_sha256, created_at, received_at, state, attempts };
        test.store.receive_webhook(&event).await.unwrap();
    }
    test.execute("UPDATE webhook_events SET provider = 'later' WHERE id = 'evt_1'").await;
    let kept = test.store.webhooks(&WebhookFilter { limit: 9, ..WebhookFilter::default() }).await.unwrap();
    assert_eq!(kept.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["evt_2"]);
    let due = test.store.overdue(at(1_000_000), 100).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    let backlog = test.store.event_backlog().await.unwrap();
    assert_eq!(backlog.iter().map(|left| left.count).collect::<Vec<_>>(), [1], "{backlog:?}");
    test.execute(
        "INSERT INTO disputes (provider, id, payment, currency, as_of)
         SELECT 'stripe', id || currency, id, currency, 0
         FROM (SELECT id, 'USD' AS currency FROM payments UNION SELECT id, 'later' FROM payments) AS told",
    )
    .await;
    assert_eq!(test.store.disputes(&payment.client, payment.id).await.unwrap().len(), 1);
}

async fn work_behind_many_unreadable_rows_is_found(test: TestStore) {
    test.store.commit(opening(1, "demo", 100).1).await.unwrap();
    test.execute("INSERT INTO watches SELECT id, 'stripe', 1000 FROM payments").await;
    test.execute(
        "WITH RECURSIVE later(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM later WHERE n < 49)
         INSERT INTO watches SELECT 'later-' || n, 'stripe', n FROM later",
    )
    .await;
    let lane = Lane { kind: WorkKind::Watch, provider: Provider::Stripe };
    for limit in [1, 8, 51] {
        let due = test.store.overdue_in(lane, at(1), limit).await.unwrap();
        let found: Vec<_> = due.into_iter().map(|due| due.work).collect();
        assert_eq!(found, [Work::Watch(payment_id(1))], "of {limit}");
    }
}

#[tokio::test]
async fn review_and_reconciliation_go_on_and_name_what_they_left_out() {
    let test = TestGateway::start().await;
    half_unreadable(&test.store).await;
    test.clock.advance(3_600);
    let review = for_review(&test.gateway, 100).await.unwrap();
    assert_eq!((review.items.len(), review.unreadable.len()), (2, 2));
    let mut compared = Vec::new();
    let pace = Pace::new(1_000);
    let mut reconciliation = Reconciliation::new(&test.gateway, at(0), ReconcileCursor::BEGINNING, &pace);
    while let Some(part) = reconciliation.compare_next().await.unwrap() {
        compared.extend(part);
    }
    assert_eq!(reconciliation.unseen, [detail_of(2), detail_of(3)].map(Unseen::Record));
    assert_eq!(
        compared.iter().filter(|one| !matches!(one.finding, Finding::Same)).count(),
        2,
        "{compared:?}"
    );
}
