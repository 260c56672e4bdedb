//! The payer has agreed at the provider's page. The waiting payment goes on without waiting for the client to
//! come back: some payers close the window.

use super::{Job, Trouble, Worked};
use crate::domain::event::{Cause, Event};
use crate::domain::idempotency::{Answer, Call};
use crate::domain::operations::OperationError;
use crate::domain::operations::flight::{Nth, fly};
use crate::domain::operations::recall::is_over;
use crate::domain::payment::{Flight, Operation, Payment, State};
use crate::domain::store::{Change, CommitError, Step};

impl Job<'_> {
    /// The event is marked only when the flight has landed: after a crash in between it is worked off again,
    /// and repeats the same call under the same key.
    pub(super) async fn approved(&self, payment: Payment) -> Result<Worked, Trouble> {
        let call =
            Call { cause: Cause::webhook(payment.client.clone(), &self.event.id), claim: None, render };
        match &payment.state {
            State::RequiresAction(_) => {
                let moved = self.begin(&payment, &call.cause).await?;
                self.fly(moved, Nth::First, &call).await
            }
            State::Processing { flight, accepted: false } | State::Unknown { flight, .. }
                if self.may_repeat(flight) =>
            {
                self.fly(payment, Nth::Repeated, &call).await
            }
            _ => Ok(Worked::NothingNew),
        }
    }

    /// Whoever gets this commit in takes the money; the client may be coming back in the same moment.
    async fn begin(&self, payment: &Payment, cause: &Cause) -> Result<Payment, Trouble> {
        let moved = payment
            .clone()
            .begin_resume(self.gateway.new_attempt_id(), self.now())
            .map_err(|problem| Trouble::Failed(problem.to_string()))?;
        let event = Event::payment_moved(Some(&payment.state), &moved, cause);
        let step = Step::MovePayment { payment: moved.clone(), event };
        match self.gateway.store.commit(Change { step, key: None, webhook: None }).await {
            Ok(()) => Ok(moved),
            Err(CommitError::Conflict(_)) => Err(Trouble::Wait("somebody else goes on with the payment")),
            Err(CommitError::Store(problem)) => Err(problem.into()),
        }
    }

    fn may_repeat(&self, flight: &Flight) -> bool {
        let since = flight.since;
        let in_time = self.now().duration_since(since) < self.provider.repeat_within();
        matches!(flight.operation, Operation::Resume(_)) && is_over(self.gateway, since) && in_time
    }

    async fn fly(&self, payment: Payment, nth: Nth, call: &Call<Payment>) -> Result<Worked, Trouble> {
        match fly(self.gateway, self.provider, payment, nth, call).await {
            Ok(Payment {
                state: State::Processing { accepted: false, .. } | State::Unknown { .. }, ..
            }) => Err(Trouble::Failed("the provider may or may not have taken the money".to_owned())),
            // The provider's no is recorded in the payment.
            Ok(_) | Err(OperationError::Refused { .. }) => Ok(Worked::NothingNew),
            Err(OperationError::Store(problem)) => Err(problem.into()),
            Err(problem) => Err(Trouble::Failed(problem.to_string())),
        }
    }
}

/// Nobody waits for an answer.
fn render(_: &Result<Payment, OperationError>, _: &str) -> Answer {
    Answer { status: 0, body: String::new() }
}
