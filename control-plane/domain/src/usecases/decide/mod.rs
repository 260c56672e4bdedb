//! An operator decides what automation cannot, audited with the operator's name. The provider is read first: if it
//! shows the outcome, that outcome counts.

mod named;

use futures_util::future::BoxFuture;

use crate::model::decision::{OperatorDecision, Unfit};
use crate::model::event::{Cause, Event};
use crate::model::payment::Payment;
use crate::model::refund::Refund;
use crate::model::work::Work;
use crate::ports::store::{Change, CommitError, Mutation, StoreError};
use crate::usecases::call::{Call, Decided as _};
use crate::usecases::calls::resolvable::{Phase, Resolvable};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{ProviderSync, SyncError};

/// The deciding operator and the reason. Both are stored in the audit trail.
#[derive(Clone, Debug)]
pub struct Operator {
    pub name: String,
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
pub enum NotDecided {
    #[error("there is no such payment or refund")]
    NotFound,
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("a call to the provider is in flight; try again in {0} seconds")]
    UnderWay(i64),
    #[error("the provider does not know the named object; check --reference")]
    Denied,
    #[error("the named object at the provider does not confirm the decision: {0}")]
    Contradicted(String),
    #[error("the state changed meanwhile; read it again")]
    Moved,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of a decision: the new state and what decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub state: &'static str,
    /// The provider showed the outcome, so the operator's decision was not needed.
    pub by_provider: bool,
}

/// Decides an undecided payment or refund as `decision` says, unless the provider's records show the outcome.
pub fn decide<'a>(
    gateway: &'a Gateway,
    work: &'a Work,
    decision: &'a OperatorDecision,
    operator: &'a Operator,
) -> BoxFuture<'a, Result<Decision, NotDecided>> {
    Box::pin(async move {
        match work {
            Work::Payment(id) => {
                let payment = gateway.store.payment_by_id(*id).await?.ok_or(NotDecided::NotFound)?;
                let payment = match synced(gateway, payment).await? {
                    AfterSync::Decided(now) => {
                        return Ok(Decision { state: now.state.name(), by_provider: true });
                    }
                    AfterSync::Open(payment) => payment,
                };
                let decided = payment.decided(decision, &operator.reason, gateway.now())?;
                if let Some(now) = named::by_its_object(gateway, &payment, decision).await? {
                    return Ok(Decision { state: now.state.name(), by_provider: true });
                }
                write(gateway, of_payment(gateway, &payment, decided.clone(), operator)).await?;
                Ok(Decision { state: decided.state.name(), by_provider: false })
            }
            Work::Refund(id) => {
                let refund = gateway.store.refund_by_id(*id).await?.ok_or(NotDecided::NotFound)?;
                let refund = match synced(gateway, refund).await? {
                    AfterSync::Decided(now) => {
                        return Ok(Decision { state: now.state.name(), by_provider: true });
                    }
                    AfterSync::Open(refund) => refund,
                };
                let decided = refund.decided(decision, &operator.reason, gateway.now())?;
                let payment = gateway.store.payment(&refund.client, refund.payment).await?;
                let payment = payment.ok_or(NotDecided::NotFound)?;
                named::is_its_refund(gateway, &refund, &payment, decision).await?;
                write(gateway, of_refund(&refund, decided.clone(), operator)).await?;
                Ok(Decision { state: decided.state.name(), by_provider: false })
            }
            Work::Watch(_) | Work::Event { .. } => Err(NotDecided::NotFound),
        }
    })
}

enum AfterSync<T> {
    Decided(T),
    Open(T),
}

/// Applies the provider's records. An unreadable provider does not prevent the decision: it may be the reason why an
/// operator has to decide.
async fn synced<T: Resolvable>(gateway: &Gateway, subject: T) -> Result<AfterSync<T>, NotDecided> {
    if subject.is_decided() {
        return Ok(AfterSync::Open(subject));
    }
    if let Phase::Calling(call) = subject.phase()
        && !gateway.is_over(call.known_since())
    {
        return Err(NotDecided::UnderWay(gateway.retries.policy().call_lease.as_secs()));
    }
    let Some(context) = subject.context(&*gateway.store).await? else { return Ok(AfterSync::Open(subject)) };
    let Some(provider) = gateway.providers.get(&subject.provider(&context)) else {
        return Ok(AfterSync::Open(subject));
    };
    let sync = ProviderSync { gateway, provider: &**provider };
    let cause = Cause::follow_up(subject.client().clone());
    match subject.clone().sync_with(sync, context, &cause).await {
        Ok(_) => {}
        Err(SyncError::Store(problem)) => return Err(problem.into()),
        Err(error) => tracing::warn!(reason = error.reason(), "the provider's records could not be read"),
    }
    let now = subject.read_again(&*gateway.store).await?.ok_or(NotDecided::NotFound)?;
    Ok(if now.is_decided() { AfterSync::Decided(now) } else { AfterSync::Open(now) })
}

fn of_payment(gateway: &Gateway, before: &Payment, decided: Payment, operator: &Operator) -> Change {
    let cause = Cause::operator(before.client.clone(), &operator.name);
    let call = Call::going_on(before, cause.clone(), &gateway.renders);
    let result = decided.clone().outcome_of(call.asked);
    let key = call.conclude(decided.subject(), &result);
    let mut event = Event::payment_moved(Some(&before.state), &decided, &cause);
    event.detail.reason = Some(operator.reason.clone());
    Change::from(Mutation::MovePayment { payment: decided, event }).with_key(key)
}

fn of_refund(before: &Refund, decided: Refund, operator: &Operator) -> Change {
    let cause = Cause::operator(before.client.clone(), &operator.name);
    let mut event = Event::refund_moved(Some(&before.state), &decided, &cause);
    event.detail.reason = Some(operator.reason.clone());
    Change::from(Mutation::MoveRefund { refund: decided, event })
}

async fn write(gateway: &Gateway, change: Change) -> Result<(), NotDecided> {
    match gateway.commit(change).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict(_)) => Err(NotDecided::Moved),
        Err(CommitError::Store(problem)) => Err(problem.into()),
    }
}
