//! What a process works off, and what it leaves alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use control_plane::jobs::handler::{GatewayJobs, JobHandler, Worked};
use control_plane::jobs::runner::Runner;
use control_plane::jobs::worker_pool::WorkerPool;
use control_plane::jobs::{expire, poll};
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::payment::{Payment, State, Status};
use payments::model::provider::{Outcome, Uncertainty};
use payments::model::webhook::EventBody;
use payments::model::work::{Claimed, Due, Lane, Work, WorkKind};
use payments::ports::provider::PaymentProvider;
use payments::ports::store::StoreError;
use payments::usecases;
use payments::usecases::gateway::Gateway;
use payments::usecases::retries::{Retries, RetryPolicy};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::common::*;

const PAYMENTS: Lane = Lane { kind: WorkKind::Payment, provider: Provider::Stripe };

/// A charge at Stripe that could not be sent.
async fn queued(test: &TestGateway) -> Payment {
    test.provider.charges.lock().unwrap().push(Outcome::NotSent(Uncertainty::new("refused")));
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    assert!(matches!(payment.state, State::Queued { .. }), "{payment:?}");
    payment
}

async fn now(test: &TestGateway, payment: &Payment) -> Payment {
    test.gateway.store.payment_by_id(payment.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_its_provider_would_only_refuse_is_not_touched() {
    let test = TestGateway::start().await;
    let payment = queued(&test).await;
    test.clock.advance(60);
    let handler = GatewayJobs::new(test.gateway.clone());
    test.provider.is_away.store(true, Ordering::SeqCst);
    assert_eq!(handler.room(PAYMENTS).await, 0);
    let work = Work::Payment(payment.id);
    assert_eq!(handler.work_off(PAYMENTS, &work).await.unwrap(), Worked::LeftAlone);
    assert_eq!(now(&test, &payment).await, payment, "it is as due as before");
    test.provider.is_away.store(false, Ordering::SeqCst);
    assert_eq!(handler.work_off(PAYMENTS, &work).await.unwrap(), Worked::Claimed(Claimed::Taken));
    assert_eq!(now(&test, &payment).await.state.status(), Status::Completed);
}

#[tokio::test]
async fn what_is_over_the_budget_is_not_touched_and_what_others_took_is_given_back() {
    let test = TestGateway::with(RetryPolicy { per_second: 1, ..without_inline_repeats() }).await;
    let payment = queued(&test).await;
    test.clock.advance(60);
    let handler = GatewayJobs::new(test.gateway.clone());
    assert_eq!(handler.room(PAYMENTS).await, 4);
    let nothing = handler.work_off(PAYMENTS, &Work::Payment(payment_id(9))).await.unwrap();
    assert_eq!((nothing, handler.room(PAYMENTS).await), (Worked::Claimed(Claimed::Resolved), 4));
    while test.gateway.retries.take(Provider::Stripe, test.gateway.now()) {}
    let over = handler.work_off(PAYMENTS, &Work::Payment(payment.id)).await.unwrap();
    assert_eq!((over, now(&test, &payment).await), (Worked::LeftAlone, payment));
}

#[tokio::test]
async fn a_charge_expires_while_its_provider_is_left_alone_and_nobody_is_asked() {
    let test = TestGateway::start().await;
    let payment = queued(&test).await;
    let (handler, calls) =
        (GatewayJobs::new(test.gateway.clone()), || test.provider.calls.lock().unwrap().len());
    test.clock.advance(901);
    assert_eq!(
        expire::once(&test.gateway, &handler).await.unwrap(),
        0,
        "what is not left alone is due anyway"
    );
    test.provider.is_away.store(true, Ordering::SeqCst);
    assert_eq!((expire::once(&test.gateway, &handler).await.unwrap(), calls()), (1, 1));
    assert_eq!(now(&test, &payment).await.state.status(), Status::Failed);
    let waiting = queued(&test).await;
    test.clock.advance(60);
    assert_eq!(expire::once(&test.gateway, &handler).await.unwrap(), 0, "its time is not over");
    assert_eq!(now(&test, &waiting).await, waiting);
}

#[tokio::test]
async fn an_event_is_not_behind_what_another_provider_keeps_waiting() {
    let test = TestGateway::start().await;
    for _ in 0..20 {
        queued(&test).await;
    }
    test.clock.advance(60);
    let paypal: Arc<dyn PaymentProvider> = Arc::new(ScriptedProvider::default());
    let stripe: Arc<dyn PaymentProvider> = test.provider.clone();
    // Every call to Stripe hangs.
    *test.provider.gate.lock().unwrap() = Some(Arc::default());
    let gateway = Arc::new(Gateway {
        store: test.gateway.store.clone(),
        providers: HashMap::from([(Provider::Stripe, stripe), (Provider::Paypal, paypal)]),
        clock: test.clock.clone(),
        started_at: test.gateway.started_at,
        entropy: test.gateway.entropy.clone(),
        tasks: TaskTracker::new(),
        queue: test.gateway.queue.clone(),
        retries: Retries::new(without_inline_repeats()),
        renders: test.gateway.renders,
    });
    let stop = CancellationToken::new();
    let worker = tokio::spawn(poll::run(Runner::of(&gateway, 4), Arc::default(), stop.clone()));
    let hanging = || test.provider.calls.lock().unwrap().len() >= 20 + 2;
    wait(hanging).await;
    let body = br#"{"id":"WH-1","about":"nothing","second":0}"#;
    let notice = test.provider.read_event(body).unwrap();
    usecases::webhook::receive(&gateway, Provider::Paypal, notice, EventBody::of(body)).await.unwrap();
    let lane = Lane { kind: WorkKind::Event, provider: Provider::Paypal };
    let started = std::time::Instant::now();
    while !gateway.store.overdue_in(lane, at(10_000), 1).await.unwrap().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "the event is behind charges");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    worker.await.unwrap();
}

/// Dies while it looks for work.
struct Dies;

#[async_trait]
impl JobHandler for Dies {
    fn providers(&self) -> Vec<Provider> {
        Provider::ALL.to_vec()
    }

    async fn room(&self, _: Lane) -> u32 {
        1
    }

    async fn overdue(&self, lane: Lane, _: Timestamp, _: u32) -> Result<Vec<Due>, StoreError> {
        assert_ne!(lane, PAYMENTS, "a defect");
        Ok(Vec::new())
    }

    async fn lane_of(&self, _: &Work) -> Result<Option<Lane>, StoreError> {
        Ok(None)
    }

    async fn work_off(&self, _: Lane, _: &Work) -> Result<Worked, StoreError> {
        Ok(Worked::LeftAlone)
    }
}

#[tokio::test]
async fn a_lane_that_dies_does_so_with_the_whole_task_which_is_noticed() {
    let test = TestGateway::start().await;
    let runner = Runner {
        workers: Arc::new(WorkerPool::new(4, &Provider::ALL)),
        handler: Arc::new(Dies),
        tasks: test.gateway.tasks.clone(),
        clock: test.gateway.clock.clone(),
    };
    let worker = tokio::spawn(poll::run(runner, Arc::default(), CancellationToken::new()));
    let ended = tokio::time::timeout(Duration::from_secs(20), worker).await;
    assert!(ended.unwrap().unwrap_err().is_panic());
}

async fn wait(is_so: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
