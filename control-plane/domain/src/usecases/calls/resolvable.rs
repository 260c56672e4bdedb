//! What payments and refunds have in common while a provider works on them. Sending, retrying, resolving and recalling
//! are written once, for both.

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
use crate::usecases::call::{Asked, Call, Decided};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{ProviderSync, Trouble};

/// Where an operation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Our own call is being made, or the process that made it has died.
    Calling(InFlight),
    /// Certainly not executed; sent again later.
    Queued(InFlight),
    /// It may or may not have been executed.
    Unknown(InFlight),
    /// The provider took it and decides later, or nothing is in flight.
    Other,
}

/// A payment or a refund.
#[async_trait]
pub(crate) trait Resolvable: InProgress + Decided + Clone + Send + Sync + 'static {
    /// What a call for it needs to know besides itself.
    type Context: Send + Sync;
    /// What the provider answers.
    type Answer: Answered<Self> + Send + Sync;

    fn id(&self) -> &(dyn Display + Sync);
    fn client(&self) -> &ClientId;
    /// The payment itself, or the one that is refunded.
    fn payment(&self) -> PaymentId;
    fn work(&self) -> Work;
    fn phase(&self) -> Phase;
    fn operation(&self) -> OperationKind;
    fn provider(&self, context: &Self::Context) -> Provider;
    fn follow_up(&mut self) -> &mut Option<FollowUp>;

    /// The move from `self` to `moved`, with its audit record.
    fn mutation(&self, moved: Self, cause: &Cause) -> Mutation;
    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError>;
    /// `None`: it refers to something that is not there.
    async fn context(&self, store: &dyn Store) -> Result<Option<Self::Context>, StoreError>;
    /// Goes on with it where nobody waits for an answer.
    fn going_on(&self, cause: Cause, gateway: &Gateway) -> Call<Self>;

    /// Makes the recorded call; `None`: there is none. All that it needs stands in the record, so the same call can be
    /// made again after a crash, under the same provider key.
    async fn send(&self, provider: &dyn PaymentProvider, context: &Self::Context) -> Option<Self::Answer>;

    /// Reads the provider's records and applies what they show; whether anything was new.
    async fn sync_with(
        self,
        sync: ProviderSync<'_>,
        context: Self::Context,
        cause: &Cause,
    ) -> Result<bool, Trouble>;
}

/// What a provider answered.
pub(crate) trait Answered<T> {
    fn moves(&self, subject: T, at: Timestamp) -> Result<T, InvalidTransition>;
    /// What a client that `asked` for something is told about the subject as it is recorded.
    fn client_outcome(&self, subject: T, asked: Asked) -> Result<T, OperationError>;
    /// Why it is no answer, where it is none.
    fn uncertainty(&self) -> Option<&Uncertainty>;
    /// Whether the operation may have been executed, and may not.
    fn is_unknown(&self) -> bool;
}
