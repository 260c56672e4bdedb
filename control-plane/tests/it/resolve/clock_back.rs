//! A clock that was put back after something was put off.

use std::time::{Duration, Instant};

use control_plane::jobs::clock_back;
use edge_core::provider::Provider;
use payments::model::payer_action::PayerAction;
use payments::model::webhook::EventState;
use payments::ports::clock::Clock as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::*;

const A_DAY_S: i64 = 86_400;

impl TestGateway {
    /// Everything due is worked off, without letting time pass.
    async fn work_off_what_is_due(&self) {
        while run_next_due(&self.gateway).await.unwrap().is_some() {}
    }
}

#[tokio::test]
async fn work_that_is_put_off_is_done_though_the_clock_is_put_back_a_day() {
    let test = TestGateway::start().await;
    test.clock.advance(A_DAY_S);
    test.answers([cut(), completed()]);
    let payment = test.charge(keyed(1, "a")).await.unwrap();
    let event = received("evt_1", "charge.updated", test.clock.now());
    test.gateway.store.receive_webhook(&event).await.unwrap();
    test.clock.advance(-A_DAY_S);

    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Pending, "it is due in a day");
    assert_eq!(clock_back::once(&test.gateway).await.unwrap(), 2);
    test.work_off_what_is_due().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
    let event = test.gateway.store.webhook(Provider::Stripe, "evt_1").await.unwrap().unwrap();
    assert_ne!(event.state, EventState::Received);
}

/// Less than an operation may be put off: nothing in the database shows that the clock was put back.
#[tokio::test]
async fn a_clock_that_is_put_back_ten_minutes_puts_nothing_off_by_ten_minutes() {
    let test = TestGateway::start().await;
    let watch = clock_back::run(test.gateway.clone(), true, CancellationToken::new());
    let _watching = AbortOnDropHandle::new(tokio::spawn(watch));
    tokio::time::sleep(Duration::from_millis(500)).await;
    test.answers([cut(), completed()]);
    let payment = test.charge(keyed(1, "a")).await.unwrap();
    let event = received("evt_1", "charge.updated", test.clock.now());
    test.gateway.store.receive_webhook(&event).await.unwrap();

    test.clock.advance(-600);
    let (soon, begun) = (test.clock.now() + RetryPolicy::default().call_lease, Instant::now());
    while test.gateway.store.overdue(soon, 9).await.unwrap().len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing is brought forward");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    test.clock.advance(RetryPolicy::default().call_lease.as_secs());
    test.work_off_what_is_due().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn the_call_of_a_process_that_died_is_over_though_the_clock_is_put_back_a_day() {
    let test = TestGateway::start().await;
    let (payment, open) = opening(0, "demo", 100);
    test.gateway.store.commit(open).await.unwrap();
    test.clock.advance(-A_DAY_S);
    for _ in 0..10 {
        clock_back::once(&test.gateway).await.unwrap();
        test.work_off_what_is_due().await;
        test.clock.advance(60);
    }
    let story = ["payment.created", "payment.processing", "payment.unknown", "payment.completed"];
    assert_eq!(test.kinds(&payment).await, story);
}

#[tokio::test]
async fn what_is_put_off_as_far_as_it_may_be_stays_put_off() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    test.charge(call()).await.unwrap();
    let waiting = Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Page("https://bank.example/3ds".to_owned()),
        declined: false,
    });
    test.answers([waiting]);
    test.charge(call()).await.unwrap();
    for _ in 0..40 {
        assert_eq!(clock_back::once(&test.gateway).await.unwrap(), 0);
        test.clock.advance(600);
        test.work_off_what_is_due().await;
    }
}
