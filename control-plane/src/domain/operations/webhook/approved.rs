//! The payer has agreed at the provider's page. The waiting payment goes on without waiting for the client to
//! come back: some payers close the window.

use super::{Job, Trouble, Worked};
use crate::domain::event::{Cause, Event};
use crate::domain::idempotency::Call;
use crate::domain::operations::OperationError;
use crate::domain::operations::flight::fly;
use crate::domain::operations::repeat::Patience;
use crate::domain::payment::{Payment, State};
use crate::domain::store::{Change, CommitError, Step};

impl Job<'_> {
    /// From its beginning on the resumed payment is looked after until it is decided, so the event is done with.
    pub(super) async fn approved(&self, payment: Payment) -> Result<Worked, Trouble> {
        let State::RequiresAction(_) = payment.state else { return Ok(Worked::NothingNew) };
        let call = Call::silent(Cause::webhook(payment.client.clone(), &self.event.id));
        let moved = self.begin(&payment, &call.cause).await?;
        match fly(self.gateway, self.provider, moved, Patience::none(), &call).await {
            // The provider's no is recorded in the payment.
            Ok(_) | Err(OperationError::Refused { .. }) => Ok(Worked::NothingNew),
            Err(OperationError::Store(problem)) => Err(problem.into()),
            Err(problem) => Err(Trouble::Failed(problem.to_string())),
        }
    }

    /// Whoever gets this commit in takes the money; the client may be coming back in the same moment.
    async fn begin(&self, payment: &Payment, cause: &Cause) -> Result<Payment, Trouble> {
        let mut moved = payment
            .clone()
            .begin_resume(self.gateway.new_attempt_id(), self.now())
            .map_err(|problem| Trouble::Failed(problem.to_string()))?;
        self.gateway.under_way(&mut moved.follow_up);
        let event = Event::payment_moved(Some(&payment.state), &moved, cause);
        let step = Step::MovePayment { payment: moved.clone(), event };
        match self.gateway.commit(Change { step, key: None, webhook: None }).await {
            Ok(()) => Ok(moved),
            Err(CommitError::Conflict(_)) => Err(Trouble::Wait("somebody else goes on with the payment")),
            Err(CommitError::Store(problem)) => Err(problem.into()),
        }
    }
}
