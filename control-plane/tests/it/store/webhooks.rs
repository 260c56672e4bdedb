//! What every store must do with providers' events and disputes.

use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::payment::Payment;
use payments::model::provider::ProviderRef;
use payments::model::webhook::{
    Dismissal, Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventChange, EventState, WebhookEvent,
};
use payments::model::work::{Claimed, Work};
use payments::ports::store::{Change, CommitError, Conflict, EventBacklog, Mutation, WebhookFilter};

use super::changes::*;
use crate::common::*;

super::on_both_stores! {
    an_event_is_stored_once_byte_for_byte
    an_event_is_claimed_by_one_at_a_time_the_longest_due_first
    an_event_is_worked_off_once_and_with_its_effect
    an_event_that_failed_comes_again_when_it_is_due
    a_reopened_event_can_be_worked_off_again
    a_parked_event_is_never_due_until_an_operator_reopens_it
    a_dismissed_event_stays_so
    an_event_is_listed_in_the_one_state_it_is_in
    what_is_left_is_counted_by_provider_and_state
    a_dispute_belongs_to_one_payment
    a_dispute_that_was_only_claimed_moves_to_the_payment_that_the_provider_names
    a_disputes_progress_is_kept_with_it
    a_dispute_that_an_earlier_release_wrote_can_be_read
    a_payment_does_not_move_to_anothers_name_at_the_provider
    a_refund_that_is_recorded_is_not_recorded_again
}

fn event(id: &str, second: i64) -> WebhookEvent {
    WebhookEvent {
        body: b"{\"id\":\"evt\\u0000\"}\xff\x00".to_vec(),
        body_sha256: Some([7; 32]),
        created_at: Some(at(second)),
        ..received(id, "payment_intent.succeeded", at(second))
    }
}

fn told(id: &str, state: EventState, attempts: u32) -> EventChange {
    EventChange { provider: Provider::Stripe, id: id.to_owned(), state, attempts }
}

/// The event that has been due longest, taken until `until`.
async fn claimed(test: &TestStore, now: Timestamp, until: Timestamp) -> Option<WebhookEvent> {
    let due = test.store.overdue(now, 100).await.unwrap();
    let Work::Event { provider, id } = &due.iter().find(|due| matches!(due.work, Work::Event { .. }))?.work
    else {
        return None;
    };
    let work = Work::Event { provider: *provider, id: id.clone() };
    assert_eq!(test.store.claim(&work, now, until).await.unwrap(), Claimed::Taken);
    test.store.webhook(*provider, id).await.unwrap()
}

fn dispute(id: &str) -> Dispute {
    Dispute {
        id: ProviderRef::new(id),
        is_verified: true,
        reason: Some("fraudulent".to_owned()),
        status: None,
        amount: None,
        currency: None,
        stage: DisputeStage::Review,
        outcome: None,
        opened_at: Some(at(7)),
        closed_at: None,
        as_of: at(7),
        changed_at: Some(at(6)),
    }
}

/// The payment as it is after that.
fn noted(payment: &Payment, dispute: Dispute) -> (Payment, Change) {
    let mut after = payment.clone();
    after.version += 1;
    let event = Event::payment_moved(Some(&payment.state), &after, &cause());
    let mutation = Mutation::NotePayment { payment: after.clone(), event, dispute: Some(dispute) };
    (after, Change::from(mutation))
}

async fn marked(test: &TestStore, id: &str, state: EventState) -> Result<(), CommitError> {
    test.store.commit(Change::from(Mutation::Nothing).with_mark(Some(told(id, state, 7)))).await
}

fn failed(second: i64) -> EventState {
    EventState::Failed { next_at: at(second), reason: "503".to_owned() }
}

fn parked() -> EventState {
    EventState::Parked { reason: "503".to_owned() }
}

fn dismissed() -> EventState {
    let reason = "looked at; \"nothing\" is owed".to_owned();
    EventState::Dismissed(Dismissal { by: "ann".to_owned(), at: at(50), reason })
}

async fn an_event_is_stored_once_byte_for_byte(test: TestStore) {
    assert!(test.store.receive_webhook(&event("evt_1", 1)).await.unwrap());
    assert!(!test.store.receive_webhook(&event("evt_1", 2)).await.unwrap());
    let filter = WebhookFilter { limit: 10, ..WebhookFilter::default() };
    assert_eq!(test.store.webhooks(&filter).await.unwrap(), [event("evt_1", 1)]);
}

async fn an_event_is_claimed_by_one_at_a_time_the_longest_due_first(test: TestStore) {
    for (id, second) in [("evt_2", 2), ("evt_1", 1), ("evt_9", 9)] {
        test.store.receive_webhook(&event(id, second)).await.unwrap();
    }
    let claim = async |now| claimed(&test, at(now), at(now + 60)).await.map(|event| event.id);
    assert_eq!(claim(5).await.as_deref(), Some("evt_1"));
    assert_eq!(claim(6).await.as_deref(), Some("evt_2"));
    assert_eq!(claim(7).await, None);
    assert_eq!(claim(66).await.as_deref(), Some("evt_9"));
    assert_eq!(claim(66).await.as_deref(), Some("evt_1"));
    assert_eq!(claim(66).await.as_deref(), Some("evt_2"));
}

async fn an_event_is_worked_off_once_and_with_its_effect(test: TestStore) {
    test.store.receive_webhook(&event("evt_1", 1)).await.unwrap();
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let done = payment.clone().charge_answered(completed(), at(5)).unwrap();
    let webhook = Some(told("evt_1", EventState::Done, 0));
    let effect = Change { webhook: webhook.clone(), ..moved(&payment, done.clone()) };
    let mut stale = effect.clone();
    if let Mutation::MovePayment { payment, .. } = &mut stale.mutation {
        payment.version += 5;
    }
    assert_eq!(conflict(test.store.commit(stale).await), Conflict::Stale);
    test.store.commit(effect).await.unwrap();
    let again = Change { webhook, ..refund_of(&done, 1, 10).1 };
    assert_eq!(conflict(test.store.commit(again).await), Conflict::Stale);
    let stored = test.store.payment(&done.client, done.id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.refunded), (done.version, 0));
    assert_eq!(claimed(&test, at(900), at(999)).await, None);
}

async fn an_event_that_failed_comes_again_when_it_is_due(test: TestStore) {
    test.store.receive_webhook(&event("evt_1", 1)).await.unwrap();
    claimed(&test, at(1), at(60)).await.unwrap();
    let failed = EventState::Failed { next_at: at(100), reason: "the provider does not answer".to_owned() };
    let change = Change::from(Mutation::Nothing).with_mark(Some(told("evt_1", failed, 1)));
    test.store.commit(change).await.unwrap();
    assert_eq!(claimed(&test, at(99), at(200)).await, None);
    let again = claimed(&test, at(100), at(200)).await.unwrap();
    assert_eq!((again.attempts, again.state.name()), (1, "failed"));
}

async fn a_reopened_event_can_be_worked_off_again(test: TestStore) {
    test.store.receive_webhook(&event("evt_1", 1)).await.unwrap();
    let done = || Change::from(Mutation::Nothing).with_mark(Some(told("evt_1", EventState::Done, 0)));
    test.store.commit(done()).await.unwrap();
    let reopened = test.store.reopen_webhook(Provider::Stripe, "evt_1", at(60)).await.unwrap().unwrap();
    assert_eq!(reopened.state, EventState::Received);
    assert_eq!(test.store.reopen_webhook(Provider::Stripe, "evt_2", at(60)).await.unwrap(), None);
    test.store.commit(done()).await.unwrap();
}

async fn a_dispute_belongs_to_one_payment(test: TestStore) {
    let ((one, open_one), (other, open_other)) = (opening(1, "demo", 100), opening(2, "demo", 100));
    test.store.commit(open_one).await.unwrap();
    test.store.commit(open_other).await.unwrap();
    test.store.commit(noted(&one, dispute("du_1")).1).await.unwrap();
    assert_eq!(conflict(test.store.commit(noted(&other, dispute("du_1")).1).await), Conflict::ReferenceTaken);
    assert_eq!(conflict(test.store.commit(noted(&one, dispute("du_2")).1).await), Conflict::Stale);
    let disputes = test.store.disputes(&one.client, one.id).await.unwrap();
    assert_eq!(disputes.iter().map(|dispute| dispute.id.as_str()).collect::<Vec<_>>(), ["du_1"]);
    assert_eq!(test.store.disputes(&client("demo-2"), one.id).await.unwrap(), []);
    assert_eq!(test.store.payment_by_id(other.id).await.unwrap(), Some(other));
}

async fn a_dispute_that_was_only_claimed_moves_to_the_payment_that_the_provider_names(test: TestStore) {
    let ((one, open_one), (other, open_other)) = (opening(1, "demo", 100), opening(2, "demo", 100));
    test.store.commit(open_one).await.unwrap();
    test.store.commit(open_other).await.unwrap();
    let claim = || Dispute { is_verified: false, ..dispute("du_1") };
    let (one, claimed) = noted(&one, claim());
    test.store.commit(claimed).await.unwrap();
    let another_claim = test.store.commit(noted(&other, claim()).1).await;
    assert_eq!(conflict(another_claim), Conflict::ReferenceTaken);
    let (other, shown) = noted(&other, dispute("du_1"));
    test.store.commit(shown).await.unwrap();
    let disputes = async |payment: &Payment| test.store.disputes(&payment.client, payment.id).await.unwrap();
    assert_eq!((disputes(&one).await, disputes(&other).await), (vec![], vec![dispute("du_1")]));
    for again in [claim(), dispute("du_1")] {
        assert_eq!(conflict(test.store.commit(noted(&one, again).1).await), Conflict::ReferenceTaken);
    }
    assert_eq!(disputes(&other).await, [dispute("du_1")]);
}

async fn a_parked_event_is_never_due_until_an_operator_reopens_it(test: TestStore) {
    test.store.receive_webhook(&event("evt_1", 1)).await.unwrap();
    marked(&test, "evt_1", parked()).await.unwrap();
    let found = test.store.webhook(Provider::Stripe, "evt_1").await.unwrap().unwrap();
    assert_eq!((found.state, found.attempts), (parked(), 7));
    let in_a_thousand_years = at(1_000 * 366 * 86_400);
    assert_eq!(claimed(&test, in_a_thousand_years, at(999)).await, None);
    let work = Work::Event { provider: Provider::Stripe, id: "evt_1".to_owned() };
    let taken = test.store.claim(&work, in_a_thousand_years, in_a_thousand_years).await.unwrap();
    assert_eq!(taken, Claimed::Resolved, "so that a queue forgets it");
    assert!(!test.store.receive_webhook(&event("evt_1", 2)).await.unwrap(), "sent again, it is a duplicate");
    let reopened = test.store.reopen_webhook(Provider::Stripe, "evt_1", at(60)).await.unwrap().unwrap();
    assert_eq!((reopened.state, reopened.attempts), (EventState::Received, 0));
    assert!(claimed(&test, at(60), at(99)).await.is_some());
}

async fn a_dismissed_event_stays_so(test: TestStore) {
    for (id, before) in [("evt_1", failed(9)), ("evt_2", parked())] {
        test.store.receive_webhook(&event(id, 1)).await.unwrap();
        marked(&test, id, before).await.unwrap();
        marked(&test, id, dismissed()).await.unwrap();
        let found = test.store.webhook(Provider::Stripe, id).await.unwrap().unwrap();
        assert_eq!(found.state, dismissed());
        assert!(!test.store.receive_webhook(&event(id, 2)).await.unwrap());
        assert_eq!(test.store.reopen_webhook(Provider::Stripe, id, at(60)).await.unwrap(), None);
        assert_eq!(conflict(marked(&test, id, EventState::Done).await), Conflict::Stale);
        assert_eq!(claimed(&test, at(900), at(999)).await, None);
        assert_eq!(test.store.webhook(Provider::Stripe, id).await.unwrap().unwrap().state, dismissed());
    }
}

async fn an_event_is_listed_in_the_one_state_it_is_in(test: TestStore) {
    let ignored = EventState::Ignored { reason: "of no use".to_owned() };
    for state in [EventState::Done, ignored, failed(9), parked(), dismissed()] {
        test.store.receive_webhook(&event(state.name(), 1)).await.unwrap();
        marked(&test, state.name(), state).await.unwrap();
    }
    test.store.receive_webhook(&event("received", 1)).await.unwrap();
    for state in EventState::NAMES {
        let filter = WebhookFilter { state: Some(state.to_owned()), limit: 10, provider: None };
        let listed = test.store.webhooks(&filter).await.unwrap();
        assert_eq!(listed.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), [state]);
    }
}

async fn what_is_left_is_counted_by_provider_and_state(test: TestStore) {
    assert_eq!(test.store.event_backlog().await.unwrap(), []);
    for (second, state) in
        [(5, failed(9)), (3, failed(99)), (4, parked()), (1, EventState::Done), (2, dismissed())]
    {
        let id = format!("evt_{second}");
        test.store.receive_webhook(&event(&id, second)).await.unwrap();
        marked(&test, &id, state).await.unwrap();
    }
    let paypal = WebhookEvent { provider: Provider::Paypal, ..event("WH-1", 8) };
    test.store.receive_webhook(&paypal).await.unwrap();
    let mut backlog = test.store.event_backlog().await.unwrap();
    backlog.sort_by_key(|left| left.state);
    let left = |provider, state, count, second| EventBacklog { provider, state, count, oldest: at(second) };
    assert_eq!(
        backlog,
        [
            left(Provider::Stripe, "failed", 2, 3),
            left(Provider::Stripe, "parked", 1, 4),
            left(Provider::Paypal, "received", 1, 8),
        ]
    );
}

async fn a_disputes_progress_is_kept_with_it(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    let (payment, opened) = noted(&payment, dispute("du_1"));
    test.store.commit(opened).await.unwrap();
    assert_eq!(test.store.disputes(&payment.client, payment.id).await.unwrap(), [dispute("du_1")]);
    let lost = DisputeOutcome::new(DisputeVerdict::Lost, "RESOLVED_BUYER_FAVOUR");
    let closed = Dispute {
        stage: DisputeStage::Closed,
        outcome: Some(lost),
        closed_at: Some(at(9)),
        as_of: at(9),
        changed_at: None,
        is_verified: false,
        ..dispute("du_1")
    };
    let (payment, change) = noted(&payment, closed.clone());
    test.store.commit(change).await.unwrap();
    assert_eq!(test.store.disputes(&payment.client, payment.id).await.unwrap(), [closed]);
}

async fn a_dispute_that_an_earlier_release_wrote_can_be_read(test: TestStore) {
    let (payment, open) = opening(1, "demo", 100);
    test.store.commit(open).await.unwrap();
    test.store.commit(noted(&payment, dispute("du_1")).1).await.unwrap();
    test.execute("DELETE FROM dispute_progress").await;
    let read = async || test.store.disputes(&payment.client, payment.id).await.unwrap().remove(0);
    assert_eq!((read().await.stage, read().await.outcome), (DisputeStage::Open, None));
    assert!(read().await.is_verified, "Stripe's events are its word");
    test.execute("UPDATE disputes SET closed_at = as_of").await;
    assert_eq!(read().await.closed(), Some(at(7)));
    test.execute("UPDATE disputes SET provider = 'paypal'").await;
    assert!(!read().await.is_verified, "what PayPal's events say was written down unasked");
}

async fn a_payment_does_not_move_to_anothers_name_at_the_provider(test: TestStore) {
    completed_payment(&*test.store, 1, 100).await;
    let (second, open) = opening(2, "demo", 100);
    test.store.commit(open).await.unwrap();
    let same_name = second.clone().charge_answered(completed(), at(5)).unwrap();
    let others = (3..10).map(|n| opening(n, "demo", 100).1);
    let changes = std::iter::once(moved(&second, same_name)).chain(others).collect();
    let mut results = commit_all(&*test.store, changes).await;
    assert_eq!(conflict(results.remove(0)), Conflict::ReferenceTaken);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

async fn a_refund_that_is_recorded_is_not_recorded_again(test: TestStore) {
    let payment = completed_payment(&*test.store, 1, 100).await;
    let (_, open) = refund_of(&payment, 1, 30);
    test.store.commit(open.clone()).await.unwrap();
    assert_eq!(conflict(test.store.commit(open).await), Conflict::Stale);
    let stored = test.store.payment(&payment.client, payment.id).await.unwrap().unwrap();
    assert_eq!(stored.refunded, 30);
}
