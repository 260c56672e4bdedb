//! What the control plane's own tests share.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use control_plane::http::charge_terms;
use control_plane::jobs::poll::LocalWakeup;
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use edge_core::provider::Provider;
use edge_core::request::ChargeRequest;
use jiff::Timestamp;
use payments::model::event::{Cause, Event};
use payments::model::id::{AttemptId, PaymentId, RefundId};
use payments::model::idempotency::{KeyClaim, StoredAnswer};
use payments::model::payment::{ChargeTerms, Payment};
use payments::model::provider::{Charged, OperationKind, Outcome, ProviderRef, Refusal, RefusalKind};
use payments::model::webhook::{EventState, WebhookEvent};
use payments::model::work::{Claimed, Due, Work};
use payments::ports::clock::{Clock, Entropy};
use payments::ports::provider::PaymentProvider;
use payments::ports::store::{Change, Mutation};
use payments::usecases::OperationError;
use payments::usecases::call::{Call, CallKey, Renders};
use payments::usecases::gateway::Gateway;
use payments::usecases::resolve::work_off;
use payments::usecases::retries::{Retries, RetryPolicy};
use tokio_util::task::TaskTracker;

/// In the line that a program logs when it listens.
pub(crate) const LISTENS: &str = r#""message":"listening""#;

/// The address that a program logs when it listens; `None`: this is another line.
pub(crate) fn listening_address(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line["message"] == "listening").then(|| line["address"].as_str().map(str::to_owned))?
}

pub(crate) use control_plane_tests::TestClock;

pub(crate) use crate::scripted_provider::{ScriptedProvider, dispute};
pub(crate) use crate::store::{ENCRYPTION_KEYS, TestStore, settings};

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
        Self::on(TestStore::sqlite().await, policy)
    }

    pub(crate) fn on(store: TestStore, policy: RetryPolicy) -> Self {
        let (provider, clock) = (Arc::new(ScriptedProvider::default()), TestClock::start());
        let port: Arc<dyn PaymentProvider> = provider.clone();
        let gateway = Arc::new(Gateway {
            store: store.store.clone(),
            providers: Provider::ALL.into_iter().map(|p| (p, port.clone())).collect::<HashMap<_, _>>(),
            started_at: clock.now(),
            clock: clock.clone(),
            entropy: Arc::new(Counter::default()),
            tasks: TaskTracker::new(),
            queue: Arc::new(LocalWakeup::default()),
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
            queue: Arc::new(LocalWakeup::default()),
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
    Cause::request(client("demo"), "req-1".to_owned())
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
    let claim = KeyClaim {
        scope: Scope::new(&client("demo"), "POST", "/", &key),
        fingerprint: Fingerprint::new("POST", "/", "", b"", what.as_bytes()),
    };
    Call { key: Some(CallKey::Own(claim)), ..call() }
}

/// What workers answer keys with.
const RENDERS: Renders = Renders { charge: render, capture: render, cancel: render, refund: render };

fn render<T: Debug>(result: &Result<T, OperationError>, _: &str) -> StoredAnswer {
    StoredAnswer { status: if result.is_ok() { 200 } else { 409 }, body: format!("{result:?}") }
}

pub(crate) fn charge_request(amount: u64, more: &str) -> ChargeTerms {
    let body = format!(
        r#"{{"provider":"stripe","amount":{amount},"currency":"USD","paymentMethodId":"pm_card_visa"{more}}}"#
    );
    charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap())
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

/// An event of Stripe's that has come in, about which nothing is done yet.
pub(crate) fn received(id: &str, kind: &str, received_at: Timestamp) -> WebhookEvent {
    WebhookEvent {
        provider: Provider::Stripe,
        id: id.to_owned(),
        kind: kind.to_owned(),
        body: b"{}".to_vec(),
        body_sha256: None,
        created_at: None,
        received_at,
        state: EventState::Received,
        attempts: 0,
    }
}

/// A payment in flight, as it is opened in the store.
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
    let cause = Cause::request(client(owner), format!("req-{id}"));
    let created = Payment::open(id, client(owner), charge_request(amount, ""), None, at);
    let payment = created.clone().begin_charge(attempt, None, at).unwrap();
    let events = vec![
        Event::payment_moved(None, &created, &cause),
        Event::payment_moved(Some(&created.state), &payment, &cause),
    ];
    (payment.clone(), Change::from(Mutation::OpenPayment { payment, events }))
}

pub(crate) fn completed() -> Outcome<Charged> {
    completed_as("pi_1")
}

/// The provider's name for it is `reference`.
pub(crate) fn completed_as(reference: &str) -> Outcome<Charged> {
    let reference = ProviderRef::new(reference);
    Outcome::Done(Charged::Completed { payment: reference.clone(), charge: reference, paid_with: None })
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
        paid_with: None,
    })
}
