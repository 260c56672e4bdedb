//! Writing down what a provider answered. The money has moved by now: this step does not give up easily,
//! and what it cannot write it leaves as it is, under way, to be settled from the provider's records.

use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::OperationError;
use crate::crash_point::reach;
use crate::domain::event::{Cause, Event};
use crate::domain::follow_up::FollowUp;
use crate::domain::gateway::Gateway;
use crate::domain::idempotency::{Call, Decided, KeyChange};
use crate::domain::payment::{InvalidTransition, Payment};
use crate::domain::provider::Doubt;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, CommitError, Step, Store, StoreError};

const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What a provider's answer can move.
#[async_trait]
pub(super) trait Settled: Clone + Decided + Send + Sync {
    fn id(&self) -> &(dyn Display + Sync);
    fn step(&self, moved: Self, cause: &Cause) -> Step;
    fn follow_up(&mut self) -> &mut Option<FollowUp>;
    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError>;
}

/// What a provider answered.
pub(super) trait Answered<T> {
    fn moves(&self, subject: T, at: Timestamp) -> Result<T, InvalidTransition>;
    /// What the client is told about the subject as it is recorded.
    fn told(&self, subject: T) -> Result<T, OperationError>;
    /// Why it is no answer, where it is none.
    fn doubt(&self) -> Option<&Doubt>;
}

/// Applies the answer and commits it together with what the client is told. If somebody else settled it meanwhile,
/// their evidence stands. What stays undecided is looked after again, not before `hold` has passed.
pub(super) async fn record<T: Settled>(
    gateway: &Gateway,
    before: T,
    answer: &impl Answered<T>,
    hold: Option<SignedDuration>,
    call: &Call<T>,
) -> Result<T, OperationError> {
    let mut current = before;
    for n in 0..TRIES {
        let Ok(mut moved) = answer.moves(current.clone(), gateway.now()) else {
            return told(gateway, answer.told(current), call).await;
        };
        schedule(gateway, moved.follow_up(), answer.doubt(), hold);
        let result = answer.told(moved.clone());
        let change =
            Change { step: current.step(moved, &call.cause), key: call.settle(&result), webhook: None };
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
            subject.id = %current.id(), error = %problem, error.source = ?std::error::Error::source(&problem),
            "could not record the provider's answer for {}", current.id()
        );
        tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(n)).await;
    }
    // The last try may have found it settled, by a commit of our own whose answer was lost.
    match answer.moves(current.clone(), gateway.now()) {
        Ok(_) => Ok(current),
        Err(_) => told(gateway, answer.told(current), call).await,
    }
}

/// One try more was in vain: when the next one is.
fn schedule(
    gateway: &Gateway,
    follow_up: &mut Option<FollowUp>,
    doubt: Option<&Doubt>,
    hold: Option<SignedDuration>,
) {
    let Some(next) = follow_up else { return };
    let asked = doubt.and_then(|doubt| doubt.retry_after_s).unwrap_or(0);
    let asked = SignedDuration::from_secs(asked.into());
    next.tries += 1;
    next.at = gateway.now() + asked + hold.unwrap_or_else(|| gateway.pause(next.tries));
}

/// Keeps the answer to a request whose outcome was decided by other evidence than its own call.
pub(super) async fn told<T: Decided>(
    gateway: &Gateway,
    result: Result<T, OperationError>,
    call: &Call<T>,
) -> Result<T, OperationError> {
    if let Some(key) = call.settle(&result) {
        let is_answer = matches!(key, KeyChange::Answer { .. });
        match gateway.commit(Change { step: Step::Nothing, key: Some(key), webhook: None }).await {
            // Somebody else has kept an answer: theirs stands, to the byte (an error names the request it answers).
            Err(CommitError::Conflict(_)) if is_answer => return Err(OperationError::KeyTaken),
            Ok(()) | Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Store(problem)) => return Err(problem.into()),
        }
    }
    result
}

#[async_trait]
impl Settled for Payment {
    fn id(&self) -> &(dyn Display + Sync) {
        &self.id
    }

    fn step(&self, moved: Self, cause: &Cause) -> Step {
        let event = Event::payment_moved(Some(&self.state), &moved, cause);
        Step::MovePayment { payment: moved, event }
    }

    fn follow_up(&mut self) -> &mut Option<FollowUp> {
        &mut self.follow_up
    }

    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.payment(&self.client, self.id).await
    }
}

#[async_trait]
impl Settled for Refund {
    fn id(&self) -> &(dyn Display + Sync) {
        &self.id
    }

    fn step(&self, moved: Self, cause: &Cause) -> Step {
        let event = Event::refund_moved(Some(&self.state), &moved, cause);
        Step::MoveRefund { refund: moved, event }
    }

    fn follow_up(&mut self) -> &mut Option<FollowUp> {
        &mut self.follow_up
    }

    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.refund(&self.client, self.id).await
    }
}
