//! A provider behind circuit breakers, one for each operation: while it fails, calls end at once as not sent, and are
//! made later. Only the provider's own faults count; a decline is an answer.

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use super::breaker::{Breaker, Turned};
use crate::domain::clock::Clock;
use crate::domain::evidence::{Evidence, Found, Listed, LookUp, RefundEvidence, RefundLookUp};
use crate::domain::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, Doubt, OperationKind, Outcome,
    PaymentProvider, ProviderRef, RefundOrder, Refunded, ResumeOrder, Unacceptable,
};
use crate::domain::webhook::{NotAnEvent, Notice};

pub(super) struct Guarded<P> {
    provider: P,
    clock: Arc<dyn Clock>,
    charge: Breaker,
    resume: Breaker,
    capture: Breaker,
    cancel: Breaker,
    refund: Breaker,
    look_up: Breaker,
}

/// What an open circuit answers instead of the provider, and what its answers say of the provider.
trait Answer: Sized {
    fn not_asked(doubt: Doubt) -> Self;
    fn doubt(&self) -> Option<&Doubt>;
}

impl<T> Answer for Outcome<T> {
    fn not_asked(doubt: Doubt) -> Self {
        Self::NotSent(doubt)
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.doubt()
    }
}

impl<T> Answer for Found<T> {
    fn not_asked(doubt: Doubt) -> Self {
        Self::Unavailable(doubt)
    }

    fn doubt(&self) -> Option<&Doubt> {
        match self {
            Self::Unavailable(doubt) => Some(doubt),
            Self::Found(_) | Self::Missing | Self::CannotAsk => None,
        }
    }
}

impl<P: PaymentProvider> Guarded<P> {
    pub(super) const fn new(provider: P, clock: Arc<dyn Clock>) -> Self {
        Self {
            provider,
            clock,
            charge: Breaker::new(),
            resume: Breaker::new(),
            capture: Breaker::new(),
            cancel: Breaker::new(),
            refund: Breaker::new(),
            look_up: Breaker::new(),
        }
    }

    async fn through<A: Answer>(
        &self,
        breaker: &Breaker,
        operation: &'static str,
        call: impl Future<Output = A> + Send,
    ) -> A {
        if let Err(pause) = breaker.admit(self.clock.now()) {
            return A::not_asked(self.left_alone(operation, pause));
        }
        let answer = call.await;
        let failed = answer.doubt().is_some_and(|doubt| !doubt.is_conflict);
        match breaker.ended(failed, self.clock.now()) {
            Some(Turned::Open) => {
                let provider = self.provider.name();
                tracing::error!(provider = %provider, operation, "{provider} fails; it is left alone for a while");
                self.show(operation, 1.0);
            }
            Some(Turned::Closed) => {
                let provider = self.provider.name();
                tracing::info!(provider = %provider, operation, "{provider} answers again");
                self.show(operation, 0.0);
            }
            None => {}
        }
        answer
    }

    fn left_alone(&self, operation: &str, pause: SignedDuration) -> Doubt {
        let reason = format!("{} fails at the moment and is not asked ({operation})", self.provider.name());
        let retry_after_s = u32::try_from(pause.as_secs()).ok();
        Doubt { retry_after_s, ..Doubt::new(reason) }
    }

    fn show(&self, operation: &'static str, open: f64) {
        let provider = self.provider.name().name();
        metrics::gauge!("provider_circuit_open", "provider" => provider, "operation" => operation).set(open);
    }
}

#[async_trait]
impl<P: PaymentProvider> PaymentProvider for Guarded<P> {
    fn name(&self) -> Provider {
        self.provider.name()
    }

    fn accepts(&self, money: Money) -> Result<(), Unacceptable> {
        self.provider.accepts(money)
    }

    fn session_in(&self, method: &str) -> Option<ProviderRef> {
        self.provider.session_in(method)
    }

    fn repeat_within(&self, operation: OperationKind) -> SignedDuration {
        self.provider.repeat_within(operation)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        self.through(&self.charge, "charge", self.provider.charge(order)).await
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        self.through(&self.resume, "resume", self.provider.resume(order)).await
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        self.through(&self.capture, "capture", self.provider.capture(order)).await
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        self.through(&self.cancel, "cancel", self.provider.cancel(order)).await
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        self.through(&self.refund, "refund", self.provider.refund(order)).await
    }

    async fn look_up(&self, what: &LookUp) -> Found<Evidence> {
        self.through(&self.look_up, "look_up", self.provider.look_up(what)).await
    }

    async fn list(&self, from: Timestamp, to: Timestamp) -> Found<Vec<Listed>> {
        self.through(&self.look_up, "look_up", self.provider.list(from, to)).await
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundEvidence>> {
        self.through(&self.look_up, "look_up", self.provider.look_up_refunds(which)).await
    }

    fn read_event(&self, body: &[u8]) -> Result<Notice, NotAnEvent> {
        self.provider.read_event(body)
    }
}
