//! Captures an authorized payment, in whole or in part.

use std::sync::Arc;

use edge_core::money::{Amount, Money};

use crate::model::id::PaymentId;
use crate::model::payment::Payment;
use crate::usecases::OperationError;
use crate::usecases::call::Call;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::send::begin;
use crate::usecases::gateway::{Detached, Gateway};

/// Captures `amount`, or the full authorized amount. The rest is released.
pub fn capture(
    gateway: Arc<Gateway>,
    id: PaymentId,
    amount: Option<Amount>,
    call: Call<Payment>,
) -> Detached<Payment> {
    gateway.clone().run_detached(async move { run(&gateway, id, amount, &call).await })
}

async fn run(
    gateway: &Gateway,
    id: PaymentId,
    amount: Option<Amount>,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let payment = gateway.store.payment(&call.cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved = payment
        .clone()
        .begin_capture(amount, attempt, call.key_ref(), now)
        .map_err(|refused| OperationError::capture(&payment, refused))?;
    let money =
        Money { amount: amount.unwrap_or(payment.request.amount), currency: payment.request.currency };
    provider.accepts(money).map_err(OperationError::Unacceptable)?;
    begin(gateway, &*provider, &payment, moved, InlineRetry::of_a_request(gateway), call).await
}
