//! The common interface of payments and refunds while a provider works on them, so that sending, retrying, resolving
//! and replaying answers are written only once.

use std::fmt::Display;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::event::Cause;
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::in_flight::{InFlight, InProgress};
use crate::model::provider::{OperationKind, Uncertainty};
use crate::model::transition::InvalidTransition;
use crate::model::work::Work;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Mutation, Store, StoreError};
use crate::usecases::OperationError;
use crate::usecases::call::{Call, Decided, RequestedOperation};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{ProviderSync, SyncError};

/// The phase of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Our own call is in flight, or the process that made it has died.
    Calling(InFlight),
    /// Certainly not executed; sent again later.
    Queued(InFlight),
    /// May or may not have been executed.
    Unknown(InFlight),
    /// The provider accepted the operation and decides later, or nothing is in flight.
    Other,
}

/// A payment or a refund.
#[async_trait]
pub(crate) trait Resolvable: InProgress + Decided + Clone + Send + Sync + 'static {
    /// Further data that a call needs.
    type Context: Send + Sync;
    /// The provider's answer.
    type Answer: Answered<Self> + Send + Sync;

    fn id(&self) -> &(dyn Display + Sync);
    fn client(&self) -> &ClientId;
    /// The payment itself, or the refunded one.
    fn payment(&self) -> PaymentId;
    fn work(&self) -> Work;
    fn phase(&self) -> Phase;
    fn operation(&self) -> OperationKind;
    fn provider(&self, context: &Self::Context) -> Provider;
    fn follow_up(&mut self) -> &mut Option<FollowUp>;

    /// The transition from `self` to `moved`, with its audit record.
    fn mutation(&self, moved: Self, cause: &Cause) -> Mutation;
    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError>;
    /// Reads the context; `None`: it does not exist.
    async fn context(&self, store: &dyn Store) -> Result<Option<Self::Context>, StoreError>;
    /// Continues the operation when no client waits for an answer.
    fn going_on(&self, cause: Cause, gateway: &Gateway) -> Call<Self>;

    /// Makes the recorded call; `None`: there is none. The record contains everything that the call needs, so it can be
    /// repeated after a crash under the same provider key.
    async fn send(&self, provider: &dyn PaymentProvider, context: &Self::Context) -> Option<Self::Answer>;

    /// Reads the provider's records and applies them; returns whether anything was new.
    async fn sync_with(
        self,
        sync: ProviderSync<'_>,
        context: Self::Context,
        cause: &Cause,
    ) -> Result<bool, SyncError>;
}

/// A provider's answer.
pub(crate) trait Answered<T> {
    fn moves(&self, subject: T, at: Timestamp) -> Result<T, InvalidTransition>;
    /// The subject with the money that the answer shows, if it was ended without money before the answer came.
    fn revives(&self, subject: &T, at: Timestamp) -> Option<T>;
    /// The result, from the recorded subject, for a client that `asked` for an operation.
    fn client_outcome(&self, subject: T, asked: RequestedOperation) -> Result<T, OperationError>;
    /// Why the answer is not definite, if it is not.
    fn uncertainty(&self) -> Option<&Uncertainty>;
    /// Whether the operation may or may not have been executed.
    fn is_unknown(&self) -> bool;
}
