//! Judges what a payer has approved in a wallet before a call for it is recorded. A refusal is certain then; if it came
//! with the call, one whose answer is lost could not be distinguished from one that took the money.

use edge_core::client::ClientId;
use edge_core::request::Wallet;

use crate::model::event::{Cause, Event};
use crate::model::payment::{Payment, State};
use crate::model::provider::{ProviderRef, Refusal};
use crate::model::snapshot::Found;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::Mutation;
use crate::usecases::OperationError;
use crate::usecases::gateway::Gateway;

pub(crate) enum Approval {
    Acceptable,
    Refused(Refusal),
    /// There is nothing to judge, or it could not be read: the call judges.
    NotJudged,
}

pub(crate) async fn judge(
    provider: &dyn PaymentProvider,
    session: &ProviderRef,
    wallet: Option<Wallet>,
    client: &ClientId,
) -> Approval {
    let Some(wallet) = wallet else { return Approval::NotJudged };
    match provider.judge(session, wallet, client).await {
        Found::Found(Ok(())) => Approval::Acceptable,
        Found::Found(Err(refusal)) => Approval::Refused(refusal),
        Found::Missing | Found::CannotAsk | Found::Unavailable(_) => Approval::NotJudged,
    }
}

/// Judges what the payer of a waiting payment has approved, by the policy of the payment's client.
pub(crate) async fn judge_waiting(provider: &dyn PaymentProvider, payment: &Payment) -> Approval {
    match &payment.state {
        State::RequiresAction(waiting) => {
            judge(provider, &waiting.session, payment.request.wallet, &payment.client).await
        }
        _ => Approval::NotJudged,
    }
}

/// The waiting payment, failed for what its payer approved, and the change that records it.
pub(crate) fn refused(
    gateway: &Gateway,
    payment: &Payment,
    refusal: Refusal,
    cause: &Cause,
) -> Result<(Payment, Mutation), OperationError> {
    let failed = payment.clone().refuse_approval(refusal, gateway.now());
    let failed = failed.map_err(|problem| OperationError::state(payment, problem))?;
    let event = Event::payment_moved(Some(&payment.state), &failed, cause);
    Ok((failed.clone(), Mutation::MovePayment { payment: failed, event }))
}
