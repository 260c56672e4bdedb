//! Records a provider's answer. The money may have moved by now, so this step retries persistently; an answer that
//! cannot be written leaves the operation in flight, to be resolved from the provider's records.

use std::time::Duration;

use crash_points::reach;
use jiff::SignedDuration;

use crate::causes::with_causes;
use crate::model::follow_up::FollowUp;
use crate::model::idempotency::KeyChange;
use crate::model::in_flight::READS_LAG;
use crate::model::provider::Uncertainty;
use crate::ports::store::{Change, CommitError};
use crate::usecases::OperationError;
use crate::usecases::call::{Call, Decided};
use crate::usecases::calls::resolvable::{Answered, Resolvable};
use crate::usecases::gateway::Gateway;

const TRIES: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Applies the answer and commits it together with the client's answer. If other evidence has decided the operation
/// meanwhile, that decision stands. An operation that stays undecided is followed up, not before `hold` has passed.
pub(crate) async fn record<T: Resolvable>(
    gateway: &Gateway,
    before: T,
    answer: &impl Answered<T>,
    hold: Option<SignedDuration>,
    call: &Call<T>,
) -> Result<T, OperationError> {
    let mut current = before;
    for n in 0..TRIES {
        let Ok(mut moved) = answer.moves(current.clone(), gateway.now()) else {
            let current = revive(gateway, current, answer, call).await;
            return conclude(gateway, current.subject(), answer.client_outcome(current, call.asked), call)
                .await;
        };
        schedule(gateway, moved.follow_up(), answer.uncertainty(), hold);
        let result = answer.client_outcome(moved.clone(), call.asked);
        let key = call.conclude(moved.subject(), &result);
        let change = Change::from(current.mutation(moved, &call.cause)).with_key(key);
        let problem = match gateway.commit(change).await {
            Ok(()) => {
                reach("after_commit_before_reply").await;
                return result;
            }
            Err(CommitError::Conflict(_)) => match current.read_again(&*gateway.store).await {
                Ok(Some(stored)) => {
                    current = stored;
                    continue;
                }
                Ok(None) => return Ok(current),
                Err(problem) => problem,
            },
            Err(CommitError::Store(problem)) => problem,
        };
        tracing::error!(
            subject.id = %current.id(), error = with_causes(&problem),
            "the provider's answer could not be recorded"
        );
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(n)).await;
    }
    // The last try may have found it decided by a commit of our own whose confirmation was lost.
    match answer.moves(current.clone(), gateway.now()) {
        Ok(_) => Ok(current),
        Err(_) => {
            conclude(gateway, current.subject(), answer.client_outcome(current, call.asked), call).await
        }
    }
}

/// Records an executed operation of a payment that other evidence has ended meanwhile. Its key has its answer. If that
/// fails, the provider's events and reads still show the money.
async fn revive<T: Resolvable>(
    gateway: &Gateway,
    current: T,
    answer: &impl Answered<T>,
    call: &Call<T>,
) -> T {
    let Some(revived) = answer.revives(&current, gateway.now()) else { return current };
    tracing::error!(
        subject.id = %current.id(),
        "the provider executed an operation that was recorded as ended without money"
    );
    match gateway.commit(Change::from(current.mutation(revived.clone(), &call.cause))).await {
        Ok(()) => revived,
        Err(problem) => {
            tracing::error!(
                subject.id = %current.id(), error = with_causes(&problem),
                "the executed operation could not be recorded"
            );
            current
        }
    }
}

/// Counts a failed try and schedules the next one.
fn schedule(
    gateway: &Gateway,
    follow_up: &mut Option<FollowUp>,
    uncertainty: Option<&Uncertainty>,
    hold: Option<SignedDuration>,
) {
    let Some(next) = follow_up else { return };
    // A retry reveals nothing more, and a read reveals little until the provider's reads have caught up.
    let of_a_dead_key = uncertainty.filter(|uncertainty| uncertainty.is_key_dead).map(|_| READS_LAG);
    let asked = uncertainty.and_then(|uncertainty| uncertainty.retry_after_s).unwrap_or(0);
    let asked = SignedDuration::from_secs(asked.into());
    next.tries += 1;
    next.at = gateway.now() + asked + hold.or(of_a_dead_key).unwrap_or_else(|| gateway.pause(next.tries));
}

/// Stores the answer to a request whose outcome was decided by evidence other than its own call.
pub(crate) async fn conclude<T: Decided>(
    gateway: &Gateway,
    subject: crate::model::idempotency::Subject,
    result: Result<T, OperationError>,
    call: &Call<T>,
) -> Result<T, OperationError> {
    if let Some(key) = call.conclude(subject, &result) {
        let is_answer = matches!(key, KeyChange::Answer { .. });
        reach(if is_answer { "before_late_answer" } else { "before_release" }).await;
        match gateway.commit(Change::of_key(key)).await {
            // Another process has stored an answer, which stands byte for byte (an error names the request it answers).
            Err(CommitError::Conflict(_)) if is_answer => return Err(OperationError::KeyTaken),
            Ok(()) | Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Store(problem)) => return Err(problem.into()),
        }
    }
    result
}
