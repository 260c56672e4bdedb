//! The one call for refunds.

use std::fmt::Display;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::provider::Provider;
use jiff::Timestamp;

use crate::model::event::{Cause, Event};
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::idempotency::Subject;
use crate::model::payment::{Failure, Payment};
use crate::model::provider::{OperationKind, Outcome, RefundOrder, Refunded, Uncertainty};
use crate::model::refund::{Refund, RefundState, RefundStatus};
use crate::model::transition::InvalidTransition;
use crate::model::work::Work;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Mutation, Store, StoreError};
use crate::usecases::OperationError;
use crate::usecases::call::{Call, Decided, RequestedOperation};
use crate::usecases::calls::resolvable::{Answered, Phase, Resolvable};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, ProviderSync, SyncError};

pub(crate) struct RefundAnswer(Outcome<Refunded>);

impl Answered<Refund> for RefundAnswer {
    fn moves(&self, refund: Refund, at: Timestamp) -> Result<Refund, InvalidTransition> {
        refund.answered(self.0.clone(), at)
    }

    /// A refund that has failed shows again in the reads of its payment.
    fn revives(&self, _: &Refund, _: Timestamp) -> Option<Refund> {
        None
    }

    fn client_outcome(&self, refund: Refund, asked: RequestedOperation) -> Result<Refund, OperationError> {
        refund.outcome_of(asked)
    }

    fn uncertainty(&self) -> Option<&Uncertainty> {
        self.0.uncertainty()
    }

    fn is_unknown(&self) -> bool {
        matches!(self.0, Outcome::Unknown(_))
    }
}

impl Decided for Refund {
    fn subject(&self) -> Subject {
        Subject::Refund(self.id)
    }

    fn is_decided(&self) -> bool {
        // A refund that the provider accepted but has not finished is final for the request: clients see it as
        // `pending`.
        self.state.status() != RefundStatus::Pending || self.state.reference().is_some()
    }

    fn outcome_of(self, _: RequestedOperation) -> Result<Self, OperationError> {
        match self.state {
            RefundState::Failed { failure: Failure::Refused(refusal) } => {
                Err(OperationError::Refused { payment: self.payment, refusal: Box::new(refusal) })
            }
            RefundState::Failed { failure: Failure::NotSent(uncertainty) } => {
                Err(OperationError::NotSent { payment: self.payment, uncertainty })
            }
            _ => Ok(self),
        }
    }
}

#[async_trait]
impl Resolvable for Refund {
    /// The refunded payment.
    type Context = Payment;
    type Answer = RefundAnswer;

    fn id(&self) -> &(dyn Display + Sync) {
        &self.id
    }

    fn client(&self) -> &ClientId {
        &self.client
    }

    fn payment(&self) -> PaymentId {
        self.payment
    }

    fn work(&self) -> Work {
        Work::Refund(self.id)
    }

    fn phase(&self) -> Phase {
        match &self.state {
            RefundState::Processing { call } => Phase::Calling(call.clone()),
            RefundState::Queued { call, .. } => Phase::Queued(call.clone()),
            RefundState::Unknown { call, .. } => Phase::Unknown(call.clone()),
            RefundState::Pending { .. } | RefundState::Processed { .. } | RefundState::Failed { .. } => {
                Phase::Other
            }
        }
    }

    fn operation(&self) -> OperationKind {
        OperationKind::Refund
    }

    fn provider(&self, payment: &Payment) -> Provider {
        payment.request.provider
    }

    fn follow_up(&mut self) -> &mut Option<FollowUp> {
        &mut self.follow_up
    }

    fn mutation(&self, moved: Self, cause: &Cause) -> Mutation {
        let event = Event::refund_moved(Some(&self.state), &moved, cause);
        Mutation::MoveRefund { refund: moved, event }
    }

    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.refund(&self.client, self.id).await
    }

    async fn context(&self, store: &dyn Store) -> Result<Option<Payment>, StoreError> {
        store.payment_by_id(self.payment).await
    }

    /// A worker need not answer a refund's key: a repeated request is answered from the recorded refund.
    fn going_on(&self, cause: Cause, _: &Gateway) -> Call<Self> {
        Call::silent(cause, OperationKind::Refund)
    }

    async fn send(&self, provider: &dyn PaymentProvider, payment: &Payment) -> Option<RefundAnswer> {
        let (call, (charge, _)) = (self.state.call()?, payment.captured()?);
        let order = RefundOrder {
            payment: self.payment,
            refund: self.id,
            attempt: call.attempt,
            charge: charge.clone(),
            money: self.money(),
        };
        Some(RefundAnswer(provider.refund(&order).await))
    }

    async fn sync_with(
        self,
        sync: ProviderSync<'_>,
        payment: Payment,
        cause: &Cause,
    ) -> Result<bool, SyncError> {
        look_at_all_of(sync, payment, cause).await
    }
}

/// Reads all refunds of the payment at the provider and applies changes; returns whether there were any.
pub(crate) async fn look_at_all_of(
    sync: ProviderSync<'_>,
    payment: Payment,
    cause: &Cause,
) -> Result<bool, SyncError> {
    let plan = sync.refunds(Plan::new(payment, cause.clone()), None).await?;
    plan.commit_what_is_believed(sync.gateway).await
}
