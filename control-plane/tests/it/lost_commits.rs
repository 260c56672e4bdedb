//! A database that writes what it is given, and loses its answer or gives it very late.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use async_trait::async_trait;
use control_plane::jobs::poll::LocalWakeup;
use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use payments::model::event::Event;
use payments::model::follow_up::FollowUp;
use payments::model::id::{PaymentId, RefundId};
use payments::model::idempotency::KeyRecord;
use payments::model::log::{EventId, Position};
use payments::model::payment::{Payment, Status};
use payments::model::provider::{Outcome, ProviderRef, Refusal, RefusalKind};
use payments::model::refund::Refund;
use payments::model::webhook::{Dispute, WebhookEvent};
use payments::model::work::{Claimed, Due, Lane, LaneBacklog, Work};
use payments::ports::store::audit::Audit;
use payments::ports::store::reconciling::{ReconcileRun, Reconciling};
use payments::ports::store::{
    Change, CommitError, DueWork, EventBacklog, EventLog, Filter, LogPage, LogQuery, Mutation, Page, Rows,
    Store, StoreError, WebhookFilter, Webhooks,
};
use payments::usecases::gateway::Gateway;
use payments::usecases::resolve::run_next_due;
use payments::usecases::retries::Retries;
use payments::usecases::{self, OperationError};
use tokio_util::task::TaskTracker;

use crate::common::*;

/// So many of the commits that move a payment lose their answers, written or not. The answer to the next commit of any
/// kind takes `late_s` seconds.
struct Forgetful {
    store: Arc<dyn Store>,
    clock: Arc<TestClock>,
    lost: AtomicU32,
    late_s: AtomicI64,
}

impl Forgetful {
    /// A gateway like the test's, whose next `lost` moves lose their answers.
    fn gateway(test: &TestGateway, lost: u32) -> Arc<Gateway> {
        Self::before(test, lost, 0)
    }

    /// A gateway like the test's, whose next commit is answered `late_s` seconds after it was made.
    fn late_gateway(test: &TestGateway, late_s: i64) -> Arc<Gateway> {
        Self::before(test, 0, late_s)
    }

    fn before(test: &TestGateway, lost: u32, late_s: i64) -> Arc<Gateway> {
        let (store, clock) = (test.gateway.store.clone(), test.clock.clone());
        Arc::new(Gateway {
            store: Arc::new(Self { store, clock, lost: lost.into(), late_s: late_s.into() }),
            providers: test.gateway.providers.clone(),
            started_at: test.gateway.started_at,
            clock: test.clock.clone(),
            entropy: test.gateway.entropy.clone(),
            tasks: TaskTracker::new(),
            queue: Arc::new(LocalWakeup::default()),
            retries: Retries::new(without_inline_repeats()),
            renders: payments::usecases::call::Renders::NONE,
        })
    }
}

#[async_trait]
impl Store for Forgetful {
    async fn commit(&self, change: Change) -> Result<(), CommitError> {
        let is_move = matches!(change.mutation, Mutation::MovePayment { .. });
        let left = self.lost.load(Ordering::SeqCst);
        let outcome = self.store.commit(change).await;
        self.clock.advance(self.late_s.swap(0, Ordering::SeqCst));
        if is_move && left > 0 {
            self.lost.store(left - 1, Ordering::SeqCst);
            return Err(StoreError::Unavailable("the answer is lost".into()).into());
        }
        outcome
    }

    async fn payment(&self, client: &ClientId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.store.payment(client, id).await
    }

    async fn payment_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        self.store.payment_by_reference(provider, reference).await
    }

    async fn first_failed_by_reference(
        &self,
        provider: Provider,
        reference: &ProviderRef,
    ) -> Result<Option<Payment>, StoreError> {
        self.store.first_failed_by_reference(provider, reference).await
    }

    async fn payments(&self, client: &ClientId, filter: &Filter) -> Result<Page<Payment>, StoreError> {
        self.store.payments(client, filter).await
    }

    async fn payments_since(
        &self,
        since: Timestamp,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Rows<Payment>, StoreError> {
        self.store.payments_since(since, after, limit).await
    }

    async fn refund(&self, client: &ClientId, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.store.refund(client, id).await
    }

    async fn refund_by_id(&self, id: RefundId) -> Result<Option<Refund>, StoreError> {
        self.store.refund_by_id(id).await
    }

    async fn refunds(&self, client: &ClientId, payment: PaymentId) -> Result<Rows<Refund>, StoreError> {
        self.store.refunds(client, payment).await
    }

    async fn events(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Event>, StoreError> {
        self.store.events(client, payment).await
    }

    async fn key(&self, scope: &Scope) -> Result<Option<KeyRecord>, StoreError> {
        self.store.key(scope).await
    }

    fn audit(&self) -> &dyn Audit {
        self.store.audit()
    }

    fn is_exclusive(&self) -> bool {
        self.store.is_exclusive()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }

    async fn died(&self) -> &'static str {
        self.store.died().await
    }
}

#[async_trait]
impl Webhooks for Forgetful {
    async fn receive_webhook(&self, event: &WebhookEvent) -> Result<bool, StoreError> {
        self.store.receive_webhook(event).await
    }

    async fn webhook(&self, provider: Provider, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
        self.store.webhook(provider, id).await
    }

    async fn reopen_webhook(
        &self,
        provider: Provider,
        id: &str,
        until: Timestamp,
    ) -> Result<Option<WebhookEvent>, StoreError> {
        self.store.reopen_webhook(provider, id, until).await
    }

    async fn event_backlog(&self) -> Result<Vec<EventBacklog>, StoreError> {
        self.store.event_backlog().await
    }

    async fn webhooks(&self, filter: &WebhookFilter) -> Result<Vec<WebhookEvent>, StoreError> {
        self.store.webhooks(filter).await
    }

    async fn payment_by_id(&self, id: PaymentId) -> Result<Option<Payment>, StoreError> {
        self.store.payment_by_id(id).await
    }

    async fn disputes(&self, client: &ClientId, payment: PaymentId) -> Result<Vec<Dispute>, StoreError> {
        self.store.disputes(client, payment).await
    }
}

#[async_trait]
impl Reconciling for Forgetful {
    async fn take_run(
        &self,
        holder: &str,
        now: Timestamp,
        every: SignedDuration,
        until: Timestamp,
    ) -> Result<Option<ReconcileRun>, StoreError> {
        self.store.take_run(holder, now, every, until).await
    }

    async fn keep_run(&self, holder: &str, run: &ReconcileRun, until: Timestamp) -> Result<bool, StoreError> {
        self.store.keep_run(holder, run, until).await
    }
}

#[async_trait]
impl DueWork for Forgetful {
    async fn overdue_in(&self, lane: Lane, before: Timestamp, limit: u32) -> Result<Vec<Due>, StoreError> {
        self.store.overdue_in(lane, before, limit).await
    }

    async fn backlog(&self, now: Timestamp) -> Result<Vec<LaneBacklog>, StoreError> {
        self.store.backlog(now).await
    }

    async fn provider_of(&self, work: &Work) -> Result<Option<Provider>, StoreError> {
        self.store.provider_of(work).await
    }

    async fn claim(&self, work: &Work, now: Timestamp, until: Timestamp) -> Result<Claimed, StoreError> {
        self.store.claim(work, now, until).await
    }

    async fn postpone(&self, work: &Work, to: FollowUp) -> Result<(), StoreError> {
        self.store.postpone(work, to).await
    }

    async fn bring_forward(&self, lane: Lane, beyond: Timestamp, to: Timestamp) -> Result<u64, StoreError> {
        self.store.bring_forward(lane, beyond, to).await
    }

    async fn end_watch(&self, payment: PaymentId) -> Result<(), StoreError> {
        self.store.end_watch(payment).await
    }

    async fn undecided(&self, limit: u32) -> Result<(Rows<Payment>, Rows<Refund>), StoreError> {
        self.store.undecided(limit).await
    }
}

#[tokio::test]
async fn a_decline_is_told_as_one_however_often_the_answers_to_its_commit_are_lost() {
    // The fifth try is the last.
    for lost in 0..=4 {
        let test = TestGateway::start().await;
        test.provider.charges.lock().unwrap().push(Outcome::Refused(Refusal {
            kind: RefusalKind::Declined,
            code: Some("card_declined".to_owned()),
            decline_code: None,
            message: "no".to_owned(),
            reference: None,
        }));
        let gateway = Forgetful::gateway(&test, lost);
        let told = usecases::charge(gateway, charge_request(100, ""), None, call()).await;
        assert!(matches!(told, Err(OperationError::Refused { .. })), "{lost} lost: {told:?}");
    }
}

#[tokio::test]
async fn a_call_whose_commit_took_longer_than_its_lease_is_left_to_the_retries() {
    let lease_s = FollowUp::CALL_LEASE.as_secs();
    for (late_s, made_at_once) in [(lease_s, 1), (lease_s + 1, 0)] {
        let test = TestGateway::start().await;
        let made =
            || test.provider.calls.lock().unwrap().iter().filter(|(name, _)| *name == "charge").count();
        let gateway = Forgetful::late_gateway(&test, late_s);
        let told = usecases::charge(gateway, charge_request(100, ""), None, call()).await.unwrap();
        assert_eq!(made(), made_at_once, "after {late_s} s");
        // Another process takes it up, or has by now: it is called once, whichever of both does it.
        test.clock.advance(lease_s);
        while run_next_due(&test.gateway).await.unwrap().is_some() {}
        assert_eq!(made(), 1, "after {late_s} s");
        let payment = test.gateway.store.payment(&client("demo"), told.id).await.unwrap().unwrap();
        assert_eq!(payment.state.status(), Status::Completed, "after {late_s} s");
    }
}

#[async_trait]
impl EventLog for Forgetful {
    async fn log(&self, query: &LogQuery) -> Result<LogPage, StoreError> {
        self.store.log(query).await
    }

    async fn log_end(&self) -> Result<Position, StoreError> {
        self.store.log_end().await
    }

    async fn log_held_since(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.log_held_since().await
    }

    async fn committed(&self) {
        self.store.committed().await;
    }

    async fn log_position(&self, id: EventId) -> Result<Option<Position>, StoreError> {
        self.store.log_position(id).await
    }
}
