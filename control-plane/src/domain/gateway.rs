//! What every operation needs: the store, the providers, time and randomness.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use edge_core::provider::Provider;
use edge_core::request::ChargeRequest;
use jiff::{SignedDuration, Timestamp};
use tokio_util::task::TaskTracker;

use super::clock::{Clock, Entropy};
use super::follow_up::FollowUp;
use super::id::{AttemptId, PaymentId, RefundId};
use super::idempotency::Renders;
use super::operations::OperationError;
use super::payment::Payment;
use super::provider::PaymentProvider;
use super::queue::{Queue, WorkKind};
use super::retries::Retries;
use super::store::{Change, CommitError, Store, Watch};

pub struct Gateway {
    pub store: Arc<dyn Store>,
    /// Those that have credentials.
    pub providers: HashMap<Provider, Arc<dyn PaymentProvider>>,
    pub clock: Arc<dyn Clock>,
    /// When this process began.
    pub started_at: Timestamp,
    pub entropy: Arc<dyn Entropy>,
    /// Operations that talk to a provider. Shutting down waits for them.
    pub tasks: TaskTracker,
    /// Brings due work to whoever works it off.
    pub queue: Arc<dyn Queue>,
    pub retries: Retries,
    /// The answers to keys that are decided while nobody waits.
    pub renders: Renders,
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

    /// How long a charge may be made, as long as it is certain that it is not made yet.
    #[must_use]
    pub fn expiry_of(&self, request: &ChargeRequest) -> SignedDuration {
        request.expires_in.map_or(self.retries.policy().charge_expires, |seconds| {
            SignedDuration::from_secs(seconds.seconds().into())
        })
    }

    /// Something between 0 and 2³² − 1.
    #[must_use]
    pub fn random(&self) -> u32 {
        let [.., a, b, c, d] = self.entropy.bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Leases what a call is about to be made for to the caller: another worker takes it up once the caller must have
    /// died.
    pub fn under_way(&self, follow_up: &mut Option<FollowUp>) {
        if let Some(follow_up) = follow_up {
            follow_up.at = self.now() + self.retries.policy().call_lease;
        }
    }

    /// Of what is still not decided after it was looked at: when it is looked at again.
    pub fn look_again(&self, follow_up: &mut Option<FollowUp>) {
        if let Some(follow_up) = follow_up {
            follow_up.tries += 1;
            follow_up.at = self.now() + self.pause(follow_up.tries);
        }
    }

    /// How long to wait after that many tries. Another one each time: see [`RetryPolicy::pause`].
    ///
    /// [`RetryPolicy::pause`]: super::retries::RetryPolicy::pause
    #[must_use]
    pub fn pause(&self, tries: u32) -> SignedDuration {
        self.retries.policy().pause(tries, self.random())
    }

    /// When a payment that has just begun to wait is looked at first.
    fn watch_at(&self, payment: &Payment) -> Timestamp {
        let is_due = payment.state.is_to_be_refunded();
        if is_due { self.now() } else { self.now() + self.retries.policy().watch_pause(0) }
    }

    /// Writes a change, and says what it leaves to be looked after.
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

    /// This gateway for background work of one kind: it speaks to the providers apart from clients' calls.
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

    /// Runs an operation to its end even if the caller goes away: a client that hangs up must not leave a
    /// provider's answer unread.
    pub async fn to_the_end<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, OperationError>> + Send + 'static,
    ) -> Result<T, OperationError> {
        // In a box of its own: it is large, and a task is moved about while it is made.
        self.tasks.spawn(Box::pin(operation)).await.unwrap_or_else(|_| Err(OperationError::Crashed))
    }
}
