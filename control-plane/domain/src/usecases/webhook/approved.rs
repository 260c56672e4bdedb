//! Resumes a payment once the payer has approved it on the provider's page, without waiting for the client to return:
//! some payers close the window.

use jiff::SignedDuration;

use super::{EventResult, Job, SyncError};
use crate::model::event::Cause;
use crate::model::follow_up::FollowUp;
use crate::model::payer_action::PayerAction;
use crate::model::payment::{Payment, ResumedBy, State};
use crate::model::provider::OperationKind;
use crate::model::work::Work;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::StoreError;
use crate::usecases::OperationError;
use crate::usecases::approval::{Approval, judge_waiting, refused};
use crate::usecases::call::Call;
use crate::usecases::calls::commit;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::send::begin;
use crate::usecases::gateway::Gateway;

/// How long a page has to resubmit the order that the payer's wallet has confirmed in it.
const PAGE_HAS: SignedDuration = SignedDuration::from_secs(15);

impl Job<'_> {
    /// The resumed payment is followed up until it is decided, so the event is done once the resume has begun.
    pub(crate) async fn approved(&self, payment: Payment) -> Result<EventResult, SyncError> {
        let State::RequiresAction(session) = &payment.state else { return Ok(EventResult::NothingNew) };
        if session.action == PayerAction::ConfirmOrder {
            self.leave_to_the_page(&payment).await?;
            return Ok(EventResult::NothingNew);
        }
        let cause = Cause::webhook(payment.client.clone(), &self.event.id);
        resume_approved(self.gateway, self.provider, payment, &cause).await?;
        Ok(EventResult::NothingNew)
    }

    /// The wallet's sheet is still open and shows how the page's own request ends. If the page was closed, the next
    /// poll finds the order.
    async fn leave_to_the_page(&self, payment: &Payment) -> Result<(), StoreError> {
        let poll = FollowUp { at: self.gateway.now() + PAGE_HAS, tries: 0 };
        self.gateway.store.postpone(&Work::Watch(payment.id), poll).await
    }
}

/// Takes the money of a payment that the payer has approved. The first commit wins: the client may be returning at the
/// same moment.
pub(crate) async fn resume_approved(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    cause: &Cause,
) -> Result<(), SyncError> {
    let approval = judge_waiting(provider, &payment).await;
    if let Approval::Refused(refusal) = approval {
        let (_, mutation) = refused(gateway, &payment, refusal, cause)?;
        return Ok(commit(gateway, mutation.into(), payment.id).await?);
    }
    let call = Call::silent(cause.clone(), OperationKind::Resume);
    let moved = payment
        .clone()
        .begin_resume(ResumedBy::Gateway, gateway.new_attempt_id(), gateway.now())
        .map_err(|problem| SyncError::Failed(problem.to_string()))?
        .judged(matches!(approval, Approval::Acceptable));
    match begin(gateway, provider, &payment, moved, InlineRetry::none(), &call).await {
        // The provider's refusal is recorded in the payment.
        Ok(_) | Err(OperationError::Refused { .. }) => Ok(()),
        Err(problem) => Err(problem.into()),
    }
}
