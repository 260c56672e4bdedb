use std::sync::Arc;

use edge_core::money::{Amount, Money};

use super::OperationError;
use super::flight::Nth;
use super::record::record;
use crate::domain::event::Event;
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::idempotency::Call;
use crate::domain::payment::{Failure, InvalidTransition, Payment};
use crate::domain::provider::{PaymentProvider, ProviderRef, RefundOrder};
use crate::domain::refund::{Refund, RefundState};
use crate::domain::store::{Change, CommitError, Conflict, Step};

/// How often "the rest" is worked out anew when other refunds keep getting in between.
const RACES_MAX: u32 = 5;

/// Gives back `amount`, or all that is left.
pub async fn refund(
    gateway: Arc<Gateway>,
    id: PaymentId,
    amount: Option<Amount>,
    call: Call<Refund>,
) -> Result<Refund, OperationError> {
    gateway.clone().to_the_end(async move { run(&gateway, id, amount, &call).await }).await
}

async fn run(
    gateway: &Gateway,
    id: PaymentId,
    amount: Option<Amount>,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    let payment = gateway.store.payment(&call.cause.client, id).await?.ok_or(OperationError::NotFound)?;
    let provider = gateway.provider(payment.request.provider)?;
    let Some((charge, _)) = payment.captured() else {
        let problem = InvalidTransition { from: payment.state.name(), wanted: "refunded" };
        return Err(OperationError::state(id, problem));
    };
    let charge = charge.clone();
    let refund = match amount {
        Some(amount) => reserve(gateway, &*provider, &payment, amount, call).await?,
        None => reserve_the_rest(gateway, &*provider, payment, call).await?,
    };
    ask(gateway, &*provider, refund, charge, Nth::First, call).await
}

/// Records the refund and takes its amount out of what is left, in one commit.
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
    let refund = Refund::open(gateway.new_refund_id(), payment, amount, attempt, gateway.now());
    let event = Event::refund_moved(None, &refund, &call.cause);
    let change = Change {
        step: Step::OpenRefund { refund: refund.clone(), event },
        key: call.take(gateway.now()),
        webhook: None,
    };
    match gateway.store.commit(change).await {
        Ok(()) => Ok(refund),
        Err(CommitError::Conflict(Conflict::RefundExceeds { remaining })) => {
            Err(OperationError::RefundExceeds { payment: payment.id, remaining })
        }
        Err(CommitError::Conflict(Conflict::KeyTaken)) => Err(OperationError::KeyTaken),
        Err(CommitError::Conflict(_)) => Err(OperationError::NotFound),
        Err(CommitError::Store(problem)) => Err(problem.into()),
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
        let Some(rest) = Amount::new(remaining.into()) else { break };
        match reserve(gateway, provider, &payment, rest, call).await {
            Err(OperationError::RefundExceeds { remaining: left, .. }) => remaining = left,
            other => return other,
        }
    }
    Err(OperationError::RefundExceeds { payment: payment.id, remaining })
}

/// Asks the provider for a refund that is recorded, and writes down the answer.
pub(super) async fn ask(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    refund: Refund,
    charge: ProviderRef,
    nth: Nth,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    let (RefundState::Processing { attempt } | RefundState::Unknown { attempt, .. }) = refund.state else {
        return standing(refund);
    };
    let order =
        RefundOrder { payment: refund.payment, refund: refund.id, attempt, charge, money: refund.money() };
    let answer = nth.heard(provider.refund(&order).await);
    let answered = |r: Refund| r.answered(answer.clone(), gateway.now());
    record(gateway, refund, answered, standing, call).await
}

/// What the client is told about a refund as it is recorded.
pub(super) fn standing(refund: Refund) -> Result<Refund, OperationError> {
    match refund.state {
        RefundState::Failed { failure: Failure::Refused(refusal) } => {
            Err(OperationError::Refused { payment: refund.payment, refusal: Box::new(refusal) })
        }
        RefundState::Failed { failure: Failure::NotSent(doubt) } => {
            Err(OperationError::NotSent { payment: refund.payment, doubt })
        }
        _ => Ok(refund),
    }
}
