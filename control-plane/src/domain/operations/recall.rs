//! A request whose key has been used: the first request's outcome, from what it left behind. If the process
//! that worked on it is gone, its call is repeated under its own provider key; a second one is never begun.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::OperationError;
use super::flight::{Nth, fly, standing as payment_standing};
use super::record::told;
use super::refund::{ask, standing as refund_standing};
use crate::domain::gateway::Gateway;
use crate::domain::idempotency::{Call, Subject};
use crate::domain::payment::{Payment, State};
use crate::domain::refund::{Refund, RefundState};

/// Longer than any operation takes: whoever began it is gone by then.
const LEASE: SignedDuration = SignedDuration::from_secs(40);

/// What a key's request can have made.
#[async_trait]
pub trait Recall: Sized {
    /// The outcome of the first request, or [`OperationError::InProgress`] while somebody works on it.
    async fn recall(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError>;
}

#[async_trait]
impl Recall for Payment {
    async fn recall(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError> {
        let Subject::Payment(id) = subject else { return Err(OperationError::NotFound) };
        let found = gateway.store.payment(&call.cause.client, id).await?;
        let payment = found.ok_or(OperationError::NotFound)?;
        let repeat = match &payment.state {
            State::Unknown { .. } => true,
            State::Processing { flight, accepted: false } if is_over(&gateway, flight.since) => true,
            State::Processing { accepted: false, .. } => return Err(OperationError::InProgress),
            _ => false,
        };
        let provider = gateway.provider(payment.request.provider)?;
        let since = payment.state.flight().map(|flight| flight.since);
        let in_time =
            since.is_some_and(|since| gateway.now().duration_since(since) < provider.repeat_within());
        if !(repeat && in_time) {
            return told(&gateway, payment_standing(payment), &call).await;
        }
        gateway
            .clone()
            .to_the_end(async move { fly(&gateway, &*provider, payment, Nth::Repeated, &call).await })
            .await
    }
}

#[async_trait]
impl Recall for Refund {
    async fn recall(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError> {
        let Subject::Refund(id) = subject else { return Err(OperationError::NotFound) };
        let found = gateway.store.refund(&call.cause.client, id).await?;
        let refund = found.ok_or(OperationError::NotFound)?;
        match refund.state {
            RefundState::Unknown { .. } => {}
            RefundState::Processing { .. } if is_over(&gateway, refund.updated_at) => {}
            RefundState::Processing { .. } => return Err(OperationError::InProgress),
            _ => return told(&gateway, refund_standing(refund), &call).await,
        }
        let found = gateway.store.payment(&call.cause.client, refund.payment).await?;
        let payment = found.ok_or(OperationError::NotFound)?;
        let provider = gateway.provider(payment.request.provider)?;
        let in_time = gateway.now().duration_since(refund.created_at) < provider.repeat_within();
        let Some((charge, _)) = payment.captured().filter(|_| in_time) else { return Ok(refund) };
        let charge = charge.clone();
        gateway
            .clone()
            .to_the_end(async move { ask(&gateway, &*provider, refund, charge, Nth::Repeated, &call).await })
            .await
    }
}

/// Whether the process that began at `since` to work on something works on it no more.
pub(super) fn is_over(gateway: &Gateway, since: Timestamp) -> bool {
    let before_us = gateway.store.is_exclusive() && since < gateway.started_at;
    before_us || gateway.now().duration_since(since) > LEASE
}
