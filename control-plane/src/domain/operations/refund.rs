use std::sync::Arc;

use edge_core::money::{Amount, Money};
use jiff::Timestamp;

use super::OperationError;
use super::record::{Answered, record};
use super::repeat::Patience;
use crate::crash_point::reach;
use crate::domain::event::Event;
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::idempotency::Call;
use crate::domain::payment::{Failure, InvalidTransition, Payment};
use crate::domain::provider::{Doubt, Outcome, PaymentProvider, ProviderRef, RefundOrder, Refunded};
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
    ask(gateway, &*provider, refund, charge, Patience::of_a_request(gateway), call).await
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
    let mut refund = Refund::open(gateway.new_refund_id(), payment, amount, attempt, gateway.now());
    gateway.under_way(&mut refund.follow_up);
    let event = Event::refund_moved(None, &refund, &call.cause);
    let change = Change {
        step: Step::OpenRefund { refund: refund.clone(), event },
        key: call.take(gateway.now()),
        webhook: None,
    };
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

/// Asks the provider for a refund that is recorded, and writes down the answer.
pub(super) async fn ask(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    mut refund: Refund,
    charge: ProviderRef,
    mut patience: Patience,
    call: &Call<Refund>,
) -> Result<Refund, OperationError> {
    loop {
        let (RefundState::Processing { attempt } | RefundState::Unknown { attempt, .. }) = refund.state
        else {
            return standing(refund);
        };
        let (id, money, charge) = (refund.id, refund.money(), charge.clone());
        let order = RefundOrder { payment: refund.payment, refund: id, attempt, charge, money };
        reach("after_intent").await;
        let answer = Answer(provider.refund(&order).await);
        reach("after_provider").await;
        let is_unknown = matches!(answer, Answer(Outcome::Unknown(_)));
        let repeat = patience.repeat(gateway, provider.name(), is_unknown);
        refund = record(gateway, refund, &answer, repeat.hold(), call).await?;
        if !(repeat.wait().await && matches!(refund.state, RefundState::Unknown { .. })) {
            return Ok(refund);
        }
    }
}

struct Answer(Outcome<Refunded>);

impl Answered<Refund> for Answer {
    fn moves(&self, refund: Refund, at: Timestamp) -> Result<Refund, InvalidTransition> {
        refund.answered(self.0.clone(), at)
    }

    fn told(&self, refund: Refund) -> Result<Refund, OperationError> {
        standing(refund)
    }

    fn doubt(&self) -> Option<&Doubt> {
        self.0.doubt()
    }
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
