//! Who takes a piece of work, when, and how much of it.

use super::*;

#[tokio::test]
async fn what_the_budget_does_not_allow_now_is_put_off_and_not_forgotten() {
    let policy = RetryPolicy { per_second: 1, ..without_inline_repeats() };
    let test = TestGateway::with(policy).await;
    for _ in 0..10 {
        test.answers([cut()]);
        test.charge(call()).await.unwrap();
    }
    test.clock.advance(30);
    let handler = GatewayJobs::new(test.gateway.clone());
    for due in test.gateway.store.overdue(test.gateway.now(), 100).await.unwrap() {
        let lane = handler.lane_of(&due.work).await.unwrap().unwrap();
        handler.work_off(lane, &due.work).await.unwrap();
    }
    assert_eq!(test.calls("charge"), 10 + 4);
    test.resolve().await;
    assert_eq!(test.calls("charge"), 20);
}

#[tokio::test]
async fn the_provider_is_left_alone_for_as_long_as_it_asks() {
    let test = TestGateway::start().await;
    let busy = Uncertainty { retry_after_s: Some(90), ..Uncertainty::new("rate limited") };
    test.answers([Outcome::NotSent(busy)]);
    let payment = test.charge(call()).await.unwrap();
    test.clock.advance(89);
    assert_eq!(run_next_due(&test.gateway).await.unwrap(), None);
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn of_many_who_take_the_same_work_one_does_it() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    test.clock.advance(30);
    let taken = (0..8).map(|_| {
        let gateway = test.gateway.clone();
        tokio::spawn(async move { work_off(&gateway, &Work::Payment(payment.id)).await.unwrap() })
    });
    let mut won = 0;
    for one in taken.collect::<Vec<_>>() {
        won += usize::from(one.await.unwrap() == Claimed::Taken);
    }
    assert_eq!((won, test.calls("charge")), (1, 2));
    let again = work_off(&test.gateway, &Work::Payment(payment.id)).await.unwrap();
    assert_eq!(again, Claimed::Resolved);
}

#[tokio::test]
async fn a_worker_that_died_leaves_its_work_to_be_taken_again() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    test.clock.advance(30);
    let (work, now) = (Work::Payment(payment.id), test.gateway.now());
    let until = now + SignedDuration::from_secs(40);
    assert_eq!(test.gateway.store.claim(&work, now, until).await.unwrap(), Claimed::Taken);
    assert_eq!(work_off(&test.gateway, &work).await.unwrap(), Claimed::NotDue(until));
    test.resolve().await;
    assert_eq!(test.now(&payment).await.state.status(), Status::Completed);
}

/// A process that looks while another one moves the payment gives way.

#[tokio::test]
async fn what_was_decided_meanwhile_stands() {
    let test = TestGateway::start().await;
    test.answers([cut()]);
    let payment = test.charge(call()).await.unwrap();
    let decided = payment.clone().charge_answered(completed(), test.gateway.now()).unwrap();
    let event = Event::payment_moved(Some(&payment.state), &decided, &cause());
    let change = Mutation::MovePayment { payment: decided.clone(), event };
    test.gateway.commit(Change::from(change)).await.unwrap();
    test.resolve().await;
    assert_eq!(test.now(&payment).await, decided);
    assert_eq!(test.calls("charge"), 1);
}
