//! A provider behind circuit breakers: while it fails, calls end at once as not sent, and are retried later. Only the
//! provider's own faults count; a decline is an answer.
//!
//! Calls that a client waits for have a breaker per operation. Background work has one per kind of work, and is refused
//! while either is open, so its failing retries never block a call that would succeed.

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::Wallet;
use jiff::{SignedDuration, Timestamp};
use payments::model::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, ProviderRef,
    RefundOrder, Refunded, Refusal, ResumeOrder, Unacceptable, Uncertainty,
};
use payments::model::snapshot::{
    DisputeSnapshot, Found, ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use payments::model::webhook::{NotAnEvent, ParsedEvent};
use payments::model::work::{WorkCapacity, WorkKind};
use payments::ports::clock::Clock;
use payments::ports::provider::PaymentProvider;

use super::breaker::{Admission, Breaker, Lets, Turned};

/// The upper limit of the pauses. A trial of background work takes the longest overdue item, which may fail for its own
/// reason, so the next trial comes sooner.
const LONGEST: SignedDuration = SignedDuration::from_secs(16);
const LONGEST_IN_BACKGROUND: SignedDuration = SignedDuration::from_secs(4);

/// A provider that can be probed.
#[async_trait]
pub(super) trait Reachable: PaymentProvider {
    /// Whether the provider answers a cheap read without effect.
    async fn answers(&self) -> bool;
}

/// One caller's view of a provider's circuits.
pub(super) struct CircuitBroken<P> {
    circuits: Arc<Circuits<P>>,
    /// `None` if clients wait for the calls.
    work: Option<WorkKind>,
}

struct Circuits<P> {
    provider: P,
    clock: Arc<dyn Clock>,
    charge: Circuit,
    resume: Circuit,
    capture: Circuit,
    cancel: Circuit,
    refund: Circuit,
    look_up: Circuit,
    payment_work: Circuit,
    refund_work: Circuit,
    watch_work: Circuit,
    event_work: Circuit,
}

struct Circuit {
    breaker: Breaker,
    /// The name in metrics.
    name: &'static str,
}

/// An answer that an open circuit gives in the provider's place, and that shows the provider's health.
trait ProviderResponse: Sized {
    fn not_asked(uncertainty: Uncertainty) -> Self;
    fn uncertainty(&self) -> Option<&Uncertainty>;
}

impl<T> ProviderResponse for Outcome<T> {
    fn not_asked(uncertainty: Uncertainty) -> Self {
        Self::NotSent(uncertainty)
    }

    fn uncertainty(&self) -> Option<&Uncertainty> {
        self.uncertainty()
    }
}

impl<T> ProviderResponse for Found<T> {
    fn not_asked(uncertainty: Uncertainty) -> Self {
        Self::Unavailable(uncertainty)
    }

    fn uncertainty(&self) -> Option<&Uncertainty> {
        match self {
            Self::Unavailable(uncertainty) => Some(uncertainty),
            Self::Found(_) | Self::Missing | Self::CannotAsk => None,
        }
    }
}

/// The provider's health as a call shows it.
#[derive(Clone, Copy)]
enum Health {
    Works,
    Fails,
    /// A saved failure shows only the health at the time of the first call.
    Nothing,
}

impl Health {
    const fn by(uncertainty: Option<&Uncertainty>) -> Self {
        match uncertainty {
            Some(Uncertainty { is_key_dead: true, .. }) => Self::Nothing,
            Some(Uncertainty { is_conflict: false, .. }) => Self::Fails,
            Some(_) | None => Self::Works,
        }
    }
}

impl<P: Reachable + 'static> CircuitBroken<P> {
    pub(super) fn new(provider: P, clock: Arc<dyn Clock>) -> Self {
        let live = |name| Circuit { breaker: Breaker::new(LONGEST), name };
        let work = |name| Circuit { breaker: Breaker::new(LONGEST_IN_BACKGROUND), name };
        let circuits = Circuits {
            provider,
            clock,
            charge: live("charge"),
            resume: live("resume"),
            capture: live("capture"),
            cancel: live("cancel"),
            refund: live("refund"),
            look_up: live("look_up"),
            payment_work: work("payment_work"),
            refund_work: work("refund_work"),
            watch_work: work("watch_work"),
            event_work: work("event_work"),
        };
        circuits.show();
        Self { circuits: Arc::new(circuits), work: None }
    }

    async fn through<A: ProviderResponse>(
        &self,
        circuit: &Circuit,
        call: impl Future<Output = A> + Send,
    ) -> A {
        let circuits = &*self.circuits;
        let own = self.work.map(|kind| circuits.of_work(kind));
        let admitted = match own {
            None => circuits.admit(circuit, Breaker::admit).await,
            Some(own) => circuits.admit_work(own, circuit).await,
        };
        if let Err(pause) = admitted {
            return A::not_asked(circuits.left_alone(circuit, pause));
        }
        let answer = call.await;
        let health = Health::by(answer.uncertainty());
        circuits.ended(own.unwrap_or(circuit), health);
        match (own, health) {
            (Some(_), Health::Works) => circuits.tell(circuit, circuit.breaker.succeeded_elsewhere()),
            (None, Health::Fails) => circuits.stop_work(circuit),
            _ => {}
        }
        answer
    }
}

impl<P: Reachable> Circuits<P> {
    const fn of_work(&self, kind: WorkKind) -> &Circuit {
        match kind {
            WorkKind::Payment => &self.payment_work,
            WorkKind::Refund => &self.refund_work,
            WorkKind::Watch => &self.watch_work,
            WorkKind::Event => &self.event_work,
        }
    }

    /// Admits the call if `wants` does; otherwise returns how long to wait.
    async fn admit(
        &self,
        circuit: &Circuit,
        wants: fn(&Breaker, Timestamp) -> Admission,
    ) -> Result<(), SignedDuration> {
        match wants(&circuit.breaker, self.clock.now()) {
            Admission::Call => return Ok(()),
            Admission::Refused(pause) => return Err(pause),
            Admission::AskFirst => {}
        }
        let answers = self.provider.answers().await;
        circuit.breaker.answered(answers, self.clock.now());
        match wants(&circuit.breaker, self.clock.now()) {
            Admission::Call => Ok(()),
            Admission::Refused(pause) => Err(pause),
            Admission::AskFirst => Err(SignedDuration::ZERO),
        }
    }

    /// Admits work if its own circuit and the operation's do. If only the latter refuses, this kind of work counts as
    /// failed, because it is of no use now.
    async fn admit_work(&self, own: &Circuit, circuit: &Circuit) -> Result<(), SignedDuration> {
        self.admit(own, Breaker::admit).await?;
        let admitted = self.admit(circuit, Breaker::admit_uncounted).await;
        if admitted.is_err() {
            self.ended(own, Health::Fails);
        }
        admitted
    }

    fn ended(&self, circuit: &Circuit, health: Health) {
        let turned = match health {
            Health::Works => circuit.breaker.ended(false, self.clock.now()),
            Health::Fails => circuit.breaker.ended(true, self.clock.now()),
            Health::Nothing => {
                circuit.breaker.ended_without_telling();
                None
            }
        };
        self.tell(circuit, turned);
    }

    /// Opens the circuit of the work that makes the same calls as clients whose calls have just failed, so that it need
    /// not fail first.
    fn stop_work(&self, circuit: &Circuit) {
        let same = if circuit.name == self.refund.name { &self.refund_work } else { &self.payment_work };
        if circuit.name != self.look_up.name && circuit.breaker.lets() == Lets::None {
            self.tell(same, same.breaker.open(self.clock.now()));
        }
    }

    fn left_alone(&self, circuit: &Circuit, pause: SignedDuration) -> Uncertainty {
        let name = self.provider.name();
        let reason = format!("{name} fails at the moment and is not asked ({})", circuit.name);
        let retry_after_s = u32::try_from(pause.as_secs()).ok();
        Uncertainty { retry_after_s, ..Uncertainty::new(reason) }
    }

    fn tell(&self, circuit: &Circuit, turned: Option<Turned>) {
        let (provider, operation) = (self.provider.name(), circuit.name);
        let open = match turned {
            None => return,
            Some(Turned::Open) => {
                tracing::error!(provider = %provider, operation, "the provider is failing; pausing its calls");
                1.0
            }
            Some(Turned::Closed) => {
                tracing::info!(provider = %provider, operation, "the provider answers again");
                0.0
            }
        };
        show(provider, operation, open);
    }

    /// Sets every gauge before anything has failed: an alert on a missing series would stay silent.
    fn show(&self) {
        for circuit in [
            &self.charge,
            &self.resume,
            &self.capture,
            &self.cancel,
            &self.refund,
            &self.look_up,
            &self.payment_work,
            &self.refund_work,
            &self.watch_work,
            &self.event_work,
        ] {
            show(self.provider.name(), circuit.name, 0.0);
        }
    }
}

/// Sets the gauge, which is 1 while the operation's circuit is open.
fn show(provider: Provider, operation: &'static str, open: f64) {
    metrics::gauge!("provider_circuit_open", "provider" => provider.name(), "operation" => operation)
        .set(open);
}

#[async_trait]
impl<P: Reachable + 'static> PaymentProvider for CircuitBroken<P> {
    fn name(&self) -> Provider {
        self.circuits.provider.name()
    }

    fn accepts(&self, money: Money) -> Result<(), Unacceptable> {
        self.circuits.provider.accepts(money)
    }

    fn session_in(&self, method: &str) -> Option<ProviderRef> {
        self.circuits.provider.session_in(method)
    }

    fn repeat_within(&self, operation: OperationKind) -> SignedDuration {
        self.circuits.provider.repeat_within(operation)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        self.through(&self.circuits.charge, self.circuits.provider.charge(order)).await
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        self.through(&self.circuits.resume, self.circuits.provider.resume(order)).await
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        self.through(&self.circuits.capture, self.circuits.provider.capture(order)).await
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        self.through(&self.circuits.cancel, self.circuits.provider.cancel(order)).await
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        self.through(&self.circuits.refund, self.circuits.provider.refund(order)).await
    }

    async fn judge(
        &self,
        session: &ProviderRef,
        wallet: Wallet,
        client: &ClientId,
    ) -> Found<Result<(), Refusal>> {
        self.through(&self.circuits.look_up, self.circuits.provider.judge(session, wallet, client)).await
    }

    async fn look_up(&self, what: &LookUp) -> Found<ProviderSnapshot> {
        self.through(&self.circuits.look_up, self.circuits.provider.look_up(what)).await
    }

    async fn list(&self, from: Timestamp, to: Timestamp, at: Option<&ListCursor>) -> Found<ListPart> {
        self.through(&self.circuits.look_up, self.circuits.provider.list(from, to, at)).await
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>> {
        self.through(&self.circuits.look_up, self.circuits.provider.look_up_refunds(which)).await
    }

    async fn look_up_dispute(&self, dispute: &ProviderRef) -> Found<DisputeSnapshot> {
        self.through(&self.circuits.look_up, self.circuits.provider.look_up_dispute(dispute)).await
    }

    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
        self.circuits.provider.read_event(body)
    }

    fn in_background(&self, work: WorkKind) -> Option<Arc<dyn PaymentProvider>> {
        Some(Arc::new(Self { circuits: self.circuits.clone(), work: Some(work) }))
    }

    async fn room(&self) -> WorkCapacity {
        let Some(kind) = self.work else { return WorkCapacity::Any };
        let own = self.circuits.of_work(kind);
        if self.circuits.admit(own, Breaker::admit_uncounted).await.is_err() {
            return WorkCapacity::None;
        }
        match own.breaker.lets() {
            Lets::All => WorkCapacity::Any,
            Lets::One => WorkCapacity::One,
            Lets::None => WorkCapacity::None,
        }
    }
}
