//! Events that cannot be worked off: how long they are tried, and how a person ends them.

use jiff::SignedDuration;
use payments::model::event::Note;
use payments::model::payment::Status;
use payments::model::provider::{Outcome, Uncertainty};
use payments::model::snapshot::Found;
use payments::model::webhook::{EventChange, EventState};
use payments::ports::store::{Change, Mutation};
use payments::usecases;
use payments::usecases::retries::RetryPolicy;
use payments::usecases::webhook::{DismissError, ReplayError, dismiss, replay};

use super::*;

const HOUR: i64 = 3_600;

/// A payment whose event cannot be worked off, since the provider shows nothing.
async fn stuck() -> (TestGateway, Payment) {
    let policy = RetryPolicy { park_after: SignedDuration::from_hours(2), ..without_inline_repeats() };
    let test = TestGateway::with(policy).await;
    test.provider.charges.lock().unwrap().push(Outcome::Unknown(Uncertainty::new("cut")));
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    *test.provider.seen.lock().unwrap() = vec![Found::Unavailable(Uncertainty::new("503"))];
    told(&test, "evt_1", "payment", payment.id).await;
    (test, payment)
}

/// Works off the event each time it is due, until it is due no more.
async fn tried_until_parked(test: &TestGateway) -> u32 {
    let mut tries = 0;
    loop {
        let event = worked_off(&test.gateway).await;
        tries += 1;
        assert!(tries < 1_000, "{event:?}");
        match event.state {
            EventState::Failed { next_at, .. } => {
                let pause = next_at.duration_since(test.gateway.now()).as_secs() + 1;
                assert!(pause <= 301, "{pause}");
                test.clock.advance(pause);
            }
            state => {
                assert_eq!(state, EventState::Parked { reason: "503".to_owned() });
                return tries;
            }
        }
    }
}

async fn dismissed(test: &TestGateway, id: &str) -> Result<WebhookEvent, DismissError> {
    dismiss(&test.gateway, None, id, "ann".to_owned(), "resolved by hand".to_owned()).await
}

#[tokio::test]
async fn an_event_that_fails_for_too_long_is_parked_and_not_tried_any_more() {
    let (test, _) = stuck().await;
    let begun = test.gateway.now();
    tried_until_parked(&test).await;
    let age = test.gateway.now().duration_since(begun).as_secs();
    assert!((2 * HOUR..2 * HOUR + 302).contains(&age), "{age}");
    test.clock.advance(1_000 * HOUR);
    nothing_is_due(&test.gateway).await;
}

#[tokio::test]
async fn an_event_that_nobody_could_try_for_long_is_tried_before_it_is_parked() {
    let (test, _) = stuck().await;
    test.clock.advance(100 * HOUR);
    assert_eq!(tried_until_parked(&test).await, 5);
}

#[tokio::test]
async fn a_parked_event_is_worked_off_when_it_is_replayed() {
    let (test, payment) = stuck().await;
    tried_until_parked(&test).await;
    // Still in vain: it is tried a few times more, and parked again.
    let again = replay(&test.gateway, None, "evt_1").await.unwrap();
    assert!(matches!(again.state, EventState::Failed { .. }), "{again:?}");
    test.clock.advance(HOUR);
    assert_eq!(tried_until_parked(&test).await, 4);
    shows(&test, &payment, captured(100));
    assert_eq!(replay(&test.gateway, None, "evt_1").await.unwrap().state, EventState::Done);
    assert_eq!(stored(&test, payment.id).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn a_dismissed_event_is_in_the_trail_with_the_operators_name_and_never_acts_again() {
    let (test, payment) = stuck().await;
    tried_until_parked(&test).await;
    dismissed(&test, "evt_1").await.unwrap();
    let refs = trail(&test, payment.id).await;
    let last = refs.last().unwrap();
    assert_eq!(
        (last.kind().as_str(), last.detail.note),
        ("payment.webhook_dismissed", Some(Note::WebhookDismissed))
    );
    assert_eq!(last.cause.initiator.text(), "operator ann");
    assert_eq!(last.detail.reason.as_deref(), Some("resolved by hand"));
    assert_eq!(last.detail.reference, Some(ProviderRef::new("evt_1")));
    assert_eq!(stored(&test, payment.id).await.state, payment.state);
    shows(&test, &payment, captured(100));
    told(&test, "evt_1", "payment", payment.id).await;
    test.clock.advance(1_000 * HOUR);
    nothing_is_due(&test.gateway).await;
    assert!(matches!(replay(&test.gateway, None, "evt_1").await, Err(ReplayError::Dismissed(_))));
    assert!(
        matches!(dismissed(&test, "evt_1").await, Err(DismissError::Already(first)) if first.by == "ann")
    );
}

#[tokio::test]
async fn an_event_about_an_unknown_payment_keeps_itself_who_dismissed_it() {
    let (test, _) = stuck().await;
    told(&test, "evt_2", "payment", payment_id(77)).await;
    let event = test.gateway.store.webhook(Provider::Stripe, "evt_2").await.unwrap().unwrap();
    let failed = EventState::Failed { next_at: at(9), reason: "503".to_owned() };
    let change = EventChange { provider: event.provider, id: event.id, state: failed, attempts: 1 };
    test.gateway.store.commit(Change::from(Mutation::Nothing).with_mark(Some(change))).await.unwrap();
    let now = test.gateway.now();
    dismissed(&test, "evt_2").await.unwrap();
    let event = test.gateway.store.webhook(Provider::Stripe, "evt_2").await.unwrap().unwrap();
    let EventState::Dismissed(dismissal) = event.state else { panic!("{event:?}") };
    assert_eq!(
        (dismissal.by.as_str(), dismissal.reason.as_str(), dismissal.at),
        ("ann", "resolved by hand", now)
    );
}

#[tokio::test]
async fn only_what_could_not_be_worked_off_can_be_dismissed() {
    let (test, payment) = stuck().await;
    assert!(matches!(dismissed(&test, "evt_1").await, Err(DismissError::NotStuck("received"))));
    shows(&test, &payment, captured(100));
    worked_off(&test.gateway).await;
    assert!(matches!(dismissed(&test, "evt_1").await, Err(DismissError::NotStuck("done"))));
    assert!(matches!(dismissed(&test, "evt_9").await, Err(DismissError::NotFound(_))));
}

#[tokio::test]
async fn an_id_that_both_providers_use_needs_the_provider() {
    let (test, payment) = stuck().await;
    let body = format!(r#"{{"id":"evt_1","about":"payment","payment":"{}"}}"#, payment.id);
    told_raw(&test, Provider::Paypal, &body).await;
    assert!(replay(&test.gateway, None, "evt_1").await.unwrap_err().to_string().contains("both providers"));
    let one = replay(&test.gateway, Some(Provider::Paypal), "evt_1").await.unwrap();
    assert_eq!(one.provider, Provider::Paypal);
}
