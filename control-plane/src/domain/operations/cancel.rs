use std::sync::Arc;

use super::flight::fly;
use super::{OperationError, commit};
use crate::domain::event::{Cause, Event};
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::payment::Payment;
use crate::domain::store::Change;

/// Releases what is authorized, or ends a payment whose payer has not acted yet.
pub async fn cancel(gateway: Arc<Gateway>, id: PaymentId, cause: Cause) -> Result<Payment, OperationError> {
    gateway.clone().to_the_end(async move { run(&gateway, id, &cause).await }).await
}

async fn run(gateway: &Gateway, id: PaymentId, cause: &Cause) -> Result<Payment, OperationError> {
    let payment = gateway.store.payment(&cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved =
        payment.clone().begin_cancel(attempt, now).map_err(|problem| OperationError::state(id, problem))?;
    let event = Event::payment_moved(Some(&payment.state), &moved, cause);
    commit(gateway, Change::MovePayment { payment: moved.clone(), event }, id).await?;
    fly(gateway, &*provider, moved, cause).await
}
