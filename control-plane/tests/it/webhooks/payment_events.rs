//! Webhook events about payments, and what each of them changes.

use std::sync::Arc;
use std::time::Duration;

use control_plane::jobs;
use control_plane::jobs::runner::Runner;
use edge_core::provider::Provider;
use jiff::SignedDuration;
use payments::model::event::Note;
use payments::model::idempotency::Subject;
use payments::model::payment::{Payment, State, Status};
use payments::model::provider::{Outcome, Uncertainty};
use payments::model::snapshot::{Found, ProviderSnapshot, ProviderStatus};
use payments::model::webhook::EventState;
use payments::model::work::{Claimed, Work};
use payments::ports::store::Filter;
use payments::usecases::{self, FirstOutcome};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::*;

async fn unknown(test: &TestGateway, more: &str) -> Payment {
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    usecases::charge(test.gateway.clone(), charge_request(100, more), None, call()).await.unwrap()
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_completed_once_by_any_number_of_events() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    shows(&test, &payment, captured(100));
    for id in ["evt_1", "evt_2", "evt_1", "evt_3"] {
        told(&test, id, "payment", payment.id).await;
    }
    for _ in 0..3 {
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    }
    nothing_is_due(&test.gateway).await;
    assert_eq!(
        kinds(&test, payment.id).await,
        ["payment.created", "payment.processing", "payment.unknown", "payment.completed"]
    );
    assert_eq!(trail(&test, payment.id).await[3].cause.initiator.text(), "webhook evt_1");
    // Nothing was asked of the provider but to be looked at.
    assert_eq!(test.provider.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_repeats_its_request_is_told_what_the_webhook_found() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let call = keyed::<Payment>(1, "a");
    let charged = usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()).await;
    let payment = charged.unwrap();
    shows(&test, &payment, captured(100));
    told(&test, "evt_1", "payment", payment.id).await;
    worked_off(&test.gateway).await;
    let subject = Subject::Payment(payment.id);
    let repeated =
        Payment::outcome_of_first_request(test.gateway.clone(), subject, call.clone()).await.unwrap();
    assert_eq!(repeated.state.status(), Status::Completed);
    let key = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
    assert!(key.answer.is_some());
}

#[tokio::test]
async fn an_event_that_overtakes_the_answer_completes_the_payment_and_answers_the_key() {
    let test = TestGateway::start().await;
    let gate = Arc::new(Notify::new());
    *test.provider.gate.lock().unwrap() = Some(gate.clone());
    let call = keyed::<Payment>(1, "a");
    let charge =
        tokio::spawn(usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call.clone()));
    let payment = loop {
        let page =
            test.gateway.store.payments(&client("demo"), &Filter { limit: 1, ..Filter::default() }).await;
        if let Some(payment) = page.unwrap().items.pop()
            && !test.provider.calls.lock().unwrap().is_empty()
        {
            break payment;
        }
        tokio::task::yield_now().await;
    };
    // Only that money moved is believed while the answer is out; anything else waits for it.
    shows(&test, &payment, ProviderStatus::Declined(declined()));
    told(&test, "evt_1", "payment", payment.id).await;
    assert!(matches!(worked_off(&test.gateway).await.state, EventState::Failed { .. }));
    assert_eq!(stored(&test, payment.id).await, payment);
    shows(&test, &payment, captured(100));
    told(&test, "evt_2", "payment", payment.id).await;
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    gate.notify_one();
    let answered = charge.await.unwrap().unwrap();
    assert_eq!(answered.state.status(), Status::Completed);
    let key = test.gateway.store.key(&call.claim().unwrap().scope).await.unwrap().unwrap();
    assert_eq!(key.answer.unwrap().status, 200);
    test.clock.advance(1);
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert_eq!(
        kinds(&test, payment.id).await,
        ["payment.created", "payment.processing", "payment.completed"]
    );
}

#[tokio::test]
async fn a_failed_payment_whose_money_moved_is_completed_and_never_the_other_way_round() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(Outcome::Refused(declined()));
    usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap_err();
    let page = test.gateway.store.payments(&client("demo"), &Filter { limit: 1, ..Filter::default() }).await;
    let payment = page.unwrap().items.remove(0);
    shows(&test, &payment, captured(100));
    told(&test, "evt_1", "payment", payment.id).await;
    worked_off(&test.gateway).await;
    assert_eq!(stored(&test, payment.id).await.state.status(), Status::Completed);
    for provider_status in [
        ProviderStatus::Declined(declined()),
        ProviderStatus::Canceled { is_expired: false },
        ProviderStatus::Open,
    ] {
        shows(&test, &payment, provider_status);
        told(&test, "evt_2", "payment", payment.id).await;
        payments::usecases::webhook::replay(&test.gateway, None, "evt_2").await.unwrap();
        assert_eq!(stored(&test, payment.id).await.state.status(), Status::Completed);
    }
}

#[tokio::test]
async fn what_is_about_other_money_is_not_believed_but_noted() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    let right = snapshot(&payment, captured(100));
    let euro = Money { currency: Currency::from_code("EUR").unwrap(), ..usd(100) };
    let wrong = [
        ProviderSnapshot { money: Some(usd(101)), ..right.clone() },
        ProviderSnapshot { provider_status: captured(99), ..right.clone() },
        ProviderSnapshot { money: Some(euro), ..right.clone() },
        ProviderSnapshot {
            provider_status: ProviderStatus::Unclear("a status of next year".to_owned()),
            ..right.clone()
        },
    ];
    for (n, seen) in wrong.into_iter().enumerate() {
        *test.provider.seen.lock().unwrap() = vec![Found::Found(seen.clone())];
        told(&test, &format!("evt_{n}"), "payment", payment.id).await;
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
        assert_eq!(stored(&test, payment.id).await.state, payment.state, "{seen:?}");
        let refs = trail(&test, payment.id).await;
        let last = refs.last().unwrap();
        assert_eq!(last.detail.note, Some(Note::EvidenceRefused), "{seen:?}");
        assert_eq!(last.kind(), "payment.evidence_refused");
        assert!(last.detail.reason.is_some());
    }
    // What the event names is another's: the payment has nothing to do with it.
    let before = trail(&test, payment.id).await;
    for (n, owner) in [None, Some(payment_id(9))].into_iter().enumerate() {
        let seen = ProviderSnapshot { payment: owner, ..right.clone() };
        *test.provider.seen.lock().unwrap() = vec![Found::Found(seen)];
        told(&test, &format!("evt_another_{n}"), "payment", payment.id).await;
        let state = worked_off(&test.gateway).await.state;
        assert!(matches!(state, EventState::Ignored { .. }), "{state:?}");
        assert_eq!(trail(&test, payment.id).await, before);
    }
    *test.provider.seen.lock().unwrap() = vec![Found::Found(right)];
    told(&test, "evt_right", "payment", payment.id).await;
    worked_off(&test.gateway).await;
    assert_eq!(stored(&test, payment.id).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn a_look_that_fails_is_repeated_with_growing_pauses_and_the_event_is_never_dropped() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    *test.provider.seen.lock().unwrap() = vec![Found::Unavailable(Uncertainty::new("503"))];
    told(&test, "evt_1", "payment", payment.id).await;
    // The test's randomness grows, too.
    let mut previous = SignedDuration::ZERO;
    for attempt in 1..=20_u32 {
        let event = worked_off(&test.gateway).await;
        let EventState::Failed { next_at, reason } = event.state else { panic!("{event:?}") };
        assert_eq!((event.attempts, reason.as_str()), (attempt, "503"));
        let pause = next_at.duration_since(test.gateway.now());
        assert!(pause <= test.gateway.retries.policy().pause(attempt, u32::MAX), "{attempt}: {pause:?}");
        assert!(pause > previous, "{attempt}: {pause:?}");
        previous = pause;
        nothing_is_due(&test.gateway).await;
        test.clock.advance(pause.as_secs() + 1);
    }
    shows(&test, &payment, captured(100));
    assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    assert_eq!(stored(&test, payment.id).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn what_a_process_left_when_it_died_is_worked_off_by_the_next_one() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    shows(&test, &payment, captured(100));
    told(&test, "evt_1", "payment", payment.id).await;
    // Died before it began, and after it had begun.
    let now = test.gateway.now();
    let next = test.restarted().await;
    let event = Work::Event { provider: Provider::Stripe, id: "evt_1".to_owned() };
    let claimed = next.store.claim(&event, now, now + SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(claimed, Claimed::Taken);
    nothing_is_due(&next).await;
    test.clock.advance(60);
    let stop = CancellationToken::new();
    let worker =
        tokio::spawn(jobs::poll::run(Runner::of(&test.restarted().await, 4), Arc::default(), stop.clone()));
    let completed = async {
        while stored(&test, payment.id).await.state.status() != Status::Completed {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), completed).await.unwrap();
    stop.cancel();
    worker.await.unwrap();
    nothing_is_due(&test.gateway).await;
}

#[tokio::test]
async fn many_events_about_one_payment_at_once_move_it_once() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    shows(&test, &payment, captured(100));
    for n in 0..20 {
        told(&test, &format!("evt_{n}"), "payment", payment.id).await;
    }
    let workers = (0..20).map(|_| {
        let gateway = test.gateway.clone();
        tokio::spawn(async move { next_event(&gateway).await })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let completed = kinds(&test, payment.id).await.into_iter().filter(|kind| kind == "payment.completed");
    assert_eq!(completed.count(), 1);
}

#[tokio::test]
async fn events_of_no_use_or_about_nobody_here_are_kept_and_ignored() {
    let test = TestGateway::start().await;
    told(&test, "evt_1", "customer.created", payment_id(1)).await;
    told(&test, "evt_2", "payment", payment_id(1)).await;
    for _ in 0..2 {
        let event = worked_off(&test.gateway).await;
        assert!(matches!(event.state, EventState::Ignored { .. }), "{event:?}");
    }
    nothing_is_due(&test.gateway).await;
}

#[tokio::test]
async fn an_event_of_one_provider_never_moves_a_payment_at_the_other() {
    let test = TestGateway::start().await;
    let payment = unknown(&test, "").await;
    shows(&test, &payment, captured(100));
    let body = format!(r#"{{"id":"WH-1","about":"payment","payment":"{}"}}"#, payment.id);
    told_raw(&test, Provider::Paypal, &body).await;
    assert!(matches!(worked_off(&test.gateway).await.state, EventState::Ignored { .. }));
    assert_eq!(stored(&test, payment.id).await, payment);
}

#[tokio::test]
async fn what_is_held_may_be_taken_or_released_at_the_dashboard() {
    for (provider_status, status) in
        [(captured(60), Status::Captured), (ProviderStatus::Canceled { is_expired: false }, Status::Canceled)]
    {
        let test = TestGateway::start().await;
        test.provider.charges.lock().unwrap().push(authorized());
        let request = charge_request(100, r#","capture":"manual""#);
        let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
        shows(&test, &payment, provider_status);
        told(&test, "evt_1", "payment", payment.id).await;
        worked_off(&test.gateway).await;
        assert_eq!(stored(&test, payment.id).await.state.status(), status);
    }
}

#[tokio::test]
async fn a_lost_capture_is_resolved_by_an_event() {
    let test = TestGateway::start().await;
    test.provider.charges.lock().unwrap().push(authorized());
    let request = charge_request(100, r#","capture":"manual""#);
    let payment = usecases::charge(test.gateway.clone(), request, None, call()).await.unwrap();
    test.provider.captures.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let payment = usecases::capture(test.gateway.clone(), payment.id, None, call()).await.unwrap();
    // Still held, by a read that may be older than the capture: no evidence.
    let held = ProviderStatus::Authorized { authorization: ProviderRef::new("pi_1"), expires: None };
    shows(&test, &payment, held);
    told(&test, "evt_1", "payment", payment.id).await;
    worked_off(&test.gateway).await;
    assert!(matches!(stored(&test, payment.id).await.state, State::Unknown { .. }));
    shows(&test, &payment, captured(100));
    told(&test, "evt_2", "payment", payment.id).await;
    worked_off(&test.gateway).await;
    assert_eq!(stored(&test, payment.id).await.captured().unwrap().1.minor(), 100);
}
