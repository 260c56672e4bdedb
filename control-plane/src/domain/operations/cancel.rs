use std::sync::Arc;

use super::record::record;
use super::{OperationError, commit, verdict};
use crate::domain::event::{Cause, Event};
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::payment::{Cancelable, Operation, Payment, State};
use crate::domain::provider::{CancelOrder, CancelTarget};
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
    let target = match moved.state.flight().map(|f| &f.operation) {
        Some(Operation::Cancel(Cancelable::Session(s))) => CancelTarget::Session(s.session.clone()),
        Some(Operation::Cancel(Cancelable::Authorization(a))) => {
            CancelTarget::Authorization(a.authorization.clone())
        }
        _ => return Err(OperationError::Crashed),
    };
    let event = Event::payment_moved(Some(&payment.state), &moved, cause);
    commit(gateway, Change::MovePayment { payment: moved.clone(), event }, id).await?;

    let answer = provider.cancel(&CancelOrder { payment: id, attempt, target }).await;
    let now = gateway.now();
    let payment = record(gateway, moved, |p| p.cancel_answered(answer.clone(), now), cause).await;
    let stands = matches!(payment.state, State::Authorized(_) | State::RequiresAction(_));
    verdict(payment, answer, stands)
}
