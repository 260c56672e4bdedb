//! Takes an operation from its recorded intent to its outcome: calls the provider and records the answer.

use crash_points::reach;

use crate::model::event::{Cause, Event};
use crate::model::payment::Payment;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Change, Mutation};
use crate::usecases::OperationError;
use crate::usecases::call::Call;
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::record::record;
use crate::usecases::calls::resolvable::{Answered as _, Phase, Resolvable};
use crate::usecases::calls::{commit, commit_beside};
use crate::usecases::gateway::Gateway;

/// Records `moved` as in flight, together with the client's key, and then makes the call.
pub(crate) async fn begin(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    before: &Payment,
    mut moved: Payment,
    inline_retry: InlineRetry,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    gateway.hold_for_call(&mut moved.follow_up);
    let event = Event::payment_moved(Some(&before.state), &moved, &call.cause);
    let mutation = Mutation::MovePayment { payment: moved.clone(), event };
    commit(gateway, Change::from(mutation).with_key(call.take(gateway.now())), moved.id).await?;
    send_and_record(gateway, provider, moved, &(), inline_retry, call).await
}

/// Makes the in-flight call of `subject` and records the answer; returns the client's result.
pub(crate) async fn send_and_record<T: Resolvable>(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    mut subject: T,
    context: &T::Context,
    mut inline_retry: InlineRetry,
    call: &Call<T>,
) -> Result<T, OperationError> {
    loop {
        reach("after_intent").await;
        // Frozen, or kept waiting by the database: another process may have taken the operation up by now.
        if matches!(subject.phase(), Phase::Calling(begun) if gateway.is_over(begun.known_since())) {
            return subject.outcome_of(call.asked);
        }
        let Some(answer) = subject.send(provider, context).await else {
            return subject.outcome_of(call.asked);
        };
        reach("after_provider").await;
        let next_try = inline_retry.after_call(gateway, provider.name(), answer.is_unknown());
        subject = record(gateway, subject, &answer, next_try.hold(), call).await?;
        if !(next_try.wait().await && matches!(subject.phase(), Phase::Unknown(_))) {
            return Ok(subject);
        }
    }
}

/// Records that a call's answer is lost: from then on, sending the call again counts as a repeat.
pub(crate) async fn lost<T: Resolvable>(
    gateway: &Gateway,
    subject: T,
    cause: &Cause,
) -> Result<T, OperationError> {
    let busy = || OperationError::Busy { payment: subject.payment() };
    let mut lost = subject.clone().lost(gateway.now()).map_err(|_| busy())?;
    gateway.hold_for_call(lost.follow_up());
    let change = Change::from(subject.mutation(lost.clone(), cause));
    // The call itself may have been carried out.
    commit_beside(gateway, change, subject.payment()).await?;
    Ok(lost)
}
