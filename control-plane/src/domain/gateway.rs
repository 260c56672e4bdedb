//! What every operation needs: the store, the providers, time and randomness.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use edge_core::provider::Provider;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::clock::{Clock, Entropy};
use super::id::{AttemptId, PaymentId, RefundId};
use super::operations::OperationError;
use super::provider::PaymentProvider;
use super::store::Store;

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
    /// Wakes whoever works off providers' events.
    pub event_arrived: Notify,
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
