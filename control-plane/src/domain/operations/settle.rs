//! What is not decided is brought to an end: the call repeated under its own key as long as the provider knows it,
//! and the provider's records looked at. Only evidence decides; time alone never does.

use jiff::{SignedDuration, Timestamp};

use super::OperationError;
use super::examine::{Examiner, Plan, Trouble};
use super::flight::fly;
use super::recall::{is_over, may_repeat, payment_lost, refund_lost};
use super::refund::ask;
use super::repeat::Patience;
use super::webhook::{self, CLAIM};
use crate::crash_point::reach;
use crate::domain::event::{Cause, Event};
use crate::domain::follow_up::FollowUp;
use crate::domain::gateway::Gateway;
use crate::domain::id::{PaymentId, RefundId};
use crate::domain::idempotency::Call;
use crate::domain::payment::{Payment, State};
use crate::domain::provider::PaymentProvider;
use crate::domain::queue::{Claimed, Due, Work};
use crate::domain::refund::{Refund, RefundState};
use crate::domain::store::{Change, CommitError, Step, StoreError};

/// How long what is over the budget waits before it is looked at again.
const OVER_BUDGET: SignedDuration = SignedDuration::from_secs(2);

/// Takes one piece of work, if it is due, and does what can be done for it now.
///
/// # Errors
/// If the database cannot be used. The work is due again when the claim on it has run out.
pub async fn work_off(gateway: &Gateway, work: &Work) -> Result<Claimed, StoreError> {
    let lease = match work {
        Work::Event { .. } => CLAIM,
        Work::Payment(_) | Work::Refund(_) => gateway.retries.policy().call_lease,
    };
    let now = gateway.now();
    let claimed = gateway.store.claim(work, now, now + lease).await?;
    if claimed == Claimed::Taken {
        match work {
            Work::Payment(id) => payment(gateway, *id).await?,
            Work::Refund(id) => refund(gateway, *id).await?,
            Work::Event { provider, id } => {
                if let Some(event) = gateway.store.webhook(*provider, id).await? {
                    webhook::process(gateway, event).await?;
                }
            }
        }
    }
    Ok(claimed)
}

/// Takes and works off what has been due longest. `None`: nothing is due.
pub async fn step(gateway: &Gateway) -> Result<Option<Work>, StoreError> {
    for Due { work, .. } in gateway.store.overdue(gateway.now(), 8).await? {
        if work_off(gateway, &work).await? == Claimed::Taken {
            return Ok(Some(work));
        }
    }
    Ok(None)
}

async fn payment(gateway: &Gateway, id: PaymentId) -> Result<(), StoreError> {
    let Some(payment) = gateway.store.anyones_payment(id).await? else { return Ok(()) };
    let Some(follow_up) = payment.follow_up else { return Ok(()) };
    let work = Work::Payment(id);
    let settled = match gateway.provider(payment.request.provider) {
        Err(problem) => Err(Trouble::Failed(problem.to_string())),
        Ok(provider) => Settling { gateway, provider: &*provider }.payment(payment).await,
    };
    conclude(gateway, work, follow_up, settled).await
}

async fn refund(gateway: &Gateway, id: RefundId) -> Result<(), StoreError> {
    let Some(refund) = gateway.store.anyones_refund(id).await? else { return Ok(()) };
    let Some(follow_up) = refund.follow_up else { return Ok(()) };
    let Some(payment) = gateway.store.anyones_payment(refund.payment).await? else { return Ok(()) };
    let work = Work::Refund(id);
    let settled = match gateway.provider(payment.request.provider) {
        Err(problem) => Err(Trouble::Failed(problem.to_string())),
        Ok(provider) => Settling { gateway, provider: &*provider }.refund(refund, payment).await,
    };
    conclude(gateway, work, follow_up, settled).await
}

/// Where this turn has brought the work.
enum Turn {
    /// It moved, or the call that was made has set the time of the next.
    Recorded,
    /// It was looked at, and nothing new was to be seen.
    NothingNew,
    /// It was not even tried: the provider has enough of repeats.
    OverBudget,
}

/// Sees to it that what is still undecided is looked after again.
async fn conclude(
    gateway: &Gateway,
    work: Work,
    before: FollowUp,
    turn: Result<Turn, Trouble>,
) -> Result<(), StoreError> {
    reach("after_handling").await;
    let tries = before.tries + 1;
    let pause = gateway.pause(tries);
    let (reason, to) = match turn {
        Ok(Turn::Recorded) => return Ok(()),
        Ok(Turn::OverBudget) => {
            let at = gateway.now() + OVER_BUDGET.min(pause);
            ("the budget for repeats is used up".to_owned(), FollowUp { at, tries: before.tries })
        }
        Ok(Turn::NothingNew) => {
            ("the provider shows nothing new".to_owned(), FollowUp { at: gateway.now() + pause, tries })
        }
        Err(Trouble::Store(problem)) => return Err(problem),
        Err(trouble) => (trouble.reason(), FollowUp { at: gateway.now() + pause, tries }),
    };
    tracing::info!(?work, tries = to.tries, next_at = %to.at, reason, "not decided yet");
    gateway.store.postpone(&work, to).await?;
    gateway.queue.announce(Due { work, at: to.at });
    Ok(())
}

struct Settling<'a> {
    gateway: &'a Gateway,
    provider: &'a dyn PaymentProvider,
}

impl Settling<'_> {
    async fn payment(&self, mut payment: Payment) -> Result<Turn, Trouble> {
        let call = Call::silent(Cause::follow_up(payment.client.clone()));
        match payment.state.clone() {
            State::Queued { flight, .. } if self.is_too_late(flight.since) => {
                let given_up = payment.clone().give_up(self.gateway.now());
                self.write_payment(&payment, given_up.map_err(odd)?, &call.cause).await?;
                return Ok(Turn::Recorded);
            }
            State::Queued { .. } => {
                if !self.may_ask() {
                    return Ok(Turn::OverBudget);
                }
                let mut begun = payment.clone().begin_again(self.gateway.now()).map_err(odd)?;
                self.gateway.under_way(&mut begun.follow_up);
                self.write_payment(&payment, begun.clone(), &call.cause).await?;
                return heard(fly(self.gateway, self.provider, begun, Patience::none(), &call).await);
            }
            State::Processing { flight, accepted: false } => {
                if !is_over(self.gateway, flight.known_since()) {
                    return Err(Trouble::Wait("a call of our own is under way"));
                }
                payment =
                    payment_lost(self.gateway, payment, &call.cause).await.map_err(operation_trouble)?;
            }
            _ => {}
        }
        if let State::Unknown { flight, .. } = &payment.state
            && may_repeat(self.gateway, self.provider, flight.known_since())
        {
            if !self.may_ask() {
                return Ok(Turn::OverBudget);
            }
            let id = payment.id;
            heard(fly(self.gateway, self.provider, payment, Patience::none(), &call).await)?;
            // Where the repeat did not tell, e.g. because it brought the same error again, the records may.
            let Some(now) = self.gateway.store.anyones_payment(id).await? else { return Ok(Turn::Recorded) };
            if matches!(now.state, State::Unknown { .. }) {
                self.look(now, &call.cause).await?;
            }
            return Ok(Turn::Recorded);
        }
        self.look(payment, &call.cause).await
    }

    async fn refund(&self, mut refund: Refund, payment: Payment) -> Result<Turn, Trouble> {
        let call = Call::silent(Cause::follow_up(refund.client.clone()));
        let charge = payment.captured().map(|(charge, _)| charge.clone());
        match refund.state {
            RefundState::Queued { .. } if self.is_too_late(refund.created_at) => {
                let given_up = refund.clone().give_up(self.gateway.now()).map_err(odd)?;
                self.write_refund(&refund, given_up, &call.cause).await?;
                return Ok(Turn::Recorded);
            }
            RefundState::Queued { .. } => {
                let Some(charge) = charge else { return Ok(Turn::NothingNew) };
                if !self.may_ask() {
                    return Ok(Turn::OverBudget);
                }
                let mut begun = refund.clone().begin_again(self.gateway.now()).map_err(odd)?;
                self.gateway.under_way(&mut begun.follow_up);
                self.write_refund(&refund, begun.clone(), &call.cause).await?;
                return heard(ask(self.gateway, self.provider, begun, charge, Patience::none(), &call).await);
            }
            RefundState::Processing { .. } => {
                if !is_over(self.gateway, refund.updated_at) {
                    return Err(Trouble::Wait("a call of our own is under way"));
                }
                refund = refund_lost(self.gateway, refund, &call.cause).await.map_err(operation_trouble)?;
            }
            _ => {}
        }
        if let (RefundState::Unknown { .. }, Some(charge)) = (&refund.state, charge)
            && may_repeat(self.gateway, self.provider, refund.created_at)
        {
            if !self.may_ask() {
                return Ok(Turn::OverBudget);
            }
            let id = refund.id;
            heard(ask(self.gateway, self.provider, refund, charge, Patience::none(), &call).await)?;
            let now = self.gateway.store.anyones_refund(id).await?;
            if now.is_some_and(|now| matches!(now.state, RefundState::Unknown { .. })) {
                self.look_at_refunds(payment, &call.cause).await?;
            }
            return Ok(Turn::Recorded);
        }
        self.look_at_refunds(payment, &call.cause).await
    }

    /// For so long nobody would expect the provider to be asked any more.
    fn is_too_late(&self, wanted: Timestamp) -> bool {
        self.gateway.now().duration_since(wanted) > self.gateway.retries.policy().keep_trying
    }

    fn may_ask(&self) -> bool {
        self.gateway.retries.take(self.provider.name(), self.gateway.now())
    }

    async fn look(&self, payment: Payment, cause: &Cause) -> Result<Turn, Trouble> {
        let examiner = Examiner { gateway: self.gateway, provider: self.provider };
        let Some(seen) = examiner.look(&payment, None, None).await? else { return Ok(Turn::NothingNew) };
        let mut plan = Plan::new(payment, cause.clone());
        examiner.adopt(&mut plan, &seen)?;
        self.adopt(plan).await
    }

    async fn look_at_refunds(&self, payment: Payment, cause: &Cause) -> Result<Turn, Trouble> {
        let examiner = Examiner { gateway: self.gateway, provider: self.provider };
        let plan = examiner.refunds(Plan::new(payment, cause.clone()), None).await?;
        self.adopt(plan).await
    }

    async fn adopt(&self, plan: Plan) -> Result<Turn, Trouble> {
        if let Some(problem) = plan.contradiction() {
            return Err(Trouble::Failed(problem));
        }
        let moved = plan.commit(self.gateway, None).await?;
        Ok(if moved { Turn::Recorded } else { Turn::NothingNew })
    }

    async fn write_payment(&self, before: &Payment, moved: Payment, cause: &Cause) -> Result<(), Trouble> {
        let event = Event::payment_moved(Some(&before.state), &moved, cause);
        self.write(Step::MovePayment { payment: moved, event }).await
    }

    async fn write_refund(&self, before: &Refund, moved: Refund, cause: &Cause) -> Result<(), Trouble> {
        let event = Event::refund_moved(Some(&before.state), &moved, cause);
        self.write(Step::MoveRefund { refund: moved, event }).await
    }

    async fn write(&self, step: Step) -> Result<(), Trouble> {
        match self.gateway.commit(Change { step, key: None, webhook: None }).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict(_)) => Err(Trouble::Wait("somebody else moved it")),
            Err(CommitError::Store(problem)) => Err(problem.into()),
        }
    }
}

/// The answer, whatever it was, is recorded.
fn heard<T>(answer: Result<T, OperationError>) -> Result<Turn, Trouble> {
    match answer {
        Ok(_) | Err(OperationError::Refused { .. } | OperationError::NotSent { .. }) => Ok(Turn::Recorded),
        Err(problem) => Err(operation_trouble(problem)),
    }
}

fn operation_trouble(problem: OperationError) -> Trouble {
    match problem {
        OperationError::Store(problem) | OperationError::InDoubt(problem) => problem.into(),
        OperationError::Busy { .. } => Trouble::Wait("somebody else moved it"),
        problem => Trouble::Failed(problem.to_string()),
    }
}

fn odd(problem: impl std::fmt::Display) -> Trouble {
    Trouble::Failed(problem.to_string())
}
