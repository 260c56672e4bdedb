//! A request whose key has been used: the first request's outcome, from what it left behind. If the process
//! that worked on it is gone, its call is repeated under its own provider key; a second one is never begun.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::flight::{fly, standing as payment_standing};
use super::record::told;
use super::refund::{ask, standing as refund_standing};
use super::repeat::Patience;
use super::{OperationError, commit};
use crate::domain::event::{Cause, Event};
use crate::domain::gateway::Gateway;
use crate::domain::idempotency::{Call, Subject};
use crate::domain::payment::{Payment, State};
use crate::domain::provider::PaymentProvider;
use crate::domain::refund::{Refund, RefundState};
use crate::domain::store::{Change, Step};

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
        let mut payment = found.ok_or(OperationError::NotFound)?;
        let provider = gateway.provider(payment.request.provider)?;
        if let State::Processing { flight, accepted: false } = &payment.state {
            if !is_over(&gateway, flight.known_since()) {
                return Err(OperationError::InProgress);
            }
            payment = payment_lost(&gateway, payment, &call.cause).await?;
        }
        let known_since = match &payment.state {
            State::Unknown { flight, .. } => Some(flight.known_since()),
            _ => None,
        };
        let in_time = known_since.is_some_and(|since| may_repeat(&gateway, &*provider, since));
        if !in_time {
            return told(&gateway, payment_standing(payment), &call).await;
        }
        gateway
            .clone()
            .to_the_end(async move { fly(&gateway, &*provider, payment, Patience::none(), &call).await })
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
        let mut refund = found.ok_or(OperationError::NotFound)?;
        if let RefundState::Processing { .. } = refund.state {
            if !is_over(&gateway, refund.updated_at) {
                return Err(OperationError::InProgress);
            }
            refund = refund_lost(&gateway, refund, &call.cause).await?;
        }
        let found = gateway.store.payment(&call.cause.client, refund.payment).await?;
        let payment = found.ok_or(OperationError::NotFound)?;
        let provider = gateway.provider(payment.request.provider)?;
        let unknown = matches!(refund.state, RefundState::Unknown { .. });
        let repeat = unknown && may_repeat(&gateway, &*provider, refund.created_at);
        let Some((charge, _)) = payment.captured().filter(|_| repeat) else {
            return told(&gateway, refund_standing(refund), &call).await;
        };
        let charge = charge.clone();
        gateway
            .clone()
            .to_the_end(
                async move { ask(&gateway, &*provider, refund, charge, Patience::none(), &call).await },
            )
            .await
    }
}

/// Whether an order first sent at `since` is still known to the provider by its key.
pub(super) fn may_repeat(gateway: &Gateway, provider: &dyn PaymentProvider, since: Timestamp) -> bool {
    gateway.now().duration_since(since) < provider.repeat_within()
}

/// Records that the answer to a call is lost: from then on a repeat of it is a repeat.
pub(super) async fn payment_lost(
    gateway: &Gateway,
    payment: Payment,
    cause: &Cause,
) -> Result<Payment, OperationError> {
    let id = payment.id;
    let mut lost =
        payment.clone().lost(gateway.now()).map_err(|problem| OperationError::state(id, problem))?;
    gateway.under_way(&mut lost.follow_up);
    let event = Event::payment_moved(Some(&payment.state), &lost, cause);
    let step = Step::MovePayment { payment: lost.clone(), event };
    commit(gateway, Change { step, key: None, webhook: None }, id).await?;
    Ok(lost)
}

pub(super) async fn refund_lost(
    gateway: &Gateway,
    refund: Refund,
    cause: &Cause,
) -> Result<Refund, OperationError> {
    let id = refund.payment;
    let mut lost =
        refund.clone().lost(gateway.now()).map_err(|problem| OperationError::state(id, problem))?;
    gateway.under_way(&mut lost.follow_up);
    let event = Event::refund_moved(Some(&refund.state), &lost, cause);
    let step = Step::MoveRefund { refund: lost.clone(), event };
    commit(gateway, Change { step, key: None, webhook: None }, id).await?;
    Ok(lost)
}

/// Whether the process that began at `since` to work on something works on it no more.
pub(super) fn is_over(gateway: &Gateway, since: Timestamp) -> bool {
    let before_us = gateway.store.is_exclusive() && since < gateway.started_at;
    before_us || gateway.now().duration_since(since) > gateway.retries.policy().call_lease
}
