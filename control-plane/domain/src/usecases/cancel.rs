//! Cancels a payment: releases the authorization, ends the wait for the payer, or drops a queued charge.

use std::sync::Arc;

use crate::model::event::Event;
use crate::model::id::PaymentId;
use crate::model::payment::{Operation, Payment, State};
use crate::ports::store::{Change, Mutation};
use crate::usecases::OperationError;
use crate::usecases::call::{Call, Decided};
use crate::usecases::calls::commit;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::send::begin;
use crate::usecases::gateway::{Detached, Gateway};

/// Releases an authorization, ends a payment whose payer has not acted yet, and cancels a queued charge immediately.
/// While the outcome of an in-flight operation is unknown, the request is recorded and carried out, by a release or a
/// refund, as soon as the outcome is known.
pub fn cancel(gateway: Arc<Gateway>, id: PaymentId, call: Call<Payment>) -> Detached<Payment> {
    gateway.clone().run_detached(async move { run(&gateway, id, &call).await })
}

async fn run(gateway: &Gateway, id: PaymentId, call: &Call<Payment>) -> Result<Payment, OperationError> {
    let payment = gateway.store.payment(&call.cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    // The call's answer arrives within seconds; the payment can be canceled then.
    if let State::Processing { accepted: false, .. } = payment.state {
        return Err(OperationError::Busy { payment: id });
    }
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved = payment
        .clone()
        .begin_cancel(attempt, call.key_ref(), now)
        .map_err(|problem| OperationError::state(&payment, problem))?;
    let is_call =
        moved.state.in_flight().is_some_and(|in_flight| matches!(in_flight.operation, Operation::Cancel(_)));
    if is_call {
        return begin(gateway, &*provider, &payment, moved, InlineRetry::of_a_request(gateway), call).await;
    }
    without_a_call(gateway, &payment, moved, call).await
}

/// Sends nothing: the payment is canceled by this commit, or once the outcome is known.
async fn without_a_call(
    gateway: &Gateway,
    before: &Payment,
    moved: Payment,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let result = moved.clone().outcome_of(call.asked);
    let answer = moved.is_decided().then(|| (call.render)(&result, &call.cause.initiator.text()));
    let key = call.take_with(answer, gateway.now());
    let event = Event::payment_moved(Some(&before.state), &moved, &call.cause);
    let (id, mutation) = (moved.id, Mutation::MovePayment { payment: moved, event });
    commit(gateway, Change::from(mutation).with_key(key), id).await?;
    result
}
