//! Resolves undecided operations: retries the call under its own key while the provider still answers it, and reads the
//! provider's records. Only evidence decides, never time alone.

use crash_points::reach;
use futures_util::future::BoxFuture;

use crate::model::event::Cause;
use crate::model::follow_up::FollowUp;
use crate::model::in_flight::InFlight;
use crate::model::provider::OperationKind;
use crate::model::work::{Claimed, Due, Work};
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Change, CommitError, StoreError};
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::resolvable::{Phase, Resolvable};
use crate::usecases::calls::send::{lost, send_and_record};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{ProviderSync, SyncError};
use crate::usecases::webhook::{self, EVENT_LEASE};
use crate::usecases::{OperationError, watch};

/// Claims one piece of work if it is due, and processes it. The caller has checked the provider's budget before.
///
/// # Errors
/// If the database cannot be used. The work is due again once the claim has expired.
pub fn work_off<'a>(gateway: &'a Gateway, work: &'a Work) -> BoxFuture<'a, Result<Claimed, StoreError>> {
    Box::pin(async move {
        let lease = match work {
            Work::Event { .. } => EVENT_LEASE,
            Work::Payment(_) | Work::Refund(_) | Work::Watch(_) => gateway.retries.policy().call_lease,
        };
        let now = gateway.now();
        let claimed = gateway.store.claim(work, now, now + lease).await?;
        if claimed == Claimed::Taken {
            match work {
                Work::Payment(id) => undecided(gateway, gateway.store.payment_by_id(*id).await?).await?,
                Work::Refund(id) => undecided(gateway, gateway.store.refund_by_id(*id).await?).await?,
                Work::Watch(id) => watch::look(gateway, *id).await?,
                Work::Event { provider, id } => {
                    if let Some(event) = gateway.store.webhook(*provider, id).await? {
                        webhook::process(gateway, event).await?;
                    }
                }
            }
        }
        Ok(claimed)
    })
}

/// Claims and processes the longest overdue work. `None`: nothing is due.
pub fn run_next_due<'a>(gateway: &'a Gateway) -> BoxFuture<'a, Result<Option<Work>, StoreError>> {
    Box::pin(async move {
        for Due { work, .. } in gateway.store.overdue(gateway.now(), 8).await? {
            if work_off(gateway, &work).await? == Claimed::Taken {
                return Ok(Some(work));
            }
        }
        Ok(None)
    })
}

async fn undecided<T: Resolvable>(gateway: &Gateway, subject: Option<T>) -> Result<(), StoreError> {
    let Some(mut subject) = subject else { return Ok(()) };
    let Some(follow_up) = *subject.follow_up() else { return Ok(()) };
    let Some(context) = subject.context(&*gateway.store).await? else { return Ok(()) };
    let work = subject.work();
    let progress = match gateway.provider(subject.provider(&context)) {
        Err(problem) => Err(SyncError::Failed(problem.to_string())),
        Ok(provider) => resolve(gateway, &*provider, subject, context).await,
    };
    conclude(gateway, work, follow_up, progress).await
}

/// The result of one try.
enum Progress {
    /// The state changed, or the call scheduled the next try.
    Recorded,
    /// The records were read and showed nothing new.
    NothingNew,
}

/// Schedules the next follow-up of an operation that is still undecided.
async fn conclude(
    gateway: &Gateway,
    work: Work,
    before: FollowUp,
    progress: Result<Progress, SyncError>,
) -> Result<(), StoreError> {
    reach("after_handling").await;
    let reason = match progress {
        Ok(Progress::Recorded) => return Ok(()),
        Ok(Progress::NothingNew) => "the provider shows nothing new".to_owned(),
        Err(SyncError::Store(problem)) => return Err(problem),
        Err(error) => error.reason(),
    };
    let tries = before.tries + 1;
    let to = FollowUp { at: gateway.now() + gateway.pause(tries), tries };
    tracing::info!(?work, tries = to.tries, next_at = %to.at, reason, "still undecided");
    gateway.store.postpone(&work, to).await?;
    gateway.queue.announce(Due { work, at: to.at });
    Ok(())
}

/// Makes one try: gives up an operation that has waited too long, sends a queued one, retries an unknown one while its
/// key is valid, and otherwise reads the provider's records.
async fn resolve<T: Resolvable>(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    mut subject: T,
    context: T::Context,
) -> Result<Progress, SyncError> {
    let call = subject.going_on(Cause::follow_up(subject.client().clone()), gateway);
    match subject.phase() {
        Phase::Queued(in_flight) if is_too_late(gateway, &in_flight, subject.operation()) => {
            let given_up = subject.clone().give_up(gateway.now()).map_err(odd)?;
            let result = given_up.clone().outcome_of(call.asked);
            let key = call.conclude(given_up.subject(), &result);
            let change = subject.mutation(given_up, &call.cause);
            return write(gateway, Change::from(change).with_key(key)).await;
        }
        Phase::Queued(_) => {
            let mut begun = subject.clone().begin_again(gateway.now()).map_err(odd)?;
            gateway.hold_for_call(begun.follow_up());
            write(gateway, subject.mutation(begun.clone(), &call.cause).into()).await?;
            return heard(
                send_and_record(gateway, provider, begun, &context, InlineRetry::none(), &call).await,
            );
        }
        Phase::Calling(in_flight) => {
            if !gateway.is_over(in_flight.known_since()) {
                return Err(SyncError::Wait("a call of our own is in flight"));
            }
            subject = lost(gateway, subject, &call.cause).await.map_err(SyncError::from)?;
        }
        Phase::Unknown(_) | Phase::Other => {}
    }
    let sync = ProviderSync { gateway, provider };
    if let Phase::Unknown(in_flight) = subject.phase()
        && gateway.may_repeat(provider, &in_flight, subject.operation())
    {
        let again = subject.clone();
        heard(send_and_record(gateway, provider, again, &context, InlineRetry::none(), &call).await)?;
        // If the retry was inconclusive, e.g. because it returned the same error again, the records may help.
        let now = subject.read_again(&*gateway.store).await?;
        if let Some(now) = now.filter(|now| matches!(now.phase(), Phase::Unknown(_))) {
            now.sync_with(sync, context, &call.cause).await?;
        }
        return Ok(Progress::Recorded);
    }
    let moved = subject.sync_with(sync, context, &call.cause).await?;
    Ok(if moved { Progress::Recorded } else { Progress::NothingNew })
}

/// Whether the operation is too old to be sent: the charge's own expiry has passed or, for all operations, the policy's
/// period.
fn is_too_late(gateway: &Gateway, in_flight: &InFlight, operation: OperationKind) -> bool {
    let policy = gateway.retries.policy();
    let keep_trying_until = in_flight.since + policy.keep_trying;
    let until = match (operation, in_flight.expires_at) {
        (OperationKind::Charge, Some(expires_at)) => expires_at.min(keep_trying_until),
        _ => keep_trying_until,
    };
    gateway.now() > until
}

async fn write(gateway: &Gateway, change: Change) -> Result<Progress, SyncError> {
    match gateway.commit(change).await {
        Ok(()) => Ok(Progress::Recorded),
        Err(CommitError::Conflict(_)) => Err(SyncError::Wait("it moved meanwhile")),
        Err(CommitError::Store(problem)) => Err(problem.into()),
    }
}

/// Maps a recorded answer, of any kind, to progress.
fn heard<T>(answer: Result<T, OperationError>) -> Result<Progress, SyncError> {
    match answer {
        Ok(_)
        | Err(
            OperationError::Refused { .. }
            | OperationError::NotSent { .. }
            | OperationError::GivenUp { .. }
            | OperationError::Superseded { .. }
            // The key already has its answer.
            | OperationError::KeyTaken,
        ) => Ok(Progress::Recorded),
        Err(problem) => Err(problem.into()),
    }
}

fn odd(problem: impl std::fmt::Display) -> SyncError {
    SyncError::Failed(problem.to_string())
}
