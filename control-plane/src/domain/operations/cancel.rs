use std::sync::Arc;

use super::OperationError;
use super::flight::depart;
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::idempotency::Call;
use crate::domain::payment::Payment;

/// Releases what is authorized, or ends a payment whose payer has not acted yet.
pub async fn cancel(
    gateway: Arc<Gateway>,
    id: PaymentId,
    call: Call<Payment>,
) -> Result<Payment, OperationError> {
    gateway.clone().to_the_end(async move { run(&gateway, id, &call).await }).await
}

async fn run(gateway: &Gateway, id: PaymentId, call: &Call<Payment>) -> Result<Payment, OperationError> {
    let payment = gateway.store.payment(&call.cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved =
        payment.clone().begin_cancel(attempt, now).map_err(|problem| OperationError::state(id, problem))?;
    depart(gateway, &*provider, &payment, moved, call).await
}
