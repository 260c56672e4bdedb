//! What the control plane's own tests share.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use control_plane::domain::clock::{Clock, Entropy};
use control_plane::domain::event::{Cause, Event};
use control_plane::domain::evidence::{
    DisputeEvidence, Evidence, Found, ListCursor, ListPart, Listed, LookUp, RefundEvidence, RefundLookUp,
};
use control_plane::domain::gateway::Gateway;
use control_plane::domain::id::{AttemptId, PaymentId, RefundId};
use control_plane::domain::idempotency::{Answer, Call, CallKey, Claim, Renders};
use control_plane::domain::operations::OperationError;
use control_plane::domain::operations::settle::work_off;
use control_plane::domain::payment::Payment;
use control_plane::domain::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, PaymentProvider,
    ProviderRef, RefundOrder, Refunded, Refusal, RefusalKind, ResumeOrder, Unacceptable,
};
use control_plane::domain::queue::{Claimed, Due, Room, Work};
use control_plane::domain::retries::{Retries, RetryPolicy};
use control_plane::domain::store::{Change, Step};
use control_plane::domain::webhook::{
    About, Dispute, DisputeOutcome, DisputeStage, NotAnEvent, Notice, Trail, Verdict, WebhookEvent,
};
use control_plane::worker::due::Bell;
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use edge_core::money::{Amount, Money};
use edge_core::provider::Provider;
use edge_core::request::ChargeRequest;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

pub(crate) use crate::store::TestStore;

/// Stands still until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_767_225_600)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Counts up, so that ids are distinct, ordered and the same in every run.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bytes(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes
    }
}

/// Answers as the test says, one answer a call; runs out into success.
#[derive(Default)]
pub(crate) struct ScriptedProvider {
    pub(crate) charges: Mutex<Vec<Outcome<Charged>>>,
    pub(crate) captures: Mutex<Vec<Outcome<Captured>>>,
    pub(crate) cancels: Mutex<Vec<Outcome<()>>>,
    pub(crate) refunds: Mutex<Vec<Outcome<Refunded>>>,
    /// What is read when somebody looks, once each; the last one stays.
    pub(crate) seen: Mutex<Vec<Found<Evidence>>>,
    pub(crate) listed: Mutex<Vec<Listed>>,
    /// It offers no list.
    pub(crate) lists_nothing: AtomicBool,
    pub(crate) seen_refunds: Mutex<Vec<RefundEvidence>>,
    /// What is read of a dispute that an event claims; without it, disputes cannot be read.
    pub(crate) seen_dispute: Mutex<Option<Found<DisputeEvidence>>>,
    /// Charges are answered only when it lets them.
    pub(crate) gate: Mutex<Option<Arc<Notify>>>,
    /// It is left alone: no background work is begun.
    pub(crate) is_away: AtomicBool,
    /// Attempts in the order they came, by operation.
    pub(crate) calls: Mutex<Vec<(&'static str, AttemptId)>>,
}

impl ScriptedProvider {
    fn next<T>(script: &Mutex<Vec<Outcome<T>>>, success: T) -> Outcome<T> {
        script.lock().unwrap().pop().unwrap_or(Outcome::Done(success))
    }

    fn note(&self, operation: &'static str, attempt: AttemptId) {
        self.calls.lock().unwrap().push((operation, attempt));
    }
}

#[async_trait]
impl PaymentProvider for ScriptedProvider {
    fn name(&self) -> Provider {
        Provider::Stripe
    }

    fn accepts(&self, _: Money) -> Result<(), Unacceptable> {
        Ok(())
    }

    fn session_in(&self, method: &str) -> Option<ProviderRef> {
        method.starts_with("ORDER").then(|| ProviderRef::new(method))
    }

    fn repeat_within(&self, _: OperationKind) -> SignedDuration {
        SignedDuration::from_hours(1)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        self.note("charge", order.attempt);
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        let session = order.method.as_deref().and_then(|method| self.session_in(method));
        let payment = session.unwrap_or_else(|| ProviderRef::new(format!("pi_{}", order.payment)));
        Self::next(&self.charges, Charged::Completed { charge: payment.clone(), payment })
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        self.note("resume", order.attempt);
        let payment = order.session.clone();
        Self::next(&self.charges, Charged::Completed { charge: ProviderRef::new("CAPTURE"), payment })
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        self.note("capture", order.attempt);
        Self::next(&self.captures, Captured::Completed { charge: order.authorization.clone() })
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        self.note("cancel", order.attempt);
        Self::next(&self.cancels, ())
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        self.note("refund", order.attempt);
        let refund = ProviderRef::new(format!("re_{}", order.refund));
        Self::next(&self.refunds, Refunded::Processed { refund })
    }

    async fn look_up(&self, _: &LookUp) -> Found<Evidence> {
        let mut seen = self.seen.lock().unwrap();
        if seen.len() > 1 { seen.remove(0) } else { seen.first().cloned().unwrap_or(Found::Missing) }
    }

    /// Two at a time.
    async fn list(&self, _: Timestamp, _: Timestamp, at: Option<&ListCursor>) -> Found<ListPart> {
        if self.lists_nothing.load(Ordering::SeqCst) {
            return Found::CannotAsk;
        }
        let from = at.map_or(0, |at| at.as_str().parse().unwrap());
        let listed = self.listed.lock().unwrap();
        let items: Vec<_> = listed.iter().skip(from).take(2).cloned().collect();
        let next = (from + 2 < listed.len()).then(|| ListCursor::new((from + 2).to_string()));
        Found::Found(ListPart { items, unreadable: 0, next })
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundEvidence>> {
        let mut seen = self.seen_refunds.lock().unwrap().clone();
        if let RefundLookUp::One(one) = which {
            seen.retain(|seen| seen.reference == *one);
            if seen.is_empty() {
                return Found::Missing;
            }
        }
        Found::Found(seen)
    }

    async fn look_up_dispute(&self, _: &ProviderRef) -> Found<DisputeEvidence> {
        self.seen_dispute.lock().unwrap().clone().unwrap_or(Found::CannotAsk)
    }

    async fn room(&self) -> Room {
        if self.is_away.load(Ordering::SeqCst) { Room::None } else { Room::Any }
    }

    fn read_event(&self, body: &[u8]) -> Result<Notice, NotAnEvent> {
        let event: serde_json::Value = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        let payment = text("payment").and_then(|id| id.parse().ok());
        let trail = Trail { payment, refund: text("refund").map(ProviderRef::new), ..Trail::default() };
        let created_at = event["second"].as_i64().map(at);
        let about = match text("about").as_deref() {
            Some("payment") => About::Payment(trail),
            Some("refund") => About::Refund(trail),
            Some("dispute") => About::Dispute(trail, dispute(&event)),
            Some("claimed_dispute") => {
                let charge = text("charge").map(ProviderRef::new);
                About::Dispute(Trail { charge, ..trail }, Dispute { is_verified: false, ..dispute(&event) })
            }
            _ => About::Other,
        };
        let kind = text("about").unwrap_or_default();
        Ok(Notice { id: text("id").ok_or(NotAnEvent)?, kind, created_at, about })
    }
}

pub(crate) fn dispute(event: &serde_json::Value) -> Dispute {
    let as_of = at(event["second"].as_i64().unwrap());
    let verdict = Verdict::ALL.into_iter().find(|verdict| event["status"] == verdict.name());
    Dispute {
        id: ProviderRef::new("du_1"),
        is_verified: true,
        reason: Some("fraudulent".to_owned()),
        status: event["status"].as_str().map(str::to_owned),
        amount: Amount::new(100),
        currency: None,
        stage: verdict.map_or(DisputeStage::Open, |_| DisputeStage::Closed),
        outcome: verdict.map(|verdict| DisputeOutcome::new(verdict, verdict.name().to_uppercase())),
        opened_at: Some(at(0)),
        closed_at: verdict.map(|_| as_of),
        as_of,
        changed_at: None,
    }
}

/// A gateway on a store of its own, with one scripted provider for both names.
pub(crate) struct TestGateway {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: TestStore,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::with(without_inline_repeats()).await
    }

    pub(crate) async fn with(policy: RetryPolicy) -> Self {
        let store = TestStore::sqlite().await;
        let (provider, clock) = (Arc::new(ScriptedProvider::default()), TestClock::start());
        let port: Arc<dyn PaymentProvider> = provider.clone();
        let gateway = Arc::new(Gateway {
            store: store.store.clone(),
            providers: Provider::ALL.into_iter().map(|p| (p, port.clone())).collect::<HashMap<_, _>>(),
            started_at: clock.now(),
            clock: clock.clone(),
            entropy: Arc::new(Counter::default()),
            tasks: TaskTracker::new(),
            queue: Arc::new(Bell::default()),
            retries: Retries::new(policy),
            renders: RENDERS,
        });
        Self { gateway, provider, clock, store }
    }

    /// Another process on the same database, started now.
    pub(crate) async fn restarted(&self) -> Arc<Gateway> {
        Arc::new(Gateway {
            store: self.store.reopen().await,
            providers: self.gateway.providers.clone(),
            started_at: self.clock.now(),
            clock: self.clock.clone(),
            entropy: self.gateway.entropy.clone(),
            tasks: TaskTracker::new(),
            queue: Arc::new(Bell::default()),
            retries: Retries::new(without_inline_repeats()),
            renders: RENDERS,
        })
    }
}

/// Every call that a request makes is in the script of the test.
pub(crate) fn without_inline_repeats() -> RetryPolicy {
    RetryPolicy { inline_within: None, ..RetryPolicy::default() }
}

/// Works off the event that has been due longest; `None` if none is due.
pub(crate) async fn next_event(gateway: &Gateway) -> Option<WebhookEvent> {
    for Due { work, .. } in gateway.store.overdue(gateway.now(), 100).await.unwrap() {
        if let Work::Event { provider, id } = &work
            && work_off(gateway, &work).await.unwrap() == Claimed::Taken
        {
            return gateway.store.webhook(*provider, id).await.unwrap();
        }
    }
    None
}

pub(crate) fn client(name: &str) -> ClientId {
    ClientId::parse(name).unwrap()
}

pub(crate) fn cause() -> Cause {
    Cause { client: client("demo"), request_id: "req-1".to_owned() }
}

/// A cancellation without an idempotency key.
pub(crate) fn cancel_call() -> Call<Payment> {
    Call { asked: OperationKind::Cancel.into(), ..call() }
}

/// A request without an idempotency key.
pub(crate) fn call<T: Debug>() -> Call<T> {
    Call { cause: cause(), key: None, render, asked: OperationKind::Charge.into() }
}

/// A request under the key `n`, asking for `what`.
pub(crate) fn keyed<T: Debug>(n: u8, what: &str) -> Call<T> {
    let key = Key::parse([n.to_string().as_bytes()]).unwrap();
    let claim = Claim {
        scope: Scope::new(&client("demo"), "POST", "/", &key),
        fingerprint: Fingerprint::new("POST", "/", "", b"", what.as_bytes()),
    };
    Call { key: Some(CallKey::Own(claim)), ..call() }
}

/// What workers answer keys with.
const RENDERS: Renders = Renders { charge: render, capture: render, cancel: render, refund: render };

fn render<T: Debug>(result: &Result<T, OperationError>, _: &str) -> Answer {
    Answer { status: if result.is_ok() { 200 } else { 409 }, body: format!("{result:?}") }
}

pub(crate) fn charge_request(amount: u64, more: &str) -> ChargeRequest {
    let body = format!(
        r#"{{"provider":"stripe","amount":{amount},"currency":"USD","paymentMethodId":"pm_card_visa"{more}}}"#
    );
    ChargeRequest::parse(body.as_bytes()).unwrap()
}

pub(crate) fn payment_id(n: u8) -> PaymentId {
    PaymentId::new(Timestamp::from_second(1_767_225_600 + i64::from(n)).unwrap(), [n; 10])
}

pub(crate) fn refund_id(n: u8) -> RefundId {
    RefundId::new(Timestamp::from_second(1_767_225_600).unwrap(), [n; 10])
}

pub(crate) fn attempt(n: u8) -> AttemptId {
    AttemptId::new(Timestamp::from_second(1_767_225_600).unwrap(), [n; 10])
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

/// A payment under way, as it is opened in the store.
pub(crate) fn opening(n: u8, owner: &str, amount: u64) -> (Payment, Change) {
    open_with_id(payment_id(n), attempt(n), at(n.into()), owner, amount)
}

/// The same for more payments than a small number names.
pub(crate) fn opening_nth(n: u64, owner: &str, amount: u64) -> (Payment, Change) {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&n.to_be_bytes());
    open_with_id(PaymentId::new(at(0), bytes), AttemptId::new(at(0), bytes), at(0), owner, amount)
}

fn open_with_id(
    id: PaymentId,
    attempt: AttemptId,
    at: Timestamp,
    owner: &str,
    amount: u64,
) -> (Payment, Change) {
    let cause = Cause { client: client(owner), request_id: format!("req-{id}") };
    let created = Payment::open(id, client(owner), charge_request(amount, ""), None, at);
    let payment = created.clone().begin_charge(attempt, None, at).unwrap();
    let events = vec![
        Event::payment_moved(None, &created, &cause),
        Event::payment_moved(Some(&created.state), &payment, &cause),
    ];
    (payment.clone(), Change::from(Step::OpenPayment { payment, events }))
}

pub(crate) fn completed() -> Outcome<Charged> {
    completed_as("pi_1")
}

/// The provider's name for it is `reference`.
pub(crate) fn completed_as(reference: &str) -> Outcome<Charged> {
    let reference = ProviderRef::new(reference);
    Outcome::Done(Charged::Completed { payment: reference.clone(), charge: reference })
}

/// A definite no.
pub(crate) fn declined<T>() -> Outcome<T> {
    Outcome::Refused(Refusal {
        kind: RefusalKind::Declined,
        code: Some("card_declined".to_owned()),
        decline_code: None,
        message: "no".to_owned(),
        reference: None,
    })
}

pub(crate) fn authorized() -> Outcome<Charged> {
    Outcome::Done(Charged::Authorized {
        payment: ProviderRef::new("pi_1"),
        authorization: ProviderRef::new("pi_1"),
    })
}
