use std::sync::Arc;

use edge_core::money::{Amount, Money};

use super::record::record;
use super::{OperationError, commit, verdict};
use crate::domain::event::{Cause, Event};
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::payment::{Operation, Payment, State};
use crate::domain::provider::CaptureOrder;
use crate::domain::store::Change;

/// Takes what is authorized: `amount`, or all of it. The rest is released.
pub async fn capture(
    gateway: Arc<Gateway>,
    id: PaymentId,
    amount: Option<Amount>,
    cause: Cause,
) -> Result<Payment, OperationError> {
    gateway.clone().to_the_end(async move { run(&gateway, id, amount, &cause).await }).await
}

async fn run(
    gateway: &Gateway,
    id: PaymentId,
    amount: Option<Amount>,
    cause: &Cause,
) -> Result<Payment, OperationError> {
    let payment = gateway.store.payment(&cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved = payment
        .clone()
        .begin_capture(amount, attempt, now)
        .map_err(|refused| OperationError::capture(id, refused))?;
    let Some(Operation::Capture { of, amount }) = moved.state.flight().map(|f| f.operation.clone()) else {
        return Err(OperationError::Crashed);
    };
    let money = Money { amount, currency: moved.request.currency };
    provider.accepts(money, None).map_err(OperationError::Unacceptable)?;
    let event = Event::payment_moved(Some(&payment.state), &moved, cause);
    commit(gateway, Change::MovePayment { payment: moved.clone(), event }, id).await?;

    let order = CaptureOrder { payment: id, attempt, authorization: of.authorization, money };
    let answer = provider.capture(&order).await;
    let now = gateway.now();
    let payment = record(gateway, moved, |p| p.capture_answered(answer.clone(), now), cause).await;
    let stands = matches!(payment.state, State::Authorized(_));
    verdict(payment, answer, stands)
}
