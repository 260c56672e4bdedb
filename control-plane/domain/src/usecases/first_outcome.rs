//! Answers a request whose key is already used from what the first request left behind. If that request's process died,
//! its call is retried under its own provider key; a second operation is never begun.

use std::sync::Arc;

use async_trait::async_trait;

use crate::model::idempotency::Subject;
use crate::model::payment::Payment;
use crate::model::provider::OperationKind;
use crate::model::refund::Refund;
use crate::usecases::OperationError;
use crate::usecases::call::Call;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::record::conclude;
use crate::usecases::calls::resolvable::{Phase, Resolvable};
use crate::usecases::calls::send::{lost, send_and_record};
use crate::usecases::gateway::Gateway;

/// The object that a key's request may have created.
#[async_trait]
pub trait FirstOutcome: Sized {
    /// The outcome of the first request, or [`OperationError::InProgress`] while another request works on it.
    async fn outcome_of_first_request(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError>;
}

#[async_trait]
impl FirstOutcome for Payment {
    async fn outcome_of_first_request(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError> {
        let Subject::Payment(id) = subject else { return Err(OperationError::NotFound) };
        let found = gateway.store.payment(&call.cause.client, id).await?;
        outcome(gateway, found.ok_or(OperationError::NotFound)?, call).await
    }
}

#[async_trait]
impl FirstOutcome for Refund {
    async fn outcome_of_first_request(
        gateway: Arc<Gateway>,
        subject: Subject,
        call: Call<Self>,
    ) -> Result<Self, OperationError> {
        let Subject::Refund(id) = subject else { return Err(OperationError::NotFound) };
        let found = gateway.store.refund(&call.cause.client, id).await?;
        outcome(gateway, found.ok_or(OperationError::NotFound)?, call).await
    }
}

async fn outcome<T: Resolvable>(
    gateway: Arc<Gateway>,
    mut subject: T,
    call: Call<T>,
) -> Result<T, OperationError> {
    if !is_about(&subject, call.asked.operation) {
        return conclude(&gateway, subject.subject(), subject.outcome_of(call.asked), &call).await;
    }
    if let Phase::Calling(in_flight) = subject.phase() {
        if !gateway.is_over(in_flight.known_since()) {
            return Err(OperationError::InProgress);
        }
        subject = lost(&gateway, subject, &call.cause).await?;
    }
    let Phase::Unknown(in_flight) = subject.phase() else {
        return conclude(&gateway, subject.subject(), subject.outcome_of(call.asked), &call).await;
    };
    let context = subject.context(&*gateway.store).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(subject.provider(&context))?;
    if !gateway.may_repeat(&*provider, &in_flight, subject.operation()) {
        return conclude(&gateway, subject.subject(), subject.outcome_of(call.asked), &call).await;
    }
    gateway
        .clone()
        .run_detached(async move {
            send_and_record(&gateway, &*provider, subject, &context, InlineRetry::none(), &call).await
        })
        .await
}

/// Whether the in-flight operation is the one that the client asked for; the payment may have moved on to another.
fn is_about<T: Resolvable>(subject: &T, asked: OperationKind) -> bool {
    let is_charge = |kind| matches!(kind, OperationKind::Charge | OperationKind::Resume);
    let begun = subject.operation();
    begun == OperationKind::Refund || begun == asked || (is_charge(begun) && is_charge(asked))
}
