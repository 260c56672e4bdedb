//! The dependencies of every operation: the store, the providers, time and randomness.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use edge_core::provider::Provider;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::model::follow_up::FollowUp;
use crate::model::id::{AttemptId, PaymentId, RefundId};
use crate::model::in_flight::InFlight;
use crate::model::payment::Payment;
use crate::model::provider::OperationKind;
use crate::model::work::WorkKind;
use crate::ports::clock::{Clock, Entropy};
use crate::ports::provider::PaymentProvider;
use crate::ports::queue::Queue;
use crate::ports::store::{Change, CommitError, Store, Watch};
use crate::usecases::call::Renders;
use crate::usecases::error::OperationError;
use crate::usecases::retries::Retries;

pub struct Gateway {
    pub store: Arc<dyn Store>,
    /// The providers with configured credentials.
    pub providers: HashMap<Provider, Arc<dyn PaymentProvider>>,
    pub clock: Arc<dyn Clock>,
    /// When this process started.
    pub started_at: Timestamp,
    pub entropy: Arc<dyn Entropy>,
    /// Operations that call a provider. Shutdown waits for them.
    pub tasks: TaskTracker,
    /// Delivers due work to a worker.
    pub queue: Arc<dyn Queue>,
    pub retries: Retries,
    /// Renders the answers to keys whose outcome is decided while no client waits.
    pub renders: Renders,
}

/// An operation that runs to completion even if nobody awaits it.
#[must_use]
pub struct Detached<T>(JoinHandle<Result<T, OperationError>>);

impl<T> Future for Detached<T> {
    type Output = Result<T, OperationError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|ended| ended.unwrap_or(Err(OperationError::Crashed)))
    }
}

impl Gateway {
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    #[must_use]
    pub fn new_payment_id(&self) -> PaymentId {
        PaymentId::new(self.now(), self.entropy.bytes())
    }

    #[must_use]
    pub fn new_refund_id(&self) -> RefundId {
        RefundId::new(self.now(), self.entropy.bytes())
    }

    #[must_use]
    pub fn new_attempt_id(&self) -> AttemptId {
        AttemptId::new(self.now(), self.entropy.bytes())
    }

    /// A random number between 0 and 2³² − 1.
    #[must_use]
    pub fn random(&self) -> u32 {
        let [.., a, b, c, d] = self.entropy.bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Leases the payment or refund to the caller before a call: another worker takes over only once the caller must
    /// have died.
    pub fn hold_for_call(&self, follow_up: &mut Option<FollowUp>) {
        if let Some(follow_up) = follow_up {
            follow_up.at = self.now() + self.retries.policy().call_lease;
        }
    }

    /// Schedules the next try of an operation that is still undecided after a try.
    pub fn reschedule(&self, follow_up: &mut Option<FollowUp>) {
        if let Some(follow_up) = follow_up {
            follow_up.tries += 1;
            follow_up.at = self.now() + self.pause(follow_up.tries);
        }
    }

    /// The pause after this many tries, random on each call; see [`RetryPolicy::pause`].
    ///
    /// [`RetryPolicy::pause`]: super::retries::RetryPolicy::pause
    #[must_use]
    pub fn pause(&self, tries: u32) -> SignedDuration {
        self.retries.policy().pause(tries, self.random())
    }

    /// When a payment that has just begun to wait is first checked.
    fn watch_at(&self, payment: &Payment) -> Timestamp {
        let is_due = payment.state.is_to_be_refunded();
        if is_due { self.now() } else { self.now() + self.retries.policy().watch_pause(0) }
    }

    /// Commits a change and announces the work that it leaves.
    pub async fn commit(&self, mut change: Change) -> Result<(), CommitError> {
        change.watch = change.waiting().map(|payment| Watch {
            payment: payment.id,
            provider: payment.request.provider,
            at: self.watch_at(payment),
        });
        let follow_up = change.follow_up();
        self.store.commit(change).await?;
        if let Some(due) = follow_up {
            self.queue.announce(due);
        }
        Ok(())
    }

    /// This gateway for one kind of background work: its provider calls are counted apart from those of clients.
    #[must_use]
    pub fn in_background(&self, work: WorkKind) -> Self {
        let view = |provider: &Arc<dyn PaymentProvider>| {
            provider.in_background(work).unwrap_or_else(|| provider.clone())
        };
        Self {
            store: self.store.clone(),
            providers: self.providers.iter().map(|(name, provider)| (*name, view(provider))).collect(),
            clock: self.clock.clone(),
            started_at: self.started_at,
            entropy: self.entropy.clone(),
            tasks: self.tasks.clone(),
            queue: self.queue.clone(),
            retries: self.retries.clone(),
            renders: self.renders,
        }
    }

    pub fn provider(&self, provider: Provider) -> Result<Arc<dyn PaymentProvider>, OperationError> {
        self.providers.get(&provider).cloned().ok_or(OperationError::ProviderNotConfigured(provider))
    }

    /// Runs an operation to completion even if the caller goes away: a client that disconnects must not leave a
    /// provider's answer unread.
    pub fn run_detached<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, OperationError>> + Send + 'static,
    ) -> Detached<T> {
        // Boxed: the future is large, and spawning moves it several times.
        let operation: BoxFuture<'static, _> = Box::pin(operation);
        Detached(self.tasks.spawn(operation))
    }

    /// Whether the provider still answers the call's key with its outcome.
    pub(crate) fn may_repeat(
        &self,
        provider: &dyn PaymentProvider,
        in_flight: &InFlight,
        operation: OperationKind,
    ) -> bool {
        in_flight.may_be_repeated(provider.repeat_within(operation), self.now())
    }

    /// Whether the process that started working on something at `since` is certainly no longer working on it.
    pub(crate) fn is_over(&self, since: Timestamp) -> bool {
        let before_us = self.store.is_exclusive() && since < self.started_at;
        let policy = self.retries.policy();
        let ago = self.now().duration_since(since);
        // Further in the future than clock skew between hosts explains: the clock was set back after the call began.
        before_us || ago > policy.call_lease || -ago > policy.furthest(WorkKind::Payment)
    }
}
