//! The payer has agreed at the provider's page. The waiting payment goes on without waiting for the client to
//! come back: some payers close the window.

use super::{Job, Trouble, Worked};
use crate::domain::event::Cause;
use crate::domain::gateway::Gateway;
use crate::domain::idempotency::Call;
use crate::domain::operations::OperationError;
use crate::domain::operations::repeat::Patience;
use crate::domain::operations::send::begin;
use crate::domain::operations::settle::operation_trouble;
use crate::domain::payment::{Payment, State};
use crate::domain::provider::{OperationKind, PaymentProvider};

impl Job<'_> {
    /// From its beginning on the resumed payment is looked after until it is decided, so the event is done with.
    pub(super) async fn approved(&self, payment: Payment) -> Result<Worked, Trouble> {
        let State::RequiresAction(_) = payment.state else { return Ok(Worked::NothingNew) };
        let cause = Cause::webhook(payment.client.clone(), &self.event.id);
        resume_approved(self.gateway, self.provider, payment, &cause).await?;
        Ok(Worked::NothingNew)
    }
}

/// Takes the money of a payment whose payer has agreed. The commit that gets in takes it: the client may be coming back
/// in the same moment.
pub(in crate::domain::operations) async fn resume_approved(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    cause: &Cause,
) -> Result<(), Trouble> {
    let call = Call::silent(cause.clone(), OperationKind::Resume);
    let moved = payment
        .clone()
        .begin_resume(gateway.new_attempt_id(), gateway.now())
        .map_err(|problem| Trouble::Failed(problem.to_string()))?;
    match begin(gateway, provider, &payment, moved, Patience::none(), &call).await {
        // The provider's no is recorded in the payment.
        Ok(_) | Err(OperationError::Refused { .. }) => Ok(()),
        Err(problem) => Err(operation_trouble(problem)),
    }
}
