//! Refunds a captured payment, in whole or in part.

use std::sync::Arc;

use edge_core::money::{Amount, Money};

use crate::model::event::{Cause, Event};
use crate::model::id::PaymentId;
use crate::model::payment::Payment;
use crate::model::provider::{OperationKind, RefusalKind};
use crate::model::refund::{Refund, RefundStatus};
use crate::model::transition::InvalidTransition;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Change, CommitError, Conflict, Mutation};
use crate::usecases::OperationError;
use crate::usecases::call::Call;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::refund_call::look_at_all_of;
use crate::usecases::calls::send::send_and_record;
use crate::usecases::gateway::{Detached, Gateway};
use crate::usecases::provider_sync::{ProviderSync, SyncError};

/// How often to recompute "the rest" when other refunds interfere.
const RACES_MAX: u32 = 5;

/// Refunds `amount`, or all that is left.
pub fn refund(
    gateway: Arc<Gateway>,
    id: PaymentId,
    amount: Option<Amount>,
    call: Call<Refund>,
) -> Detached<Refund> {
    gateway.clone().run_detached(async move { run(&gateway, id, amount, &call).await })
}

async fn run(
    gateway: &Gateway,
    id: PaymentId,
    amount: Option<Amount>,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    let payment = gateway.store.payment(&call.cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    if payment.captured().is_none() {
        let problem = InvalidTransition { from: payment.state.name(), wanted: "refunded" };
        return Err(OperationError::state(&payment, problem));
    }
    let refund = match amount {
        Some(amount) => reserve(gateway, &*provider, &payment, amount, call).await,
        None => reserve_the_rest(gateway, &*provider, payment.clone(), call).await,
    };
    let refund = match refund {
        Err(OperationError::RefundExceeds { remaining, .. }) => {
            return Err(exceeds(gateway, &payment, amount, remaining).await?);
        }
        other => other?,
    };
    let inline_retry = InlineRetry::of_a_request(gateway);
    let refunded = send_and_record(gateway, &*provider, refund, &payment, inline_retry, call).await;
    if let Err(OperationError::Refused { refusal, .. }) = &refunded
        && matches!(refusal.kind, RefusalKind::State | RefusalKind::RefundExceeds | RefusalKind::Expired)
    {
        adopt_what_was_revealed(gateway, &*provider, payment, call).await;
    }
    refunded
}

/// Records the refund and reserves its amount, in one commit.
async fn reserve(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: &Payment,
    amount: Amount,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    let money = Money { amount, currency: payment.request.currency };
    provider.accepts(money).map_err(OperationError::Unacceptable)?;
    let attempt = gateway.new_attempt_id();
    let mut refund = Refund::open(gateway.new_refund_id(), payment, amount, attempt, gateway.now());
    gateway.hold_for_call(&mut refund.follow_up);
    let event = Event::refund_moved(None, &refund, &call.cause);
    let mutation = Mutation::OpenRefund { refund: refund.clone(), event };
    let change = Change::from(mutation).with_key(call.take(gateway.now()));
    match gateway.commit(change).await {
        Ok(()) => Ok(refund),
        Err(CommitError::Conflict(Conflict::RefundExceeds { remaining })) => {
            Err(OperationError::RefundExceeds { payment: payment.id, remaining })
        }
        Err(CommitError::Conflict(Conflict::KeyTaken)) => Err(OperationError::KeyTaken),
        Err(CommitError::Conflict(_)) => Err(OperationError::NotFound),
        Err(CommitError::Store(problem)) => Err(OperationError::unwritten(problem)),
    }
}

async fn reserve_the_rest(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    let mut remaining = payment.captured().map_or(0, |(_, captured)| captured.minor() - payment.refunded);
    for _ in 0..RACES_MAX {
        let Some(rest) = Amount::new(remaining) else { break };
        match reserve(gateway, provider, &payment, rest, call).await {
            Err(OperationError::RefundExceeds { remaining: left, .. }) => remaining = left,
            other => return other,
        }
    }
    Err(OperationError::RefundExceeds { payment: payment.id, remaining })
}

/// Says that the amount exceeds what is left, or that this depends on refunds that are undecided: a refund that fails
/// gives its amount back, and then the same request succeeds.
async fn exceeds(
    gateway: &Gateway,
    payment: &Payment,
    amount: Option<Amount>,
    remaining: u64,
) -> Result<OperationError, OperationError> {
    let refunds = gateway.store.refunds(&payment.client, payment.id).await?;
    let undecided: u64 = refunds
        .items
        .iter()
        .filter(|refund| refund.state.status() == RefundStatus::Pending)
        .map(|refund| refund.amount.minor())
        .sum();
    if !refunds.unreadable.is_empty() {
        let problem = "a refund of the payment cannot be read".to_owned();
        return Ok(OperationError::Undecided { payment: payment.id, problem });
    }
    let wanted = amount.map_or(1, Amount::minor);
    if undecided > 0 && remaining.saturating_add(undecided) >= wanted {
        let problem = format!("{undecided} of the payment is being refunded and {remaining} is left");
        return Ok(OperationError::Undecided { payment: payment.id, problem });
    }
    Ok(OperationError::RefundExceeds { payment: payment.id, remaining })
}

/// The refusal shows that the provider's records differ from ours: reads and applies them immediately.
async fn adopt_what_was_revealed(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    call: &Call<Refund>,
) {
    let sync = ProviderSync { gateway, provider };
    if let Err(error) = look_at_all_of(sync, payment, &call.cause).await {
        tracing::info!(
            reason = error.reason(),
            "the provider's refunds could not be applied after a refusal"
        );
    }
}

/// Refunds what is left of a payment that was canceled while its outcome was unknown.
pub(crate) async fn give_back_the_rest(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    cause: Cause,
) -> Result<(), SyncError> {
    let call = Call::silent(cause, OperationKind::Refund);
    let is_reserved = payment.captured().is_none_or(|(_, captured)| captured.minor() <= payment.refunded);
    if is_reserved {
        return Ok(());
    }
    let refund =
        reserve_the_rest(gateway, provider, payment.clone(), &call).await.map_err(SyncError::from)?;
    let sent = send_and_record(gateway, provider, refund, &payment, InlineRetry::none(), &call).await;
    sent.map(|_| ()).map_err(SyncError::from)
}
